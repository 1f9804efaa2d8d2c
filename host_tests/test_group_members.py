"""What a member of a group tells of itself, and what its master makes of it."""

import pytest
from dlm import error_codes, group_records
from dlm.follower import Follower
from dlm.group_auth import Seal
from dlm.group_member import GroupMember
from group_wire_rig import Charger, Settings


class Meter:
    """A meter that tells these currents."""

    ok = True
    energy_wh = 123456

    def __init__(self, *lines_ma) -> None:
        self.current_ma = list(lines_ma)


def _member(**settings) -> tuple:
    charger = Charger()
    return charger, Follower(Settings(**settings), charger, "SN07")


def _told(follower) -> GroupMember:
    """What a master knows of it after a full record and one of what it is."""
    member = GroupMember(7, 0)
    buffer = bytearray(40)
    follower.info(buffer, 0)
    member.identify(*group_records.unpack_info(buffer, 0))
    member.note(buffer, 2, follower.status(buffer, 2, True))
    return member


def test_all_that_is_told_arrives():
    charger, follower = _member(
        llm_priority=3, llm_fallback_current=6.0, output_current_limit=20.0
    )
    charger.arrive()
    charger.meter = Meter(16100, -300, None)
    charger.error_code = "HighTemperature"
    follower.waiting = True
    member = _told(follower)
    assert member.identity == (20000, 6000, 7, "SN07")
    assert (member.status, member.error_code, member.session) == ("Charging", "HighTemperature", 1)
    assert (member.priority, member.meter_wh) == (3, 123456)
    assert member.current_ma == [16100, -300, None]
    assert member.drawn_ma == 16100
    assert member.flags & group_records.WAITING
    assert member.request_ma == 20000


def test_what_others_allow_bounds_the_request():
    charger, follower = _member()
    charger.arrive()
    member = GroupMember(7, 0)
    member.cap_ma = 10000
    buffer = bytearray(40)
    member.note(buffer, 0, follower.status(buffer, 0, False))
    assert member.request_ma == 10000


@pytest.mark.parametrize(
    ("phases", "rotation", "lines", "wired", "grid"),
    [
        ("3P+N400V", "", (1000, 2000, 3000), 7, [1000, 2000, 3000]),
        ("3P+N400V", "1.STR", (1000, 2000, 3000), 7, [3000, 1000, 2000]),
        ("1P+N230V", "", (1000, None, None), 1, [1000, 0, 0]),
        ("1P+N230V", "1.STR", (1000, None, None), 2, [0, 1000, 0]),
        ("1P+N230V", "1.TRS", (1000, None, None), 4, [0, 0, 1000]),
    ],
)
def test_currents_are_told_on_the_grids_phases(phases, rotation, lines, wired, grid):
    charger, follower = _member(phases=phases, connector_phase_rotation=rotation)
    charger.meter = Meter(*lines)
    member = _told(follower)
    assert (member.wired, member.current_ma) == (wired, grid)


def test_nothing_is_requested_without_a_car_or_with_a_fault():
    charger, follower = _member()
    assert follower.request_ma == 0
    charger.arrive()
    assert follower.request_ma == 32000
    charger.limits.set("temperature", 0)
    assert follower.request_ma == 0
    charger.limits.set("temperature", None)
    charger.fault_bits = 1
    assert follower.request_ma == 0


@pytest.mark.parametrize("code", ["NoError", "GroundFailure", "WeakSignal"])
def test_error_codes_keep_their_names(code):
    assert error_codes.text(error_codes.index(code)) == code


def test_error_codes_that_nobody_knows():
    assert error_codes.text(error_codes.index("Gremlins")) == "OtherError"
    assert error_codes.text(200) == "OtherError"


@pytest.mark.parametrize(
    "spoilt",
    [(0, b"\0\2"), (2, b"\xff\xff"), (6, b"\0\0"), (6, b"\0\x08"), (8, b"\xff\xfe")],
)
def test_an_unfit_record_of_a_member_is_refused(spoilt):
    buffer = bytearray(40)
    group_records.pack_info(buffer, 0, 32000, 6000, 7, "SN07")
    at, data = spoilt
    buffer[at : at + 2] = data
    with pytest.raises(ValueError, match="unfit|decode"):
        group_records.unpack_info(buffer, 0)


def test_a_seal_is_hmac_sha256():
    """Test case 2 of RFC 4231, over context and data."""
    buffer = bytearray(b"> ya want for nothing?" + bytes(6))
    assert Seal(b"Jefe").sign(buffer, 2, 22, b"what do ") == 28
    assert buffer[22:].hex() == "5bdcc146bf60"


@pytest.mark.parametrize("place", [0, 5, 7, 8, 13])
def test_a_seal_fits_nothing_else(place):
    buffer = bytearray(14)
    seal = Seal(b"correct horse")
    seal.sign(buffer, 0, 8, b"context")
    assert seal.fits(buffer, 0, 8, b"context")
    assert not seal.fits(buffer, 0, 8, b"contexu")
    assert not Seal(b"correct horsf").fits(buffer, 0, 8, b"context")
    buffer[place] ^= 1
    assert not seal.fits(buffer, 0, 8, b"context")


def _obeys(member, told_a, offers_a, seconds) -> bool:
    member.heard = True
    member.signaled_ma = offers_a * 1000
    return not any([member.defies(told_a * 1000, 1000) for _ in range(seconds)])


def test_a_member_is_blamed_only_for_what_it_had_time_to_do():
    """Given 32 A, when it is told less and less, then it may follow each time; 18 s are too long."""
    member = GroupMember(1, 6000)
    assert _obeys(member, 32, 32, 60)
    for told_a, offers_a in ((20, 32), (14, 20), (10, 14), (8, 10)):
        assert _obeys(member, told_a, offers_a, 6)
    assert _obeys(member, 8, 8, 20)
    assert _obeys(member, 8, 10, 7)
    assert not _obeys(member, 8, 10, 12)
    assert not _obeys(member, 8, 8, 1)
    assert _obeys(member, 8, 8, 70) is False
    assert _obeys(member, 8, 8, 10)
