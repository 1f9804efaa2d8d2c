"""The RS485 group's registers and frames that master and slaves share (docs/load-management.md)."""

import struct

from micropython import const

READ = 4  # read input registers
WRITE = 16  # write multiple registers

STATUS = 0x0000
INFO = 0x0010
NONCE = 0x0030
HELLO = 0x0040
GRANTS = 0x0100
CALL = 0x0200
REPLY = 0x0300
FIND = 0x0500
ASSIGN = 0x0510

BASE_ADDRESS = 100  # slave n has Modbus address 100 + n
NEW_ADDRESS = 247  # of those that look for a number
SLOTS = 16  # times for answers to FIND, of SLOT_MS each
SLOT_MS = 70
MOST_BYTES = 96  # of a message or a reply

_CONTEXT = ">IIBBH"
_CONTEXT_BYTES = const(12)


class Context:
    """What is sealed with each frame, but not sent."""

    def __init__(self) -> None:
        self._bytes = bytearray(_CONTEXT_BYTES)

    def of(self, epoch: int, counter: int, number: int, direction: int, identity: int = 0):
        """Its bytes, until the next call."""
        struct.pack_into(_CONTEXT, self._bytes, 0, epoch, counter, number, direction, identity)
        return self._bytes


def head_write(buffer, address: int, register: int, length: int) -> int:
    """Write the head of a request that writes so many bytes (an even number); returns where they begin."""
    struct.pack_into(">BBHHB", buffer, 0, address, WRITE, register, length // 2, length)
    return 7
