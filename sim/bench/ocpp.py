"""What the back office's line costs a controller: heap, the time of a message, the time of a TLS connect."""

import itertools
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from littlefs import LittleFS
from tools.build_image import BLOCK_BYTES

from sim.bench.browser import Browser
from sim.bench.figures import Row
from sim.bench.stand import HOST, PLUG_CHARGES, Stand, StandError, until
from sim.shim import registers as layout

SPEED = "esp32"
SETTLE_S = 5
SAMPLED_S = 10  # the shortest interval of meter values
VALUES = 5  # MeterValues that wait for the back office
_STACK = (
    "lib/backend.py"  # the part of tools.device_files; on flash it comes before the firmware's own
)
_BLOCK_BYTES = 65536
_CONNECTS = 3
_FIRST_S = 120


# --- heap


def heap() -> list[Row]:
    """Heap that the OCPP stack takes, against the same board whose firmware does not find it."""
    with Stand(PLUG_CHARGES) as stand:
        stand.connected()
        time.sleep(SETTLE_S)
        idle = stand.heap_used()
        peak = max(idle, _peak(stand))
        stand.put("power", on=False)
        time.sleep(1)
        _hide_stack(stand)
        stand.put("power", on=True)
        until(lambda: _answers(stand), "the page answers", 30)
        time.sleep(SETTLE_S)
        without = stand.heap_used()
    both = (
        f"SPEED=pc, in use after gc, less {without} B of the same board without modules of OCPP; "
    )
    did = (
        "the largest reading while the back office reads all keys, sends lists and profiles, triggers "
        "messages, a charge begins and ends, and queued messages go out"
    )
    return [
        Row(
            "ocpp_heap_kb", _kb(idle - without), "kB", both + "in touch, nothing going on", "idle"
        ),
        Row("ocpp_heap_kb", _kb(peak - without), "kB", both + did, "peak"),
    ]


def _kb(count: int) -> float:
    return round(count / 1024, 1)


def _answers(stand: Stand) -> bool:
    with suppress(OSError, StandError):
        return bool(Browser(stand.web_port).get("/"))
    return False


def _hide_stack(stand: Stand) -> None:
    """Put an empty module of its name on the flash of a board without power."""
    path = Path(stand.directory) / "data" / "board-1" / "flash.img"
    content = bytearray(path.read_bytes())
    flash = LittleFS(block_size=BLOCK_BYTES, block_count=len(content) // BLOCK_BYTES, mount=False)
    flash.context.buffer[:] = content
    flash.mount()
    flash.makedirs("lib", exist_ok=True)
    with flash.open(_STACK, "wb"):
        pass
    flash.unmount()
    path.write_bytes(bytes(flash.context.buffer))


def _peak(stand: Stand) -> int:
    """The largest heap while much is asked for."""
    readings = [0]
    ends = threading.Event()

    def read() -> None:
        while not ends.is_set():
            with suppress(StandError, OSError):
                readings.append(stand.heap_used())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        _ask_for_much(stand)
    finally:
        ends.set()
        reader.join()
    return max(readings)


def _ask_for_much(stand: Stand) -> None:
    entries = [
        {"idTag": "%08X" % number, "idTagInfo": {"status": "Accepted"}} for number in range(50)
    ]
    periods = [{"startPeriod": 600 * n, "limit": 10 + n % 6} for n in range(12)]
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods},
    }
    for _ in range(3):
        stand.call("GetConfiguration")
        stand.call(
            "SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=entries
        )
        stand.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile)
        stand.call("GetCompositeSchedule", connectorId=1, duration=86400)
        stand.call("TriggerMessage", requestedMessage="MeterValues")
        stand.closed(stand.plug())
        stand.back_office(False)
        stand.opened(stand.unplug())
        stand.back_office(True)
        stand.connected()
        until(lambda: all(t["stops"] for t in stand.record["transactions"]), "all is told", 60)


# --- a message there and back


def round_trip() -> list[Row]:
    """Time from one queued MeterValues at the back office to the next: sent, answered, taken off the queue."""
    settings = {**PLUG_CHARGES, "meter_value_sample_interval": SAMPLED_S}
    with Stand(settings, speed=SPEED) as stand:
        stand.connected()
        stand.closed(stand.plug())
        stand.back_office(False)
        time.sleep(SAMPLED_S * VALUES + SAMPLED_S / 2)
        stand.back_office(True)

        def times_s() -> list[float]:
            messages = stand.record["messages"]
            return [m["time"] for m in messages if m["action"] == "MeterValues"]

        until(lambda: len(times_s()) >= VALUES, "the queued values", 60)
        came_s = times_s()[:VALUES]
    gaps_ms = [(later - earlier) * 1000 for earlier, later in itertools.pairwise(came_s)]
    conditions = (
        f"SPEED={SPEED}, from one queued MeterValues at the back office to the next, which waits for "
        f"the answer and for its mark on flash; median of {len(gaps_ms)}"
    )
    return [Row("meter_values_ms", round(median(gaps_ms)), "ms", conditions)]


# --- TLS


class Passage:
    """A port that leads to another one, and notes when somebody comes."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server((HOST, 0))
        self.port = self._server.getsockname()[1]
        self.came_s: list[float] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._server.accept()
                self.came_s.append(time.time())
                target = socket.create_connection((HOST, self._target))
                for ends in ((line, target), (target, line)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(_BLOCK_BYTES):
                sink.sendall(block)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def secure_connect() -> list[Row]:
    """Time of a connect to wss:// with the longest hold of the loop, TLS and WebSocket handshakes in it."""
    times_ms, holds_us = [], []
    with Stand(speed=SPEED, steps=True, csms="wss") as stand:
        stand.connected(_FIRST_S)  # it has to learn the time before it can believe a certificate
        passage = Passage(stand.csms_port)
        try:
            for number in range(_CONNECTS):
                time.sleep(SETTLE_S)
                took_ms, hold_us = _connect(stand, passage, f"ocpp{number}")
                times_ms.append(took_ms)
                holds_us.append(hold_us)
        finally:
            passage.close()
    conditions = (
        f"SPEED={SPEED}, from the TCP connection to the first OCPP message at the back office, server's "
        f"certificate on P-256 from a root on flash; {_CONNECTS} connects"
    )
    hold_ms = round(max(holds_us) / 1000, 1)
    return [
        Row("wss_connect_ms", round(median(times_ms)), "ms", conditions + ", median", "connect"),
        Row("wss_connect_ms", hold_ms, "ms", conditions + ", longest step", "longest_hold"),
    ]


def _connect(stand: Stand, passage: Passage, path: str) -> tuple[float, int]:
    """(ms, longest step in µs) of a connect to another path of the back office."""
    chip, browser = stand.chip(), Browser(stand.web_port)
    browser.login()
    url = f"wss://localhost:{passage.port}/{path}"
    count = len(passage.came_s)
    chip[layout.STEP_MAX_US] = 0
    status, _, answer = browser.request("PUT", "/api/settings", {"backend_url": url})
    if status != 200:
        raise StandError(f"PUT /api/settings: {status} {answer!r}")
    until(lambda: len(passage.came_s) > count, "the new line", 60)
    chip[layout.STEP_MAX_US] = 0
    began_s = passage.came_s[-1]

    def first_s() -> "float | None":
        came = [m["time"] for m in stand.record["messages"] if m["time"] > began_s]
        return came[0] if came else None

    took_ms = (until(first_s, "the first message", 60) - began_s) * 1000
    return took_ms, chip[layout.STEP_MAX_US]
