"""Identifiers of cards in the forms in which people and back offices write them (ETEK's manual, 5.3, 5.4).

A card is known by its UID in hexadecimal, in the order of transmission (BE) or reversed (LE): 8, 14 or
20 digits, which just fit OCPP's CiString20. Cards with a UID of 4 bytes are also marked with its decimal
number, in the same byte order, of 9 or (zeros in front) 10 digits; some leave out a zero of the 8.
"""

_HEX_DIGITS = "0123456789ABCDEF"


def id_tag(uid: bytes, byte_order: str = "BE") -> str:
    """A UID as OCPP idTag; byte_order is the setting tag_byte_order."""
    if byte_order == "LE":
        uid = bytes(reversed(uid))
    return "".join("%02X" % byte for byte in uid)


def canonical(text: str) -> str:
    """An identifier in the one spelling that all its forms share: a card's as id_tag has it.

    Two that are canonically equal are the same. What is no card's number comes back in capitals.
    """
    text = text.strip().upper()
    digits = _without_separators(text)
    for digit in digits:
        if digit not in _HEX_DIGITS:
            return text
    length = len(digits)
    if length in (8, 14, 20):
        return digits
    if length == 7:
        return "0" + digits
    if length in (9, 10) and not any(digit > "9" for digit in digits):
        number = int(digits)
        if number < 1 << 32:
            return "%08X" % number
    return text


def _without_separators(text: str) -> str:
    """Bytes written apart ("04:A2:B3:C4"), in one piece."""
    parts = text.replace(":", " ").replace("-", " ").split()
    if len(parts) in (4, 7, 10) and all(len(part) == 2 for part in parts):
        return "".join(parts)
    return text
