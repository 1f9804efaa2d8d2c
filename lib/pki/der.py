"""DER, the encoding of certificates and keys (ITU-T X.690): reads and writes its elements."""

from binascii import a2b_base64, b2a_base64

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_ID = 0x06
UTF8_STRING = 0x0C
SEQUENCE = 0x30
SET = 0x31

_MOST_CHILDREN = 64
_LINE = 64  # letters in a line of PEM (RFC 7468)


def element(data: bytes, place: int, end: int) -> tuple:
    """(tag, start of the content, its end) of the element at a place, which must end by `end`.

    ValueError when there is none. Tags above 30 and lengths above 65535 do not occur in certificates.
    """
    if end - place < 2:
        raise ValueError("is cut short")
    length, start = data[place + 1], place + 2
    if length >= 0x80:
        extra = length - 0x80
        if not 1 <= extra <= 2 or end - start < extra:
            raise ValueError("has a wrong length")
        length = int.from_bytes(data[start : start + extra], "big")
        start += extra
    if data[place] & 0x1F == 0x1F or start + length > end:
        raise ValueError("is no DER")
    return data[place], start, start + length


def inside(data: bytes, place: int, end: int, tag: int) -> tuple:
    """(start, end) of the content of the element at a place. ValueError when its tag is another."""
    found, start, stop = element(data, place, end)
    if found != tag:
        raise ValueError("is not made of what it should be")
    return start, stop


def children(data: bytes, start: int, end: int) -> list:
    """(tag, place, start, end) of each element between two places, 64 at most."""
    found: list = []
    while start < end:
        tag, first, stop = element(data, start, end)
        if len(found) == _MOST_CHILDREN:
            raise ValueError("has too many parts")
        found.append((tag, start, first, stop))
        start = stop
    return found


def encode(tag: int, *parts: bytes) -> bytes:
    """An element of the parts joined."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        head = bytes((tag, length))
    elif length < 0x100:
        head = bytes((tag, 0x81, length))
    else:
        head = bytes((tag, 0x82, length >> 8, length & 0xFF))
    return head + content


def integer(number: int) -> bytes:
    """An INTEGER from 0 on, below 2^1024."""
    content = number.to_bytes(128, "big").lstrip(b"\0")
    return encode(INTEGER, b"\0" if not content or content[0] >= 0x80 else b"", content)


def from_pem(text: str, label: str = "CERTIFICATE"):
    """Generate the content of each block of a PEM text (RFC 7468). ValueError when it has none."""
    head, tail = "-----BEGIN %s-----" % label, "-----END %s-----" % label
    place = text.find(head)
    if place < 0:
        raise ValueError("is no PEM with a " + label)
    while place >= 0:
        end = text.find(tail, place)
        if end < 0:
            raise ValueError("is cut short")
        yield a2b_base64(text[place + len(head) : end])
        place = text.find(head, end)


def to_pem(data: bytes, label: str) -> str:
    """A PEM text of one block."""
    text = b2a_base64(data).decode().strip()
    lines = [text[place : place + _LINE] for place in range(0, len(text), _LINE)]
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, "\n".join(lines), label)
