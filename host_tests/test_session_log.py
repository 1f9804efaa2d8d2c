"""The log of sessions: whatever the supply does, and wherever it is read."""

import asyncio

import pytest
from core import clock
from evse import session as sessions
from evse import session_history
from evse.session import Session, SessionLog
from flash_rig import ROOT, Flash, FlashFiles
from rig import Rig

PATH = ROOT + "sessions"


# A power cut at any operation of the flash


def story(log, begun: list):
    """A log's life; each step is one call that has kept something when it returns."""
    log.plug_cycles += 1
    yield log.keep()
    for tag in ("CARD", "04A1B2C3D4E5F6", "CARD"):
        session = log.begin(tag, 1000 * len(begun))
        begun.append(session)
        log.contactor_cycles += 1
        yield log.start(session)
        for wh in (100, 250, 400):
            session.meter_stop_wh = session.meter_start_wh + wh
            yield log.keep(session)
        session.end("Remote" if tag == "CARD" else "EVDisconnected")
        log.stop(session)
        yield log.close(session)
        log.plug_cycles += 1
        yield log.keep()


def seen(path: str) -> tuple:
    """What a start of the controller finds."""
    log = SessionLog(path)
    open_session = log.unfinished
    if open_session:
        s = open_session
        open_session = (s.number, s.id_tag, s.meter_start_wh, s.meter_stop_wh)
    ended = [(s.number, s.id_tag, s.energy_wh, s.reason) for s in log.read(0, 100)]
    return log.contactor_cycles, log.plug_cycles, open_session, ended, log.meter_wh


@pytest.mark.parametrize("compact_bytes", [1024, 150])
def test_a_power_cut_at_every_operation_of_the_flash(monkeypatch, compact_bytes):
    """Then the log is as it was before the call that was cut off, or as it would be after it."""
    monkeypatch.setattr(sessions, "_COMPACT_BYTES", compact_bytes)
    files = FlashFiles()
    views = [(0, 0, None, [], None)]
    cuts = []
    with monkeypatch.context() as patch:
        files.install(patch)
        files.flash.record = lambda torn: cuts.append((len(views) - 1, torn))
        for _ in story(SessionLog(PATH), []):
            files.flash.record = None
            views.append(seen(PATH))
            files.flash.record = lambda torn: cuts.append((len(views) - 1, torn))
    assert len(views) == 20 and len(cuts) > 60
    assert views[-1][:2] == (3, 4) and views[-1][2] is None and len(views[-1][3]) == 3
    for done, torn in cuts:
        with monkeypatch.context() as patch:
            FlashFiles(Flash(torn)).install(patch)
            found = seen(PATH)
            assert found in views[done : done + 2]
            assert seen(PATH) == found


def test_a_session_that_was_cut_off_goes_on_and_ends(monkeypatch):
    FlashFiles().install(monkeypatch)
    log = SessionLog(PATH)
    session = log.begin("CARD", 5000)
    log.start(session)
    session.meter_stop_wh = 5600
    log.keep(session)
    log = SessionLog(PATH)
    session = log.unfinished
    assert (log.meter_wh, session.energy_wh) == (5600, 600)
    session.meter_stop_wh = 5700
    log.keep(session)
    log = SessionLog(PATH)
    session = log.unfinished
    assert session.energy_wh == 700
    session.end("Local")
    log.stop(session)
    log.close(session)
    log = SessionLog(PATH)
    assert log.unfinished is None
    assert [(s.number, s.energy_wh) for s in log.read()] == [(1, 700)]
    assert log.begin("NEXT", 5700).number == 2


def test_a_full_flash_costs_the_log_and_nothing_else(monkeypatch, tmp_path):
    log = SessionLog(str(tmp_path / "sessions"))
    session = log.begin("CARD", 0)
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(OSError(28)))
        log.start(session)
        log.keep(session)
        log.stop(session)
        log.close(session)
    log.keep()
    assert SessionLog(str(tmp_path / "sessions")).meter_wh == 0


# Times


def test_times_of_a_session_that_a_power_cut_ended(tmp_path, clock):
    """It ended when it was last noted, not when the supply came back hours later."""
    from core import clock as firmware_clock

    path = str(tmp_path / "sessions")
    firmware_clock.set_unix_s(1_800_000_000)
    log = SessionLog(path)
    session = log.begin("CARD", 0)
    log.start(session)
    clock.now_us += 600_000_000
    log.keep(session)
    clock.now_us += 7_200_000_000
    log = SessionLog(path)
    session = log.unfinished
    session.end("PowerLoss", unix_s=log.kept_unix_s)
    assert (session.start_unix_s, session.stop_unix_s) == (1_800_000_000, 1_800_000_600)
    assert session.duration_s() == 600


def test_a_session_that_began_before_the_time_was_known(tmp_path, clock, monkeypatch):
    from core import clock as firmware_clock

    monkeypatch.setattr(firmware_clock, "_boot_unix_s", 0)
    session = Session(1, "CARD", 0)
    assert session.start_unix_s == 0
    clock.now_us += 100_000_000
    firmware_clock.set_unix_s(1_800_000_000)
    session.end("Local")
    assert (session.start_unix_s, session.stop_unix_s) == (1_799_999_900, 1_800_000_000)


# Reading it back


def ended_session(number: int, reason: str = "Local") -> Session:
    session = Session(number, f"TAG{number}", 1000 * number)
    session.meter_stop_wh = 1000 * number + number
    session.start_unix_s = 1_700_000_000 + number
    session.end(reason, unix_s=1_700_003_600 + number)
    session.stop_s = session.start_s + 3600
    return session


def filled(tmp_path, count: int) -> SessionLog:
    """A log with that many sessions."""
    path = str(tmp_path / "sessions")
    for number in range(1, count + 1):
        session_history.append(path, ended_session(number))
    log = SessionLog(path)
    log.last_number = count
    return log


def test_a_thousand_sessions_are_kept_and_older_ones_give_way(tmp_path):
    log = filled(tmp_path, 1500)
    kept = list(log.read(0, 2000))
    assert [s.number for s in kept] == list(range(1500, 476, -1))
    last = kept[0]
    assert (last.id_tag, last.meter_start_wh, last.energy_wh) == ("TAG1500", 1500000, 1500)
    assert (last.start_unix_s, last.stop_unix_s) == (1_700_001_500, 1_700_005_100)
    assert (last.reason, last.duration_s()) == ("Local", 3600)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 16 and max(sizes) == 4096


def test_pages_newest_first(tmp_path):
    log = filled(tmp_path, 45)
    pages = [[s.number for s in log.read(first, 20)] for first in (0, 20, 40, 60)]
    assert pages == [list(range(45, 25, -1)), list(range(25, 5, -1)), [5, 4, 3, 2, 1], []]


def test_reading_takes_a_record_at_a_time(tmp_path, monkeypatch):
    log = filled(tmp_path, 100)
    reading = log.read(0, 100)
    reads = []
    monkeypatch.setattr("builtins.open", lambda *args: reads.append(args) or open_file(*args))
    assert next(reading).number == 100
    assert len(reads) == 1


open_file = open


def test_damaged_records_cost_only_themselves(tmp_path):
    log = filled(tmp_path, 10)
    file = tmp_path / "sessions.0"
    content = bytearray(file.read_bytes())
    content[5 * 64 + 20] ^= 1
    file.write_bytes(content[: 10 * 64 + 30])
    assert [s.number for s in log.read()] == [9, 8, 7, 6, 4, 3, 2, 1]


def test_an_empty_log_and_lost_files(tmp_path):
    log = SessionLog(str(tmp_path / "sessions"))
    assert list(log.read()) == []
    log.last_number = 100000
    assert list(log.read(0, 10)) == []


@pytest.mark.parametrize("reason", [*session_history.REASONS, "SomethingElse"])
def test_every_reason_comes_back(tmp_path, reason):
    path = str(tmp_path / "sessions")
    session_history.append(path, ended_session(1, reason))
    known = reason if reason in session_history.REASONS else "Other"
    assert session_history._find(path, 1).reason == known


@pytest.mark.parametrize("tag", ["", "A" * 20, "A" * 40, "é" * 20, "鍵" * 20])
def test_tags_are_kept_as_far_as_there_is_room(tmp_path, tag):
    path = str(tmp_path / "sessions")
    session = ended_session(1)
    session.id_tag = tag
    session_history.append(path, session)
    kept = session_history._find(path, 1).id_tag
    assert tag.startswith(kept) and len(kept.encode()) > min(28, len(tag.encode()) - 1)


# When it writes


@pytest.fixture
def writes(monkeypatch):
    """Uptimes at which the journal was written."""
    times = []
    append = SessionLog._append

    def noted(self, kind, session):
        times.append(clock.uptime_s())
        append(self, kind, session)

    monkeypatch.setattr(SessionLog, "_append", noted)
    return times


def test_charging_writes_once_a_minute(tmp_path, writes):
    rig = Rig(tmp_path, world_step_s=0.02)

    async def play(rig):
        rig.car(plugged=True, ready=True)
        await asyncio.sleep(15)
        assert rig.charger.start("CARD") == ""
        await asyncio.sleep(15)
        begun = len(writes)
        await asyncio.sleep(250)
        assert 3 <= len(writes) - begun <= 4
        of_session = writes[begun - 1 :]  # from its start on
        gaps = [later - earlier for earlier, later in zip(of_session, of_session[1:])]
        assert min(gaps) >= 60
        log = SessionLog(str(tmp_path / "sessions"))
        lost_wh = rig.charger.session.energy_wh - log.unfinished.energy_wh
        assert 0 <= lost_wh <= 62 * 32 * 230 / 3600
        assert (log.contactor_cycles, log.plug_cycles) == (1, 1)

    rig.play(play)


def test_a_session_without_energy_writes_nothing_but_its_start(tmp_path, writes):
    rig = Rig(tmp_path, world_step_s=0.02)

    async def play(rig):
        rig.car(plugged=True, ready=False)
        await asyncio.sleep(15)
        rig.charger.start("CARD")
        await asyncio.sleep(5)
        begun = len(writes)
        await asyncio.sleep(100)
        assert len(writes) == begun

    rig.play(play)


def test_plug_cycles_without_a_session_are_kept_together(tmp_path, writes):
    """Given a plug put in and out five times, when nobody charges, then one write keeps them all."""
    rig = Rig(tmp_path, world_step_s=0.005)

    async def play(rig):
        for _ in range(5):
            rig.car(plugged=True)
            await asyncio.sleep(0.8)
            rig.car(plugged=False)
            await asyncio.sleep(0.8)
        assert rig.charger.plug_cycles == 5 and not writes
        await asyncio.sleep(5)
        assert len(writes) == 1
        assert SessionLog(str(tmp_path / "sessions")).plug_cycles == 5
        await asyncio.sleep(120)
        assert len(writes) == 1

    rig.play(play)
