"""The world's side of a board's register file."""

import mmap
import os

from sim.shim import registers as layout


class Registers:
    """A board's registers, in a file shared with its process or, without a path, in memory alone."""

    def __init__(self, path: "str | None" = None) -> None:
        size = layout.WORDS * 4
        self._map: "mmap.mmap | bytearray" = bytearray(size)
        if path:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(fd, size)
            self._map = mmap.mmap(fd, size)
            os.close(fd)
        self.bytes = memoryview(self._map)
        self.words = self.bytes.cast("I")

    def __getitem__(self, index: int) -> int:
        return self.words[index]

    def __setitem__(self, index: int, value: int) -> None:
        self.words[index] = value & 0xFFFFFFFF

    def level(self, pin: int) -> int:
        """Level that an output pin drives, 0 or 1; a PWM counts as high when its duty is not 0."""
        if self.words[layout.FREQ0 + pin]:
            return int(self.words[layout.DUTY0 + pin] > 0)
        return self.words[layout.OUT0 + pin]

    def text(self, index: int, words: int = 16) -> str:
        """The zero-terminated UTF-8 text that starts at a word."""
        raw = bytes(self.bytes[index * 4 : (index + words) * 4])
        return raw.split(b"\0", 1)[0].decode("utf-8", "replace")

    def clear(self) -> None:
        """Zero every word, as a chip's registers are at power-up."""
        self.bytes[:] = bytes(len(self.bytes))

    def close(self) -> None:
        """Unmap the file."""
        self.words.release()
        self.bytes.release()
        if isinstance(self._map, mmap.mmap):
            self._map.close()
