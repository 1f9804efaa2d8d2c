"""A card is the same card in every form in which its number is written."""

import pytest
from auth.tag_forms import canonical, id_tag
from hypothesis import given
from hypothesis import strategies as st

UID4 = bytes.fromhex("DEADBEEF")
UID7 = bytes.fromhex("04A2B3C4D5E680")
UID10 = bytes.fromhex("04A1B2C3D4E5F6071829")


@pytest.mark.parametrize(
    ("uid", "byte_order", "tag"),
    [
        (UID4, "BE", "DEADBEEF"),
        (UID4, "LE", "EFBEADDE"),
        (UID7, "BE", "04A2B3C4D5E680"),
        (UID7, "LE", "80E6D5C4B3A204"),
        (UID10, "BE", "04A1B2C3D4E5F6071829"),
        (UID10, "LE", "291807F6E5D4C3B2A104"),
    ],
)
def test_what_the_reader_tells(uid, byte_order, tag):
    assert id_tag(uid, byte_order) == tag
    assert len(tag) <= 20  # OCPP's CiString20
    assert canonical(tag) == tag


@pytest.mark.parametrize(
    ("uid", "byte_order", "typed"),
    [
        ("DEADBEEF", "BE", "3735928559"),
        ("DEADBEEF", "LE", "4022250974"),
        ("01020304", "BE", "0016909060"),
        ("01020304", "LE", "0067305985"),
        ("0DBBA122", "BE", "230400290"),  # nine digits, as on the cards of the manual
        ("DEADBEEF", "BE", "deadbeef"),
        ("DEADBEEF", "BE", "DE:AD:BE:EF"),
        ("DEADBEEF", "BE", " de ad be ef "),
        ("0ABCDEF1", "BE", "ABCDEF1"),  # seven digits: the zero in front left out
        ("04A2B3C4D5E680", "BE", "04a2b3c4d5e680"),
        ("04A2B3C4D5E680", "BE", "04-A2-B3-C4-D5-E6-80"),
        ("04A2B3C4D5E680", "LE", "80:E6:D5:C4:B3:A2:04"),
        ("04A1B2C3D4E5F6071829", "BE", "04a1b2c3d4e5f6071829"),
    ],
)
def test_a_typed_number_is_the_cards(uid, byte_order, typed):
    assert canonical(typed) == id_tag(bytes.fromhex(uid), byte_order)


@pytest.mark.parametrize(
    "typed", ["123", "APP-USER-7", "4294967296", "9999999999", "12345678A", "ü"]
)
def test_what_is_no_cards_number_stays_itself(typed):
    assert canonical(typed) == typed.upper()


def test_the_manuals_whitelist_entry_is_a_card():
    """Its InsertWhitelist example is a 9-digit number."""
    assert canonical("230400418") == id_tag(bytes.fromhex("0DBBA1A2"))
    assert canonical("230400418") == id_tag(bytes.fromhex("A2A1BB0D"), "LE")


@given(st.binary(min_size=4, max_size=4), st.sampled_from(["BE", "LE"]))
def test_the_decimal_number_of_every_card(uid, byte_order):
    tag = id_tag(uid, byte_order)
    number = int.from_bytes(uid, "big" if byte_order == "BE" else "little")
    assert canonical("%010d" % number) == tag
    if number >= 10**8:
        assert canonical(str(number)) == tag


@given(st.text(max_size=24))
def test_a_spelling_is_final(text):
    once = canonical(text)
    assert canonical(once) == once
