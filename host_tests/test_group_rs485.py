"""The RS485 group: the firmware's master and slaves share a supply through whatever happens to the line."""

import asyncio

import pytest
from dlm.group_load import GroupBuilding, GroupLoad
from group_wire_rig import SETTLED_S, GroupRig, MasterStation, Sent, Station, now_s

FOLLOW_S = 5.0  # that physics needs


def test_all_share_the_supply_and_know_each_other(tmp_path):
    """Given three slaves, when four cars come, then each gets a quarter; their records tell the rest."""

    async def story(rig):
        await rig.charge()
        assert rig.grants_a == [15, 15, 15, 15]
        assert [member.serial for member in rig.group.members] == [
            "MASTER",
            "SN01",
            "SN02",
            "SN03",
        ]
        member = rig.group.members[2]
        assert (member.status, member.signaled_ma, member.connector_id) == ("Charging", 15000, 3)
        assert member.current_ma == [15000] * 3
        assert member.online
        assert rig.slaves[0].charger.limits.reason == "group"
        rig.slaves[0].charger.leave()
        await rig.run(8)
        assert rig.grants_a == [20, 0, 20, 20]
        assert rig.longest_over_s == 0

    GroupRig(tmp_path).play(story)


def test_nobody_charges_before_the_master_has_spoken(tmp_path):
    """Given slaves with cars but no master, then they wait 40 s, and take their fallback current."""

    async def story(rig):
        rig.master.cut_power()
        rig.arrive(1, 2, 3)
        await rig.run(39)
        assert rig.grants_a[1:] == [0, 0, 0]
        await rig.run(2)
        assert rig.grants_a[1:] == [10, 10, 10]
        assert rig.slaves[0].charger.limits.reason == "group master"

    GroupRig(tmp_path).play(story)


def test_a_cut_slave_falls_back_before_its_share_is_given_away(tmp_path):
    """Given 4 cars, when a slave's line is cut, then it holds 30 s, falls, and only then others get more."""

    async def story(rig):
        await rig.charge()
        rig.slaves[0].uart.cut = True
        cut_s = now_s()
        fell_s = risen_s = 0.0
        while now_s() < cut_s + 50:
            await rig.run(0.25)
            if not fell_s and rig.grants_a[1] == 10:
                fell_s = now_s()
            if not risen_s and rig.grants_a[2] > 15:
                risen_s = now_s()
        assert 28 <= fell_s - cut_s <= 31
        assert 31 <= risen_s - cut_s <= 36  # the last answer was up to a second before
        assert risen_s > fell_s + 1
        assert rig.grants_a[2] == pytest.approx(16.6, abs=0.1)
        assert not rig.group.members[1].online
        assert rig.longest_over_s == 0
        rig.slaves[0].uart.cut = False
        await rig.run(20)
        assert rig.grants_a == [15, 15, 15, 15]
        assert rig.longest_over_s == 0

    GroupRig(tmp_path).play(story)


@pytest.mark.parametrize("direction", ["deaf", "mute"])
def test_a_line_that_fails_in_one_direction(tmp_path, direction):
    """Given a slave that hears without being heard, or the reverse, then nothing overlaps."""

    async def story(rig):
        await rig.charge()
        uart = rig.slaves[0].uart
        if direction == "deaf":
            uart.deaf = True
        else:
            uart.write = lambda data: (
                setattr(uart, "_last", Sent(uart, now_s(), data)) or len(data)
            )
        await rig.run(60)
        assert rig.grants_a[1] == 10
        assert rig.grants_a[2] > 16
        assert rig.longest_over_s == 0

    GroupRig(tmp_path).play(story)


def test_the_master_loses_power_and_comes_back(tmp_path):
    """Given 4 cars, when the master is off for a minute, then slaves fall back; later all share again."""

    async def story(rig):
        await rig.charge()
        rig.master.cut_power()
        await rig.run(60)
        assert rig.grants_a[1:] == [10, 10, 10]
        rig.master.start()
        assert [member.serial for member in rig.group.members[1:]] == ["SN01", "SN02", "SN03"]
        await rig.run(SETTLED_S)
        assert rig.grants_a == [15, 15, 15, 15]
        assert rig.longest_over_s == 0

    GroupRig(tmp_path).play(story)


def test_a_short_power_cut_of_the_master(tmp_path):
    """Given 4 cars, when the master restarts within seconds, then nobody exceeds anything."""

    async def story(rig):
        await rig.charge()
        for _ in range(3):
            rig.master.cut_power()
            await rig.run(2)
            rig.master.start()
            await rig.run(7)
        await rig.run(SETTLED_S)
        assert rig.grants_a == [15, 15, 15, 15]
        assert rig.longest_over_s == 0

    GroupRig(tmp_path).play(story)


def test_a_slave_loses_power_and_comes_back(tmp_path):
    """Given 4 cars, when a slave restarts, then it is greeted anew and gets its share again."""

    async def story(rig):
        await rig.charge()
        rig.slaves[1].cut_power()
        await rig.run(4)
        rig.slaves[1].start()
        await rig.run(1)
        assert rig.grants_a[2] == 0
        await rig.run(14)
        assert rig.grants_a == [15, 15, 15, 15]
        assert rig.longest_over_s == 0

    GroupRig(tmp_path).play(story)


def test_a_noisy_line(tmp_path):
    """Given every seventh frame garbled, then all still get their share and nothing overlaps."""

    async def story(rig):
        rig.wire.noise = 0.15
        await rig.charge()
        await rig.run(60)
        assert sum(rig.grants_a) > 50
        assert rig.longest_over_s == 0

    GroupRig(tmp_path).play(story)


def test_a_slave_that_disobeys_is_named_and_all_fall_back(tmp_path):
    """Given 3 cars, when a slave offers 32 A whatever it is told, then the others go to their fallback."""

    async def story(rig):
        await rig.charge(0, 1, 2)
        assert rig.grants_a[:3] == [20, 20, 20]
        rig.slaves[0].charger.disobeys_ma = 32000
        await rig.run(30)
        assert rig.group.trouble == "SN01 disobeys"
        assert rig.group.members[1].trouble == "disobeys"
        assert (rig.grants_a[0], rig.grants_a[2]) == (10, 10)
        rig.slaves[0].charger.disobeys_ma = 0
        await rig.run(80)
        assert rig.group.trouble == ""
        assert rig.grants_a[:3] == [20, 20, 20]

    GroupRig(tmp_path, llm_fallback_current=10.0).play(story)


def test_two_slaves_with_one_address_are_named(tmp_path):
    """Given two slaves set to number 2, then both are named and 10 A are kept for each."""

    async def story(rig):
        twin = Station(rig.wire, 2, "TWIN", llm_grid_current=60.0)
        twin.start()
        rig.stations.append(twin)
        rig.arrive(0, 1)
        await rig.run(60)
        member = rig.group.members[2]
        assert member.trouble == "several with this address: SN02, TWIN"
        assert rig.grants_a[0] == rig.grants_a[1] == 20  # 60 A less 10 A for each of the two
        twin.settings.change({"group_address": 0})
        twin.carrier.set_number(0)
        await rig.run(20)
        assert member.trouble == ""
        assert member.online

    GroupRig(tmp_path).play(story)


def test_two_masters_are_noticed(tmp_path):
    """Given a second master, then one of them keeps quiet and its own charger pauses."""

    async def story(rig):
        await rig.run(5)
        other = MasterStation(rig.wire, tmp_path / "other.json", 3, serial="OTHER")
        other.start()
        rig.stations.append(other)
        rig.arrive(0, 1, 2, 3)
        other.charger.arrive()
        await rig.run(90)
        masters = (rig.master, other)
        quiet = [master for master in masters if master.group.rival]
        assert len(quiet) == 1
        assert quiet[0].group.trouble == "two masters"
        assert quiet[0].charger.limits.ma == 0
        leading = other if quiet[0] is rig.master else rig.master
        assert [member.online for member in leading.group.members] == [True] * 4
        assert sum(rig.grants_a) == 60
        assert rig.longest_over_s <= FOLLOW_S

    GroupRig(tmp_path).play(story)


def test_set_up_mode_gives_numbers(tmp_path):
    """Given slaves without a number, when the master looks for them, then each gets its own, kept."""

    async def story(rig):
        await rig.run(3)
        assert rig.group.members[1].serial == ""
        rig.group.settle()
        await rig.run(30)
        numbers = {station.serial: station.settings.get("group_address") for station in rig.slaves}
        assert sorted(numbers.values()) == [1, 2, 3]
        assert rig.master.settings.get("slave_number") == 3
        assert {member.serial: member.number for member in rig.group.members[1:]} == numbers
        assert all(member.online for member in rig.group.members)

    rig = GroupRig(tmp_path, slaves=3)
    rig.master.settings.change({"slave_number": 1})
    for slave in rig.slaves:
        slave.settings.change({"group_address": 0})
    rig.play(story)


def test_calls_are_answered_once_each(tmp_path):
    """Given a slave that counts its calls, when the line is noisy, then none is executed twice."""
    calls = []

    def answer(message):
        calls.append(message)
        return b"answer to " + message

    async def story(rig):
        await rig.run(5)
        rig.slaves[1].group.answer = answer
        member = rig.group.members[2]
        assert await rig.group.call(member, b"hello", 32) == b"answer to hello"
        rig.wire.noise = 0.1
        for number in range(10):
            assert await rig.group.call(member, b"%d" % number, 32) == b"answer to %d" % number
        assert calls == [b"hello"] + [b"%d" % number for number in range(10)]
        rig.slaves[1].uart.cut = True
        with pytest.raises(OSError, match="slave 2 does not answer"):
            await rig.group.call(member, b"x")

    GroupRig(tmp_path).play(story)


def test_something_that_waits_is_told(tmp_path):
    """Given a watcher, when a slave has something to tell or a session begins, then it is called."""
    told = []

    async def story(rig):
        await rig.run(5)
        rig.group.watch(lambda member, what: told.append((member.number, what)))
        rig.slaves[2].group.waiting = True
        rig.arrive(1)
        await rig.run(10)
        assert (3, "waiting") in told
        assert (1, "session") in told
        rig.slaves[0].uart.cut = True
        await rig.run(10)
        assert (1, "online") in told

    GroupRig(tmp_path).play(story)


class BuildingMeter:
    """Behind the main fuse: the house and the whole group."""

    def __init__(self, rig) -> None:
        self._rig = rig
        self.house_a = 10
        self.silent = False
        self.current_ma = [None] * 3

    async def poll(self) -> bool:
        await asyncio.sleep(0.1)
        self.current_ma = [round(1000 * (self.house_a + sum(self._rig.drawn_a)))] * 3
        return not self.silent


def test_the_buildings_meter_bounds_the_whole_group(tmp_path):
    """Given DLB with 45 A, when the house draws more, then all reduce; a silent meter: fallback currents."""

    async def story(rig):
        meter = BuildingMeter(rig)
        rig.group.building = GroupLoad()
        building = GroupBuilding(rig.master.settings, rig.group.building, meter)
        task = asyncio.get_running_loop().create_task(building.run())
        await rig.charge(0, 1)
        await rig.run(40)
        assert 33 <= sum(rig.drawn_a) <= 35
        meter.house_a = 25
        await rig.run(8)
        assert 18 <= sum(rig.drawn_a) <= 20
        assert rig.group.limit_reason == "building"
        meter.silent = True
        await rig.run(20)
        assert rig.group.limit_reason == "building meter"
        assert sum(rig.grants_a) <= 24  # 6 A for each of the four
        assert not task.done()

    GroupRig(tmp_path, dlb_function="DLB", llm_fallback_current=6.0).play(story)


def test_nineteen_slaves_take_less_than_a_second_and_a_half(tmp_path):
    """Given 19 slaves at 9600 baud, then a round takes 1.5 s at most, without the chips' own time."""

    async def story(rig):
        await rig.run(7)
        assert all(member.online for member in rig.group.members)
        rig.arrive(*range(20))
        await rig.run(12)
        assert rig.master.carrier.cycle_ms < 1500
        assert rig.grants_a == [10] * 20
        assert rig.longest_over_s == 0

    GroupRig(tmp_path, 19, look_ms=5, llm_grid_current=200.0, llm_fallback_current=6.0).play(story)
