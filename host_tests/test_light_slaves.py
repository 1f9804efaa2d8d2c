"""Light slaves: a process of their own, reached byte by byte on the group's line, in real time."""

import time

import pytest

from sim.group_line import GroupLine, settings
from sim.light_slaves import LightSlaves

NONCE_OF_SLAVE_1 = bytes.fromhex("65040030000279E0")
WAIT_S = 60


@pytest.fixture
def bench(tmp_path):
    """Given one light slave on a line; events are kept."""
    line, events = GroupLine(), []
    slaves = LightSlaves(
        {2: {**settings(2, 1, 20), "connection_mode": "Slave"}},
        tmp_path,
        lambda t_s, number, what, value: events.append((number, what, value)),
    )
    slaves.connect(line)
    slaves.start()
    yield line, slaves, events
    slaves.close()


def until(line, check, meanwhile=lambda: None):
    """Let the line live until something shows."""
    ends_s = time.monotonic() + WAIT_S
    asked_s = 0.0
    while not check():
        now_s = time.monotonic()
        assert now_s < ends_s
        line.step(now_s)
        if now_s - asked_s > 0.5:
            asked_s = now_s
            meanwhile()
        time.sleep(0.001)


def test_a_slave_answers_its_master_and_its_car_waits_for_a_grant(bench):
    line, slaves, events = bench
    # when the line asks it for a nonce
    until(
        line,
        lambda: any(f["hex"].startswith("650404") for f in line.frames(0) if f["board"] == 2),
        lambda: line.say(NONCE_OF_SLAVE_1),
    )
    # and a car comes
    slaves.change(2, {"plugged": True})
    until(line, lambda: slaves.state()[0]["vehicle"]["plugged"])
    # then nothing is offered, since no master has granted anything
    assert slaves.state()[0]["signaled_a"] == 0
    assert not events
    assert slaves.amps() == [0, 0, 0]
