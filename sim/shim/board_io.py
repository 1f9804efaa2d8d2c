"""What the shim's modules share: the chip's identity and the bus to the chips beside it."""

unique_id = b"\x24\x0a\xc4\x00\x00\x01"
_transfer = None
_end = None


class BoardReset(BaseException):
    """Raised by machine.reset() where there is no process to end; .code as in `end`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def end(code: int) -> None:
    """End the board's run: 3 hard reset, 5 soft reset."""
    if _end:
        _end(code)
    raise BoardReset(code)


def attach(transfer, end, serial: bytes) -> None:
    """Put the board around the modules.

    transfer(kind, address, payload or None, answer buffer): the way to the chips; end(code): ends the
    process; serial: the chip's own six bytes.
    """
    global _transfer, _end, unique_id
    _transfer = transfer
    _end = end
    unique_id = serial


def transfer(kind: int, address: int, payload, answer) -> None:
    """Exchange bytes with a chip on the board: kind b"S" SPI, b"W" I2C write, b"R" I2C read."""
    if _transfer is None:
        raise OSError(19)
    _transfer(kind, address, payload, answer)
