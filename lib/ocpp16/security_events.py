"""Security events (OCPP 1.6 security whitepaper, edition 3, section 4): a rolling log on flash.

Two text files, <path>/security.log and .old, of some 4 kB each; when the first is full it takes the place
of the second. A line is

    number time type: more about it

The critical events, and what a test tool waits for, are sent as SecurityEventNotification in their order
until the back office has answered; <path>/security.sent has the number of the last that was. What rolls
out of the log unsent is lost. The time is ISO 8601, or, where nobody had told it yet, @start+seconds: of
which start of the controller, and its uptime. Loaded when an event is noted or sent.
"""

import asyncio
import os

from core import clock, loading, log, storage
from core.journal import make_durable
from micropython import const
from ocpp16.rpc import CallError, Rpc

_FILE_BYTES = const(4096)
_TAIL_BYTES = const(640)  # more than two of the longest lines
_INFO_LENGTH = const(255)  # techInfo
_SAME_S = const(3600)
_LOOK_S = const(86400)
_RETRY_S = const(600)
_SENT = (
    "FirmwareUpdated",
    "InvalidCentralSystemCertificate",
    "InvalidChargePointCertificate",
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "MemoryExhaustion",
    "ResetOrReboot",
    "SecurityLogWasCleared",
    "SettingSystemTime",
    "StartupOfTheDevice",
    "TamperDetectionActivated",
)
_PASSING = ("GenericError", "InternalError")  # the back office may take the event another time


def files(path: str) -> list:
    """The log's files that are there, the older one first."""
    found = [path + "/security" + ending for ending in (".old", ".log")]
    return [name for name in found if storage.exists(name)]


def note(kind: str, info: str = "", path: str = "/data") -> None:
    """Note an event; what is not sent and was noted alike a moment ago is left out."""
    info = "".join([c if " " <= c <= "~" else " " for c in info[:_INFO_LENGTH]])
    tail = _tail(path)
    lines = [line for line in [_parse(text) for text in tail.split("\n")] if line]
    if kind not in _SENT and [
        line for line in lines if line[2:] == (kind, info) and _is_new(line)
    ]:
        return
    number = lines[-1][0] + 1 if lines else 1
    line = "%d %s %s: %s\n" % (number, _now(), kind, info)
    if tail and not tail.endswith("\n"):  # power went while the last line was written
        line = "\n" + line
    log.info("security", "%s %s" % (kind, info))
    try:
        _append(path + "/security", line.encode())
    except OSError as error:
        log.error("security", "event not kept: %s" % error)


def _append(path: str, line: bytes) -> None:
    name = path + ".log"
    if storage.exists(name) and os.stat(name)[6] + len(line) > _FILE_BYTES:
        os.rename(name, path + ".old")
    with open(name, "ab") as file:
        file.write(line)
        make_durable(file)


def _tail(path: str) -> str:
    """The newest lines, the first of them cut."""
    for name in reversed(files(path)):
        with open(name, "rb") as file:
            file.seek(max(0, os.stat(name)[6] - _TAIL_BYTES))
            tail = file.read()
        if tail:
            try:
                return str(tail, "utf-8")
            except ValueError:  # damaged; a letter at a time takes a chip long
                return "".join([chr(byte) for byte in tail])
    return ""


def _now() -> str:
    now_s = clock.unix_s()
    return clock.iso8601(now_s) if now_s else "@%s+%d" % (Rpc.start_id, clock.uptime_s())


def _parse(line: str) -> "tuple | None":
    """(number, time, type, more about it) of a line; None when it is damaged."""
    head, _, info = line.partition(": ")
    parts = head.split(" ")
    if len(parts) != 3 or not parts[0].isdigit():
        return None
    return int(parts[0]), parts[1], parts[2], info


def _unix_s(time: str) -> int:
    """Seconds since 1970 of a line's time; of one from an earlier start this one's is the best guess."""
    if time[0] != "@":
        return clock.parse_iso8601(time)
    start, _, uptime_s = time[1:].partition("+")
    return clock.boot_unix_s() + (int(uptime_s) if start == Rpc.start_id else 0)


def _is_new(line: tuple) -> bool:
    """Noted in the last hour."""
    if line[1][0] == "@":
        start, _, uptime_s = line[1][1:].partition("+")
        return start == Rpc.start_id and clock.uptime_s() - int(uptime_s) < _SAME_S
    return bool(clock.unix_s()) and abs(clock.unix_s() - _unix_s(line[1])) < _SAME_S


async def _next(path: str, sent: int) -> "tuple | None":
    """The oldest line whose event is still to be sent."""
    for name in files(path):
        for block in storage.line_blocks(name):
            for text in block.split("\n"):
                line = _parse(text)
                if line and line[0] > sent and line[2] in _SENT:
                    return line
            await asyncio.sleep_ms(0)
    return None


async def send(charge_point) -> int:
    """Send the oldest event that waits; returns in how many seconds to look again.

    OSError when the line is lost: the event waits.
    """
    marker = charge_point.path + "/security.sent"
    await asyncio.sleep_ms(0)  # loading was a turn of its own
    line = await _next(charge_point.path, _sent(marker))
    if not line:
        await loading.once("ocpp16.signing", "renew", charge_point)
        return _LOOK_S
    number, time, kind, info = line
    payload = {"type": kind, "timestamp": clock.iso8601(_unix_s(time))}
    if info:
        payload["techInfo"] = info
    try:
        await charge_point.call("SecurityEventNotification", payload)
    except CallError as error:
        log.warning("security", "%s: %s" % (kind, error))
        if error.code in _PASSING:
            return _RETRY_S
    except asyncio.TimeoutError:
        return _RETRY_S
    return _note_sent(marker, number)


def _sent(marker: str) -> int:
    try:
        number = storage.read_json(marker, 0)
    except ValueError:
        number = 0
    return number if isinstance(number, int) else 0


def _note_sent(marker: str, number: int) -> int:
    try:
        storage.write_json(marker, number)
        return 0
    except OSError as error:
        log.error("security", "delivery not noted: %s" % error)
        return _RETRY_S
