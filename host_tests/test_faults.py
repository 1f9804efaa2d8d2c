"""The fault book: what raises a fault, what clears it, and what the table says of each."""

import asyncio

import pytest
import virtual_time
from core import log
from evse import faults, status
from evse.faults import FaultBook

ALWAYS = None

# name, OCPP errorCode, seconds well, how often that clears it, whether unplugging does
POLICIES = {
    faults.GUARD_STALLED: ("guard_stalled", "InternalError", 0, 0, False),
    faults.WELDED_CONTACTOR: ("welded_contactor", "PowerSwitchFailure", 0, 0, False),
    faults.CP_SHORT: ("cp_short", "OtherError", 3, ALWAYS, True),
    faults.DIODE_SHORT: ("diode_short", "OtherError", 60, ALWAYS, True),
    faults.RESIDUAL_CURRENT: ("residual_current", "GroundFailure", 900, 3, True),
    faults.RCM_TEST_FAILED: ("rcm_test_failed", "GroundFailure", 0, ALWAYS, False),
    faults.GROUND_LOST: ("ground_lost", "GroundFailure", 5, ALWAYS, False),
    faults.CONTACTOR_FAILS_TO_CLOSE: (
        "contactor_fails_to_close",
        "PowerSwitchFailure",
        30,
        3,
        True,
    ),
    faults.NOT_OBEYING: ("car_ignores_pilot", "OtherError", 0, 0, True),
    faults.PP_ERROR: ("pp_error", "OtherError", 3, ALWAYS, True),
    faults.LOCK_JAM: ("lock_jam", "ConnectorLockFailure", 0, ALWAYS, True),
    faults.OVER_VOLTAGE: ("over_voltage", "OverVoltage", 60, ALWAYS, False),
    faults.UNDER_VOLTAGE: ("under_voltage", "UnderVoltage", 60, ALWAYS, False),
    faults.PHASE_LOSS: ("phase_loss", "UnderVoltage", 60, ALWAYS, False),
    faults.OVER_CURRENT: ("over_current", "OverCurrentFailure", 30, 3, True),
    faults.OVER_TEMPERATURE: ("over_temperature", "HighTemperature", 0, ALWAYS, False),
    faults.TEMPERATURE_SENSOR: ("temperature_sensor", "OtherError", 10, ALWAYS, False),
    faults.METER_FAULT: ("meter_fault", "PowerMeterFailure", 5, ALWAYS, False),
    faults.CRASH_LOOP: ("crash_loop", "InternalError", 0, 0, False),
    faults.CONTACTOR_WORN: ("contactor_worn", "OtherError", 0, ALWAYS, False),
    faults.PLUG_WORN: ("plug_worn", "OtherError", 0, ALWAYS, False),
    faults.UNLOCK_JAM: ("unlock_jam", "ConnectorLockFailure", 0, ALWAYS, False),
    faults.READER_FAULT: ("reader_fault", "ReaderFailure", 0, ALWAYS, False),
    faults.CONFIG_DAMAGED: ("config_damaged", "InternalError", 0, 0, False),
    faults.QUEUE_FULL: ("queue_full", "OtherError", 0, ALWAYS, False),
}
OCPP_CODES = """ConnectorLockFailure EVCommunicationError GroundFailure HighTemperature InternalError
OtherError OverCurrentFailure OverVoltage PowerMeterFailure PowerSwitchFailure ReaderFailure
UnderVoltage""".split()
PATTERNS = ("on", "flashing slow", "flashing fast", "breathing")


def pass_s(seconds: float) -> None:
    virtual_time.clock.now_us += round(seconds * 1e6)


def now_ms() -> int:
    return virtual_time.clock.ticks_ms()


@pytest.fixture
def book():
    return FaultBook()


def well(book, bit, seconds) -> bool:
    """Let a fault's condition be over for a time; whether the fault is."""
    book.set(bit, False)
    pass_s(seconds)
    book.step(now_ms())
    return not book.bits & bit


@pytest.mark.parametrize("bit", POLICIES)
def test_the_policy_of_each_fault(book, bit):
    name, code, well_s, times, by_unplug = POLICIES[bit]
    rounds = 5 if times is ALWAYS else times
    for _ in range(rounds):
        book.set(bit, True)
        assert book.names() == [name] and book.code() == (code, name)
        pass_s(3600)
        book.step(now_ms())
        assert book.bits == bit  # as long as the condition stands
        if well_s:
            assert not well(book, bit, well_s - 0.1)
        assert well(book, bit, 0.1)
    if times is not ALWAYS:
        book.set(bit, True)
        assert not well(book, bit, 100_000)
        assert book.is_spent(bit)
    else:
        book.set(bit, True)
    book.set(bit, False)
    book.unplugged()
    assert (book.bits == 0) == by_unplug
    if by_unplug:  # the next car has all retries again
        book.unplugged()
        book.set(bit, True)
        assert book.is_spent(bit) == (times == 0)


def test_a_condition_that_returns_starts_the_time_anew(book):
    book.set(faults.CP_SHORT, True)
    assert not well(book, faults.CP_SHORT, 2.9)
    book.set(faults.CP_SHORT, True)
    book.set(faults.CP_SHORT, False)
    assert not well(book, faults.CP_SHORT, 2.9)
    assert well(book, faults.CP_SHORT, 0.2)


def test_unplugging_clears_nothing_that_still_stands(book):
    book.set(faults.RESIDUAL_CURRENT, True)
    book.unplugged()
    assert book.bits == faults.RESIDUAL_CURRENT


def test_the_retries_of_residual_current_are_configured(book):
    """Local rules differ: HQ 200 takes 15 minutes and three."""
    book.residual_policy = (300, 1)
    book.set(faults.RESIDUAL_CURRENT, True)
    assert not well(book, faults.RESIDUAL_CURRENT, 299)
    assert well(book, faults.RESIDUAL_CURRENT, 1)
    book.set(faults.RESIDUAL_CURRENT, True)
    assert not well(book, faults.RESIDUAL_CURRENT, 301)
    assert book.text(faults.RESIDUAL_CURRENT) == "Residual current: unplug the car"


def test_the_masks_name_each_fault_once():
    every = 0
    for bit in POLICIES:
        every |= bit
    kinds = (faults.STOPPING, faults.BLOCKING, faults.NOTICES)
    assert sum(kinds) == every and not kinds[0] & kinds[1] | kinds[1] & kinds[2]
    lasting = {bit for bit, row in POLICIES.items() if row[3] == 0 and not row[4]}
    assert sum(lasting) == faults.LASTING
    gentle = {
        "over_current",
        "over_temperature",
        "temperature_sensor",
        "meter_fault",
        "queue_full",
    }
    assert {POLICIES[bit][0] for bit in POLICIES if bit & faults.GENTLE} == gentle


def test_every_text_fits_and_every_pattern_is_one():
    with open(faults._TABLE, "rb") as file:
        assert {len(line) for line in file} == {160}  # a row is found by its place
    texts = []
    for bit, (name, code, *_) in POLICIES.items():
        row = faults.read_row(bit)
        assert (len(row), row[1], row[2]) == (10, name, code)
        assert code in OCPP_CODES
        texts.append(row[-5:])
        assert not bit & faults.STOPPING or (row[6] and row[7] and row[8])
    with open(status._TABLE) as file:
        conditions = file.read().splitlines()[1:]
    texts += [line.split("\t")[1:] for line in conditions]
    for text, etek, blink, *lcd in texts:
        assert 0 < len(text) <= 62
        assert all(len(line) <= 16 for line in lcd)
        for lamps in (etek, blink):
            for lamp in lamps.split(",") if lamps else ():
                colour, pattern = lamp.split(":")
                assert colour in ("red", "green", "blue", "yellow") and pattern in PATTERNS


def test_without_its_table_a_fault_still_stands_until_a_restart(book, monkeypatch):
    monkeypatch.setattr(faults, "_TABLE", "/nowhere/faults.tsv")
    book.set(faults.CP_SHORT, True)
    assert not well(book, faults.CP_SHORT, 1000)
    assert book.code() == ("OtherError", "fault")


def test_the_worst_is_shown_first(book):
    book.set(faults.READER_FAULT, True)
    book.set(faults.OVER_VOLTAGE, True)
    book.set(faults.WELDED_CONTACTOR, True)
    assert book.names() == ["welded_contactor", "over_voltage", "reader_fault"]
    assert book.code()[1] == "welded_contactor"


def logged(text: str) -> list:
    return [line for line in log.lines() if text in line]


def test_each_rise_is_logged_once_with_what_was_measured(tmp_path):
    from fault_rig import FaultRig

    async def story(rig):
        await rig.charge(max_a=16)
        before = len(logged("over_voltage: "))
        rig.world.change("mains_v", [280.4, 231.0, 229.0])
        await asyncio.sleep(10)
        (line,) = logged("over_voltage: ")[before:]
        assert "E fault: over_voltage: C 533/1000 " in line
        assert line.endswith("mV 32000mA 280/231/229V 16.0/0.0/0.0A 20C closed")
        high_mv, low_mv = line.split("/1000 ")[1].split("mV")[0].split("/")
        assert 5500 < int(high_mv) < 6500 and -12700 < int(low_mv) < -11300
        rig.world.change("mains_v", [230.0] * 3)
        await asyncio.sleep(62)
        rig.world.change("mains_v", [280.0] * 3)
        await asyncio.sleep(2)
        assert len(logged("over_voltage: ")) == before + 2

    FaultRig(tmp_path).play(story)
