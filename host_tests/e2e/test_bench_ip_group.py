"""A Gateway and two Clients on one network: three controllers on real MicroPython, and a back office."""

import pytest
from bench_process import until
from station import Station

pytestmark = pytest.mark.slow

GROUP = {
    "llm_enabled": True,
    "llm_network_mode": "Client",
    "llm_group_id": "Yard",
    "group_key": "a key of the yard",
    "llm_group_size": 3,
    "llm_grid_current": 60,
    "phases": "3P+N400V",
}
NETWORK = {"ssid": "Workshop", "ssid_password": "open-sesame", "setup_done": True}
WAIT_S = 60


@pytest.fixture(scope="module")
def yard(start_bench):
    """The Gateway and its Clients, all in touch with the back office."""
    bench = start_bench(
        {**GROUP, **NETWORK}, boards=3, heap="128k", config={"allow_factory_passwords": True}
    )
    stations = [Station(bench, number) for number in (1, 2, 3)]
    gateway = stations[0]
    assert gateway.page.login("etec", "88888888") == 204
    changed = gateway.page.request("PUT", "/api/settings", {"llm_network_mode": "Gateway"})
    assert changed[0] == 200, changed
    gateway.power(False)
    gateway.power(True)
    for station in stations:
        station.connected(WAIT_S)
    return stations


def _offers(stations, *amps) -> None:
    """Wait until the cars are offered these currents."""
    until(
        lambda: [round(s.state["signaled_a"]) for s in stations] == list(amps),
        f"offers of {amps} A",
        WAIT_S,
    )


def test_the_group_shares_and_survives_its_gateway(yard):
    gateway, first, second = yard
    # Given three cars on 60 A
    for station in yard:
        station.charge(phases=3)
    _offers(yard, 20, 20, 20)
    assert "relay: %s: open" % first.state["serial"] in gateway.bench.console(1)
    running = [station.started(0) for station in yard]

    # when the back office speaks to a Client, then that one answers, through the Gateway
    stopped = first.call("RemoteStopTransaction", transactionId=running[1]["id"])
    assert stopped == {"status": "Accepted"}
    assert first.stopped(running[1]["id"])["reason"] == "Remote"
    _offers(yard, 30, 0, 30)

    # when the Gateway's power is cut, then its Clients are without back office, and later on fallback
    gateway.power(False)
    until(lambda: not second.record["connected"], "the line is gone with the Gateway", WAIT_S)
    _offers(yard, 0, 0, 10)
    assert second.state["contactor_closed"]

    # when it is back, then so is all else
    gateway.power(True)
    for station in yard:
        station.connected(WAIT_S)
    _offers(yard[1:], 0, 32)
    for number in (1, 2, 3):
        console = gateway.bench.console(number)
        assert "MemoryError" not in console
        assert "Traceback" not in console
