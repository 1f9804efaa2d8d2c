"""A flash chip with LittleFS in place of the host's files, and what a failing supply leaves on it."""

import builtins
import os

from littlefs import LittleFS, LittleFSError, UserContext
from tools.build_image import BLOCK_BYTES

ROOT = "/flash/"
BLOCKS = 24


class Flash(UserContext):
    """With `record`, each programming and erasure calls it with the content if it had been torn."""

    def __init__(self, content: "bytes | None" = None) -> None:
        super().__init__(buffer=bytearray(content or b"\xff" * BLOCKS * BLOCK_BYTES))
        self.record = None

    def _change(self, start: int, data: bytes) -> int:
        if self.record:
            half = len(data) // 2
            torn = self.buffer[:start] + data[:half] + self.buffer[start + half :]
            self.record(bytes(torn))
        self.buffer[start : start + len(data)] = data
        return 0

    def prog(self, cfg, block, off, data):
        return self._change(block * cfg.block_size + off, bytes(data))

    def erase(self, cfg, block):
        return self._change(block * cfg.block_size, b"\xff" * cfg.block_size)


class FlashFiles:
    """What open() and os do with paths below ROOT, on a chip; with MicroPython's parameters.

    A chip that is given has been in use; without one it is a new one.
    """

    def __init__(self, flash: "Flash | None" = None) -> None:
        self.flash = flash or Flash()
        self.fs = LittleFS(
            context=self.flash,
            mount=False,
            block_size=BLOCK_BYTES,
            block_count=BLOCKS,
            block_cycles=100,
            read_size=32,
            prog_size=32,
            lookahead_size=32,
            cache_size=128,
        )
        if not flash:
            self.fs.format()
        self.fs.mount()

    def install(self, patch) -> None:
        """Take the place of the host's files for these paths; patch is pytest's."""
        patch.setattr(builtins, "open", self._instead(open, self._open))
        patch.setattr(os, "stat", self._instead(os.stat, self._stat))
        patch.setattr(os, "remove", self._instead(os.remove, self._remove))
        patch.setattr(os, "rename", self._instead(os.rename, self._rename))
        patch.delattr(os, "fsync")  # as on MicroPython: closing or flushing a file is all
        patch.delattr(os, "sync")

    @staticmethod
    def _instead(real, ours):
        def call(path, *rest, **options):
            if not isinstance(path, str) or not path.startswith(ROOT):
                return real(path, *rest, **options)
            try:
                return ours(path[len(ROOT) - 1 :], *rest)
            except LittleFSError as error:
                raise OSError(-error.code, str(error)) from error

        return call

    def _open(self, path, mode="r"):
        if mode == "ab" and path not in ["/" + name for name in self.fs.listdir("/")]:
            mode = "wb"  # the package's "a" makes no file
        return self.fs.open(path, mode)

    def _stat(self, path):
        return (0, 0, 0, 0, 0, 0, self.fs.stat(path).size)

    def _remove(self, path):
        self.fs.remove(path)

    def _rename(self, old, new):
        self.fs.rename(old, new[len(ROOT) - 1 :])
