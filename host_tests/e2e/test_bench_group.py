"""An RS485 group of four controllers on one line: power cuts, cut wires, noise, strangers, and who disobeys."""

import time

import pytest
from bench_process import until
from station import Station

pytestmark = pytest.mark.slow
LIMIT_A, FALLBACK_A = 40, 6
SHARE_A = LIMIT_A / 4
BOARDS = (1, 2, 3, 4)
SETTINGS = {
    "free_charging": True,
    "free_charging_mode": "Without ocpp",
    "rfid_reader": False,
    "llm_fallback_current": FALLBACK_A,
}
JOIN_S = 60
WATCH_S = 5
A_PER_PERMILLE = 0.06  # IEC 61851-1 table A.8, up to 51 A
AS_MASTER = {"connection_mode": "Master", "dlb_function": "DLM", "slave_number": 3}
AS_SLAVE = {"connection_mode": "Slave", "group_address": 3}


class Group:
    """Four stations: board 1 is the master of the others. A car waits at each."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.stations = {number: Station(bench, number) for number in BOARDS}
        self.master = self.stations[1]
        self.mend = lambda: None  # what a story leaves to the next one
        for station in self.stations.values():
            station.plug(phases=3)

    def line(self, **values) -> None:
        """Cut, disturb or mend the line."""
        self.master.ask("PUT", "/api/bus", values)

    def offers(self) -> dict:
        """Amperes by board."""
        return {number: s.state["signaled_a"] for number, s in self.stations.items()}

    def offer(self, timeout_s: float = JOIN_S, **wanted_a: float) -> None:
        """Wait until boards (b1, b2 …) offer these currents."""

        def all_do() -> bool:
            offers = self.offers()
            return all(abs(offers[int(b[1:])] - a) < 0.5 for b, a in wanted_a.items())

        until(all_do, f"offers {wanted_a}, not {self.offers()}", timeout_s)

    def share(self) -> None:
        """Wait until all have the same."""
        self.offer(b1=SHARE_A, b2=SHARE_A, b3=SHARE_A, b4=SHARE_A)

    def frames(self, board: int) -> list:
        """What a board has sent, in hexadecimal, oldest first."""
        frames = self.master.ask("GET", "/api/bus/frames?since=0")
        return [frame["hex"] for frame in frames if frame["board"] == board]

    def tells(self, board: int, text: str, timeout_s: float = JOIN_S) -> None:
        """Wait for a line on a board's console."""
        until(lambda: text in self.bench.console(board), f"board {board}: {text}", timeout_s)

    def set(self, board: int, **changes) -> None:
        """Change settings on a board's page."""
        self.log_in(board)
        status, _, body = self.stations[board].page.request("PUT", "/api/settings", changes)
        assert status == 200, body

    def log_in(self, board: int) -> None:
        """Log in at a board's page, once it answers."""
        page = self.stations[board].page
        until(lambda: _logged_in(page), f"the page of board {board}", JOIN_S)

    def restart(self, *boards: int) -> None:
        """Cut their supply, and bring it back."""
        for board in boards:
            self.stations[board].power(False)
        self.revive(*boards)

    def revive(self, *boards: int) -> None:
        """Bring their supply back; the next cars come, since those that were there wait for minutes."""
        for board in boards:
            self.stations[board].put("vehicle", plugged=False)
            self.stations[board].power(True)
        for board in boards:
            self.log_in(board)
            self.stations[board].plug(phases=3)

    def assert_never_above_limit(self) -> None:
        """Sum up what all offered after each change of a duty since the bench began."""
        offered_a = dict.fromkeys(BOARDS, 0.0)
        for event in self.master.ask("GET", "/api/events?since=0"):
            if event["what"] == "duty":
                permille = event["value"] % 1000  # steady high offers nothing
                offered_a[event["board"]] = permille * A_PER_PERMILLE
                assert sum(offered_a.values()) <= LIMIT_A + 0.2, (event, offered_a)


def _logged_in(page) -> bool:
    try:
        return page.login("etec", "88888888") == 204
    except OSError:
        return False


@pytest.fixture(scope="module")
def the_group(start_bench):
    return Group(
        start_bench(
            SETTINGS,
            boards=len(BOARDS),
            group=str(LIMIT_A),
            csms="none",
            heap="160k",
            config={"allow_factory_passwords": True},
        )
    )


@pytest.fixture
def group(the_group):
    """All well; and when the story ends the limit has never been passed."""
    the_group.line(cut=[], noise=0, echo=[])
    the_group.mend()
    the_group.mend = lambda: None
    the_group.share()
    yield the_group
    the_group.assert_never_above_limit()


def test_noise_echo_and_a_stranger_who_replays_frames_change_nothing(group):
    # Given four cars that share, and what has been on the line
    grants = [frame for frame in group.frames(1) if frame.startswith("00100100")]
    answers = [frame for frame in group.frames(2) if frame.startswith("6504")]
    since_ms = group.master.now_ms()
    # when bytes get lost, boards hear themselves, and a stranger sends old grants and answers again
    group.line(noise=0.002, echo=[1, 3])
    for frame in grants[:5] + answers[-5:]:
        group.master.ask("POST", "/api/bus/frames", {"hex": frame})
        time.sleep(0.5)
    # then nobody's offer has changed
    assert not [e for s in group.stations.values() for e in s.events("duty", since_ms)]
    assert group.frames(0)


def test_one_that_disobeys_and_two_with_one_address_are_named(group):
    # when a slave's car takes more than is offered, and two others have one number
    group.stations[2].put("vehicle", obeys_pilot=False, max_a=32)
    group.set(4, group_address=2)
    # then they are named, and all are on their fallback currents
    group.tells(1, "several with this address")
    group.tells(1, "disobeys")
    group.offer(b1=FALLBACK_A)

    def mend() -> None:
        """A master that starts anew trusts anew."""
        group.set(4, group_address=3)
        group.stations[2].put("vehicle", obeys_pilot=True)
        group.restart(1)

    group.mend = mend


def test_cut_wires_and_power_cuts_of_slaves_and_master(group):
    # when one slave's wires are cut, and another loses its power
    group.line(cut=[3])
    group.stations[4].power(False)
    # then the first falls back, and the others get what is left beside the fallback of both
    left_a = (LIMIT_A - 2 * FALLBACK_A) / 2
    group.offer(b1=left_a, b2=left_a, b3=FALLBACK_A)
    # when both are back, and the master's power fails
    group.line(cut=[])
    group.stations[1].power(False)
    group.revive(4)
    # then all fall back
    group.offer(b2=FALLBACK_A, b3=FALLBACK_A)
    # when the master is back, then all share
    group.revive(1)
    group.share()


def test_a_second_master_is_noticed_and_neither_of_them_grants_more(group):
    # when a slave is made another master
    group.set(4, **AS_MASTER)
    group.restart(4)
    # then the first one hears it and keeps quiet, whatever the other one grants
    group.tells(1, "another master is on the bus")
    group.offer(b1=0)
    time.sleep(WATCH_S)

    def mend() -> None:
        group.set(4, **AS_SLAVE)
        group.restart(1, 4)

    group.mend = mend
