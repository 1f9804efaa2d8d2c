"""The transactionData of StopTransaction (OCPP 1.6 section 4.10): on flash until that is delivered.

Loaded while a transaction runs whose settings want it; ocpp16.stop_message sends it. The file is a
journal of samples. A long transaction fills it ever more slowly: of a row (the periodic samples, or
those by the clock) each is kept at first, then every second, every fourth … of them. So the file
stays short, and what is sent of a row are samples at even distances, at most _MOST_OF_ROW of them.
"""

import struct

from core import log
from core.journal import Journal, JournalFull
from micropython import const
from ocpp16.queue import UPTIME
from ocpp16.sampling import CLOCK, PERIODIC

# Two rows and begin, end and some interruptions are StopTransactionMaxMeterValues.
_MOST_OF_ROW = const(44)
_LIMIT_BYTES = const(49152)

SAMPLE = const(1)  # number in its row, time base, time; then the sample
ORIGIN = const(2)  # when the time line of the undated samples before it began, unix time
HEAD = "<IBI"
HEAD_BYTES = const(9)
CONTEXT = const(10)  # where the context is


def stride(count: int) -> int:
    """Of a row that is so long every so-manieth is kept."""
    step = 1
    while count > _MOST_OF_ROW * step:
        step *= 2
    return step


class Recorder:
    """Writes the samples of one transaction. anew: it has just begun."""

    def __init__(self, path: str, anew: bool) -> None:
        self._counts = [0, 0]  # samples of each row so far, kept or not
        self._is_undated = False
        self._journal = Journal(path, _LIMIT_BYTES, None if anew else self._note)
        if anew and self._journal.size:
            self._journal.rewrite(())

    @property
    def is_empty(self) -> bool:
        """There is no sample yet."""
        return not self._journal.size

    def _note(self, kind: int, payload: bytes) -> None:
        if kind == ORIGIN:
            self._is_undated = False
            return
        number, base, _ = struct.unpack(HEAD, payload[:HEAD_BYTES])
        context = payload[CONTEXT]
        if context in (PERIODIC, CLOCK):
            self._counts[context] = number + 1
        self._is_undated = self._is_undated or base == UPTIME

    def add(self, stamp: tuple, sample: bytes) -> None:
        """Keep a sample; stamp: as queue.TransactionQueue.stamp."""
        context = sample[1]
        number = 0
        if context in (PERIODIC, CLOCK):
            number = self._counts[context]
            self._counts[context] = number + 1
            if number % stride(number + 1):
                return
        self._append(SAMPLE, struct.pack(HEAD, number, *stamp) + sample)
        self._is_undated = self._is_undated or stamp[0] == UPTIME

    def set_origin(self, origin_s: int) -> None:
        """The time is known: so the undated samples have theirs."""
        if self._is_undated:
            self._is_undated = False
            self._append(ORIGIN, struct.pack("<I", origin_s))

    def _append(self, kind: int, payload: bytes) -> None:
        try:
            self._journal.append(kind, payload)
        except (JournalFull, OSError) as error:
            log.error("ocpp", "a sample of the transaction is lost: %s" % error)
