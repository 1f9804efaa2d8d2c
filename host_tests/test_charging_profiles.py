"""Charging profiles on flash: what replaces what, what is damaged, what a power cut leaves."""

import asyncio
import sys
import copy
from binascii import crc32

import pytest
import virtual_time
from core import clock, loading
from flash_rig import ROOT, Flash, FlashFiles
from ocpp16 import profile_files, smart_charging
from ocpp16.profile_limit import ProfileLimit
from ocpp_rig import CardboardCharger
from test_charging_schedule import (
    DAY,
    DEFAULT as DEFAULT_NAME,
    MAX as MAX_NAME,
    T0,
    profile,
    reference,
)
from test_whitelist import install_directories

DEFAULT, MAX, TX = 1, 2, 0
DAILY = {"kind": "Recurring", "recurrencyKind": "Daily"}
WEEKLY = {"kind": "Recurring", "recurrencyKind": "Weekly"}


def made(number=1, level=0, purpose=DEFAULT, connector=1, limit=160, **more):
    """A profile with one period."""
    profile = profile_files.Profile()
    profile.id, profile.level = number, level
    profile.purpose, profile.connector = purpose, connector
    profile.set_periods([(0, limit, 0)])
    for name, value in more.items():
        setattr(profile, name, value)
    return profile


def put(path, *profiles) -> list:
    return [asyncio.run(profile_files.put(path, profile, 20)) for profile in profiles]


def found(path, session=0, tag=None) -> list:
    """(id, tenths) of what bounds connector 1."""
    profiles = asyncio.run(profile_files.read(path, 1, session, tag))
    return [(profile.id, profile.period(0)[1]) for profile in profiles]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "profiles")


def test_all_of_a_profile_is_kept(path):
    profile = made(-7, 9, in_watts=1, least_tenths=60, valid_from_s=1, valid_to_s=4_000_000_000)
    profile.start_s, profile.cycle_s, profile.duration_s = 1_795_000_000, 604800, 2**31 - 1
    profile.installed_s, profile.session, profile.tag_crc = 1_795_000_001, 12, 4_294_967_295
    profile.set_periods([(0, 1, 1), (5, 2**30 - 1, 3), (2**31 - 1, 2**40, 0)])
    put(path, profile)
    (kept,) = asyncio.run(profile_files.read(path, 1, 12, None))
    assert kept.period(0) == (0, 1, 1)
    assert kept.content() == profile.content()
    assert [kept.period(number) for number in range(kept.periods)] == [
        (0, 1, 1),
        (5, 2**30 - 1, 3),
        (2**31 - 1, 2**30 - 1, 0),  # more than any charger gives
    ]


def test_the_same_purpose_and_level_replaces(path):
    put(path, made(1), made(2, limit=100), made(3, level=1), made(4, connector=0))
    assert found(path) == [(3, 160), (2, 100), (4, 160)]


def test_the_same_id_replaces_at_another_level_too(path):
    put(path, made(1), made(2, level=1), made(1, level=2, limit=70))
    assert found(path) == [(1, 70), (2, 160)]


def test_profiles_of_other_connectors_do_not_count(path):
    put(path, made(1, connector=2), made(2), made(3, purpose=MAX, connector=0))
    assert found(path) == [(2, 160), (3, 160)]


def test_twenty_and_no_more_but_each_may_be_replaced(path):
    full = [made(number, number % 10, connector=number // 10) for number in range(20)]
    assert put(path, *full) == [True] * 20
    assert put(path, made(20, purpose=MAX, connector=0)) == [False]
    assert put(path, made(7, 7, connector=0, limit=60)) == [True]
    assert put(path, made(20, 5, connector=0, limit=60)) == [True]
    assert put(path, made(20, purpose=MAX, connector=0, limit=60)) == [True]  # of its own id


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:20] + b"!" + text[21:], lambda text: text[:-5], lambda text: b""]
)
def test_a_damaged_file_is_dropped_and_told(path, spoil, capsys):
    put(path, made(1), made(2, level=1))
    with open(f"{path}/D1-0", "rb") as file:
        text = file.read()
    with open(f"{path}/D1-0", "wb") as file:
        file.write(spoil(text))
    assert found(path) == [(2, 160)]
    assert "charging profile dropped, it is damaged" in capsys.readouterr().out
    assert found(path) == [(2, 160)]
    assert "dropped" not in capsys.readouterr().out


def test_a_file_that_was_never_whole_is_not_looked_at(path):
    put(path, made(1))
    with open(f"{path}/D1-3.new", "wb") as file:
        file.write(b"half")
    assert found(path) == [(1, 160)]


def test_a_tx_profile_ends_with_its_session(path):
    put(path, made(1, purpose=TX, session=5))
    assert found(path, 5, "TAG") == [(1, 160)]
    assert found(path, 6, "TAG") == []
    assert found(path, 5, "TAG") == [], "it has gone"


def test_that_of_a_remote_start_is_for_its_tag(path):
    put(path, made(1, purpose=TX, session=5, tag_crc=crc32(b"TAG")))
    assert found(path, 5, None) == [(1, 160)], "the plug is not in yet"
    assert found(path, 5, "TAG") == [(1, 160)]
    assert found(path, 5, "OTHER") == []


def test_of_two_with_one_id_a_start_keeps_the_newer(path):
    put(path, made(1, limit=100), made(2, level=5))
    with open(f"{path}/D1-3", "wb") as file:
        file.write(made(1, level=3, sequence=9).content())
    asyncio.run(profile_files.tidy(path))
    assert found(path) == [(2, 160), (1, 160)]


@pytest.mark.parametrize("new", [made(1, limit=70), made(1, level=4, limit=70), made(3, limit=70)])
def test_a_power_cut_at_any_flash_operation_leaves_the_old_or_the_new_profile(monkeypatch, new):
    path = ROOT + "profiles"
    cuts: list[bytes] = []

    def do(then):
        with monkeypatch.context() as patch:
            install_directories(chip, patch)
            return then()

    chip = FlashFiles()
    do(lambda: put(path, made(1, limit=100), made(2, level=1)))
    chip.flash.record = cuts.append
    do(lambda: put(path, new))
    cuts.append(bytes(chip.flash.buffer))
    seen = set()
    for content in cuts:
        chip = FlashFiles(Flash(content))
        do(lambda: asyncio.run(profile_files.tidy(path)))
        kept = do(lambda: found(path))
        assert (2, 160) in kept
        kept.remove((2, 160))
        assert kept in ([(1, 100)], [(new.id, 70)])
        seen.add(kept[0][1])
        assert do(lambda: put(path, made(8, level=8))) == [True]
        assert (8, 160) in do(lambda: found(path))
    assert seen == {100, 70}, "cuts before and after the change"


# --- the limit that comes of them


def test_the_limit_follows_a_week_of_charging_over_power_cuts(tmp_path):
    """Given a tariff by day, weekends apart, a maximum from tomorrow on, and a start each morning."""
    wanted = [
        profile(DEFAULT_NAME, [(0, 16), (7 * 3600, 8), (22 * 3600, 16)], **DAILY, start=-DAY),
        profile(DEFAULT_NAME, [(0, 32)], level=1, **WEEKLY, start=4 * DAY, duration=2 * DAY),
        profile(MAX_NAME, [(0, 14920)], unit="W", connector=0, start=DAY, validTo=5 * DAY),
    ]
    for number, (connector, body) in enumerate(wanted):
        one = profile_files.Profile()
        smart_charging._fill(one, copy.deepcopy(body))
        one.connector, one.id = connector, number
        put(str(tmp_path), one)

    async def live():
        charger = CardboardCharger()
        clock.set_unix_s(T0)
        limit = ProfileLimit(charger, str(tmp_path))
        seen = set()
        for minute in range(8 * 24 * 60):
            if minute % (DAY // 60) == 400:
                charger.start("A")
            if minute % 3000 == 2999:  # a new start of the controller, the clock a minute late
                limit = ProfileLimit(charger, str(tmp_path))
            await limit.step(True)
            amperes = reference(wanted, clock.unix_s() - T0, 0)
            assert charger.limits.slots()["charging profile"] == int(amperes * 1000)
            assert 0 < charger.limits.left_s <= 2 * DAY
            seen.add(round(amperes))
            await asyncio.sleep(60)
        return seen

    assert virtual_time.run(live()) == {8, 16, 22, 32}


def test_what_has_not_changed_is_not_worked_out_again(path, monkeypatch):
    put(path, made(1))
    reads = []
    real = loading.once
    monkeypatch.setattr(
        loading, "once", lambda name, *rest: (reads.append(name), real(name, *rest))[1]
    )

    async def live():
        charger = CardboardCharger()
        limit = ProfileLimit(charger, path)
        clock.set_unix_s(T0)
        for _ in range(3600):
            await limit.step(True)
            await asyncio.sleep(1)
        first = len(reads)
        await profile_files.put(path, made(1, limit=60), 20)
        limit.outdate()
        await limit.step(True)
        return first, charger.limits.ma, len(reads)

    first, limit_ma, after = virtual_time.run(live())
    assert (first, limit_ma, after) == (3, 6000, 5)


def test_trouble_with_the_flash_is_told_and_tried_again(path, monkeypatch, capsys):
    put(path, made(1))
    monkeypatch.setitem(sys.modules, "ocpp16.profile_files", profile_files)  # the one patched here

    async def fail(*arguments):
        raise OSError(5)

    async def live():
        charger = CardboardCharger()
        limit = ProfileLimit(charger, path)
        with monkeypatch.context() as patch:
            patch.setattr(profile_files, "read", fail)
            await limit.step(True)
        assert "charging profiles: 5" in capsys.readouterr().out
        assert charger.limits.slots() == {}
        await asyncio.sleep(61)
        await limit.step(True)
        return charger.limits.ma

    assert virtual_time.run(live()) == 16000


def test_only_a_few_profiles_have_their_periods_in_memory(path):
    put(path, *[made(number, level=number, limit=60 + number) for number in range(9)])
    profiles = asyncio.run(profile_files.read(path, 1, 0, None))
    for _ in range(2):
        assert [one.period(0)[1] for one in profiles] == list(range(68, 59, -1))
        assert sum(bool(one._packed) for one in profiles) == 3


def test_a_profile_that_is_replaced_while_it_is_looked_at_is_not_mixed_with_the_new_one(path):
    put(path, made(1))
    (old,) = asyncio.run(profile_files.read(path, 1, 0, None))
    put(path, made(1, limit=70))
    with pytest.raises(OSError, match="replaced"):
        old.period(0)
