"""Contactless cards as a reader's field meets them: ISO/IEC 14443-3 type A, 106 kbit/s.

A frame is a list of bits in transmission order, without start, stop and parity bits.
"""

from collections.abc import Sequence

_SHORT_FRAME_BITS = 7
_REQA = 0x26
_WUPA = 0x52
_HALT = bytes((0x50, 0x00, 0x57, 0xCD))
_SELECT_CODES = (0x93, 0x95, 0x97)  # one a cascade level
_NVB_SELECT = 0x70  # "number of valid bits" of a complete SELECT
_CASCADE_TAG = 0x88
_SAK_INCOMPLETE = 0x04
_LEVELS = {4: 1, 7: 2, 10: 3}
_SAK = {4: 0x08, 7: 0x00, 10: 0x20}  # MIFARE Classic 1K, NTAG/Ultralight, ISO 14443-4


def crc_a(data: bytes, preset: int = 0x6363) -> int:
    """CRC_A of ISO/IEC 14443-3: reflected polynomial 0x8408, sent low byte first."""
    crc = preset
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return crc


def with_crc(data: bytes) -> bytes:
    """The data followed by its CRC_A."""
    return data + crc_a(data).to_bytes(2, "little")


def to_bits(data: bytes) -> "list[int]":
    """Bits of the bytes in transmission order, lowest first."""
    return [byte >> n & 1 for byte in data for n in range(8)]


def to_bytes(bits: "list[int]") -> bytes:
    """Bytes of the bits; a last incomplete byte is filled up with zeros."""
    chunks = (bits[n : n + 8] for n in range(0, len(bits), 8))
    return bytes(sum(bit << n for n, bit in enumerate(chunk)) for chunk in chunks)


def meet(cards: "Sequence[Card]", bits: "list[int]") -> "tuple[list[int], int]":
    """What a reader receives after a frame: the answers' bits on top of each other, and the first
    on which they differ (-1: none).
    """
    present = [answer for answer in [card.answer(bits) for card in cards] if answer]
    if not present:
        return [], -1
    merged = [
        [answer[n] for answer in present if n < len(answer)]
        for n in range(max(len(answer) for answer in present))
    ]
    collision = next((n for n, seen in enumerate(merged) if len(set(seen)) > 1), -1)
    return [max(seen) for seen in merged], collision


def activate(cards: "Sequence[Card]") -> "tuple[bytes, int, bytes] | None":
    """Request and select one card as a reader chip does by itself: its ATQA, SAK and UID."""
    atqa, _ = meet(cards, to_bits(bytes((_REQA,)))[:_SHORT_FRAME_BITS])
    uid = b""
    for code in _SELECT_CODES if atqa else ():
        part = _resolve(cards, code)
        answer, _ = meet(cards, to_bits(with_crc(bytes((code, _NVB_SELECT)) + part)))
        if not answer:
            break
        sak = to_bytes(answer)[0]
        if not sak & _SAK_INCOMPLETE:
            return to_bytes(atqa), sak, uid + part[:4]
        uid += part[1:4]
    return None


def _resolve(cards: "Sequence[Card]", code: int) -> bytes:
    """Anticollision: UID bytes and check byte of one card at a cascade level."""
    known: list[int] = []
    collision = 0
    while collision >= 0:
        valid_bits = (2 + len(known) // 8) << 4 | len(known) % 8
        answer, collision = meet(cards, to_bits(bytes((code, valid_bits))) + known)
        known += answer if collision < 0 else answer[:collision] + [1]
    return to_bytes(known)


class Card:
    """A type A card with a UID of 4, 7 or 10 bytes; answers frames by its state."""

    def __init__(self, uid: bytes) -> None:
        if len(uid) not in _LEVELS:
            raise ValueError("a card's UID has 4, 7 or 10 bytes")
        self.uid = bytes(uid)
        self.power_up()

    def power_up(self) -> None:
        """The field has come up: the card starts in IDLE and has forgotten everything."""
        self._state = "idle"
        self._was_halted = False
        self._level = 0

    def answer(self, bits: "list[int]") -> "list[int] | None":
        """The card's answer to a frame, or None when it keeps silent."""
        if len(bits) == _SHORT_FRAME_BITS:
            return self._wake(sum(bit << n for n, bit in enumerate(bits)))
        if self._state == "ready" and len(bits) >= 16:
            return self._anticollision(bits)
        if self._state == "active" and to_bytes(bits) == _HALT:
            self._state = "halt"
            return None
        self._fall_back()
        return None

    def _wake(self, command: int) -> "list[int] | None":
        hears = self._state == "idle" and command in (_REQA, _WUPA)
        if not hears and not (self._state == "halt" and command == _WUPA):
            self._fall_back()
            return None
        self._was_halted = self._state == "halt"
        self._state = "ready"
        self._level = 0
        size = _LEVELS[len(self.uid)] - 1
        return to_bits(bytes((size << 6 | 0x04, 0x00)))  # ATQA: UID size, bit frame anticollision

    def _fall_back(self) -> None:
        """A frame that does not fit the state sends the card back to where it was woken from."""
        if self._state in ("ready", "active"):
            self._state = "halt" if self._was_halted else "idle"

    def _part(self) -> bytes:
        """UID bytes of the cascade level at hand, and their check byte (BCC)."""
        last = self._level == _LEVELS[len(self.uid)] - 1
        start = self._level * 3
        part = self.uid[start:] if last else bytes((_CASCADE_TAG,)) + self.uid[start : start + 3]
        return part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],))

    def _anticollision(self, bits: "list[int]") -> "list[int] | None":
        frame = to_bytes(bits)
        if frame[0] != _SELECT_CODES[self._level]:
            self._fall_back()
            return None
        if frame[1] == _NVB_SELECT:
            return self._select(frame)
        part = to_bits(self._part())
        known = bits[16:]
        expected = (frame[1] >> 4) * 8 + (frame[1] & 0x0F)
        if len(bits) != expected or known != part[: len(known)]:
            self._fall_back()
            return None
        return part[len(known) :]

    def _select(self, frame: bytes) -> "list[int] | None":
        if frame != with_crc(frame[:7]) or frame[2:7] != self._part():
            self._fall_back()
            return None
        self._level += 1
        if self._level < _LEVELS[len(self.uid)]:
            return to_bits(with_crc(bytes((_SAK_INCOMPLETE,))))
        self._state = "active"
        return to_bits(with_crc(bytes((_SAK[len(self.uid)],))))
