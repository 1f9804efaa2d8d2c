"""X.509 certificates (RFC 5280): reads what a charge point has to know of one."""

from core import clock
from pki import der

FAR_S = 7258118400  # 2200-01-01: what ends later, or never, ends then
_GENERALIZED_TIME = 0x18
_UTC_TIME = 0x17
_VERSION = 0xA0
_EXTENSIONS = 0xA3
_BASIC_CONSTRAINTS = b"\x55\x1d\x13"
_KEY_USAGE = b"\x55\x1d\x0f"
_KEY_CERT_SIGN = 0x04  # in the first byte of KeyUsage


class Certificate:
    """A certificate given as DER. ValueError says why it is none.

    issuer, subject, algorithm (of the signature) and key_algorithm are whole DER elements; serial is
    hexadecimal without leading zeros; key_bits are the public key's, signed is what the signature covers.
    """

    def __init__(self, data: bytes) -> None:
        start, end = der.inside(data, 0, len(data), der.SEQUENCE)
        if end != len(data):
            raise ValueError("has something behind its end")
        parts = _expect(der.children(data, start, end), "is no certificate", 0x30, 0x30, 0x03)
        body, algorithm, signature = parts
        self.algorithm = data[algorithm[1] : algorithm[3]]
        self.signature = _bits(data, signature)
        self.signed = data[body[1] : body[3]]
        self.is_authority = False
        self._read_body(data, der.children(data, body[2], body[3]))

    def _read_body(self, data: bytes, fields: list) -> None:
        if fields and fields[0][0] == _VERSION:
            fields = fields[1:]
        fields_of = _expect(fields, "lacks a field", 0x02, 0x30, 0x30, 0x30, 0x30, 0x30)
        serial, algorithm, issuer, validity, subject, key = fields_of
        if data[algorithm[1] : algorithm[3]] != self.algorithm:
            raise ValueError("names two signature algorithms")
        number = int.from_bytes(data[serial[2] : serial[3]], "big")
        self.serial = "%x" % number
        self.issuer = data[issuer[1] : issuer[3]]
        self.subject = data[subject[1] : subject[3]]
        self._read_validity(data, der.children(data, validity[2], validity[3]))
        parts = _expect(der.children(data, key[2], key[3]), "has no public key", 0x30, 0x03)
        self.key_algorithm = data[parts[0][1] : parts[0][3]]
        self.key_bits = _bits(data, parts[1])
        for tag, _, start, end in fields[6:]:
            if tag == _EXTENSIONS:
                self._read_extensions(data, *der.inside(data, start, end, der.SEQUENCE))

    def _read_validity(self, data: bytes, times: list) -> None:
        if len(times) != 2:
            raise ValueError("has no time of validity")
        first, last = [_unix_s(tag, str(data[a:b], "utf-8")) for tag, _, a, b in times]
        self.not_before_s, self.not_after_s = first, last

    def _read_extensions(self, data: bytes, start: int, end: int) -> None:
        may_sign = True
        for _, _, first, stop in der.children(data, start, end):
            parts = der.children(data, first, stop)
            name = data[parts[0][2] : parts[0][3]] if parts else b""
            value = data[parts[-1][2] : parts[-1][3]] if parts else b""
            if name == _BASIC_CONSTRAINTS:
                # SEQUENCE { cA BOOLEAN DEFAULT FALSE, … }
                self.is_authority = value[2:3] == b"\x01" and value[4:5] != b"\0"
            elif name == _KEY_USAGE:
                may_sign = bool(value[3:4] and value[3] & _KEY_CERT_SIGN)
        self.is_authority = self.is_authority and may_sign

    @property
    def is_root(self) -> bool:
        """It names itself as its issuer; whether its signature fits is another question."""
        return self.issuer == self.subject

    def time_fault(self, now_s: int) -> str:
        """Why it is not valid at a time, seconds since 1970; empty when it is."""
        if now_s > self.not_after_s:
            return "expired on " + clock.iso8601(self.not_after_s)
        if now_s < self.not_before_s:
            return "is not valid before " + clock.iso8601(self.not_before_s)
        return ""


def of_pem(text: str) -> Certificate:
    """The first certificate of a PEM text. ValueError when there is none."""
    return Certificate(next(der.from_pem(text)))


def _expect(found: list, fault: str, *tags: int) -> list:
    """The first elements of a list if their tags are these."""
    if [part[0] for part in found[: len(tags)]] != list(tags):
        raise ValueError(fault)
    return found[: len(tags)]


def _bits(data: bytes, part: tuple) -> bytes:
    """Content of a BIT STRING of whole bytes."""
    if part[2] == part[3] or data[part[2]]:
        raise ValueError("has a broken key or signature")
    return data[part[2] + 1 : part[3]]


def _unix_s(tag: int, text: str) -> int:
    """Seconds since 1970 of a UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5)."""
    if tag == _UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("has no time of validity")
    if len(text) != 15 or text[14] != "Z" or not text[:14].isdigit():
        raise ValueError("has a strange time of validity")
    if not "1970" <= text[:4] < "2200":
        return FAR_S if text[:4] > "1970" else 0
    parts = text[:4], text[4:6], text[6:8], text[8:10], text[10:12], text[12:14]
    return clock.parse_iso8601("%s-%s-%sT%s:%s:%sZ" % parts)
