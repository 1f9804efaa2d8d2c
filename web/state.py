"""The charger's state as JSON: the STATE page's values (settings.csv) and what lies behind them.

The values are kept as they are, in thousandths where they have decimals, and become text only when
they are sent: formatting all takes a small chip longer than reading them, and its single-precision
floats would lose digits.
"""

import asyncio
import gc
import json

from micropython import const

from core import clock

KEYS = (  # in the order of State.values()
    # JSON texts
    "session",
    "pilot",
    "limits",
    "active_faults",
    # plain values
    "chargepoint_id",
    "backend_state",
    "chargepoint_state",
    "charging_time",
    "state",
    "status",
    "reason",
    "error_code",
    "vendor_error",
    "faults",
    "plugged",
    "outlet",
    "contactor_closed",
    "limit_reason",
    "limit_left_s",
    "learning",
    "links",
    "wlan_ip",
    "lan_ip",
    "access_point_operator",
    "power",
    "state_output_current_limit",
    "dlb_max",
    "contactor_cycles",
    "plug_cycles",
    "controller_serial",
    "version",
    "heap_free",
    "heap_used",
    "uptime_s",
    "unix_s",
    # thousandths with one decimal
    "limit_a",
    "signaled_current",
    "temperature",
    "voltage_l1",
    "voltage_l2",
    "voltage_l3",
    "dlb_l1",
    "dlb_l2",
    "dlb_l3",
    # … with two decimals
    "current_l1",
    "current_l2",
    "current_l3",
    # … with three decimals
    "energy",
)
_PLAIN = const(4)  # the first index of each kind
_ONE_DECIMAL = const(35)
_TWO_DECIMALS = const(44)
_THREE_DECIMALS = const(47)

_CACHE_MS = const(500)  # requests within this time get the same text
_HEAP_MS = const(5000)  # counting a heap's free blocks takes milliseconds
_MEMBERS_A_PIECE = const(6)
_PIECES_A_TURN = const(2)  # formatted before other tasks get theirs
_NONE3 = (None, None, None)


def decimal(thousandths: "int | None", places: int) -> str:
    """JSON number of a value given in thousandths, rounded to 1, 2 or 3 places; null for None."""
    if thousandths is None:
        return "null"
    one = 10**places
    units = (abs(thousandths) * one + 500) // 1000
    return "%s%d.%0*d" % ("-" if thousandths < 0 else "", units // one, places, units % one)


def member(index: int, value) -> str:
    """One member of the JSON object, with the key and the form that belong to its index."""
    if index >= _ONE_DECIMAL:
        text = decimal(value, 1 + (index >= _TWO_DECIMALS) + (index >= _THREE_DECIMALS))
    else:
        text = json.dumps(value) if index >= _PLAIN else value
    return '"' + KEYS[index] + '":' + text


def duration(seconds: int) -> str:
    """Seconds as hh:mm:ss."""
    return "%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def _limits(slots: dict) -> str:
    """JSON object of all limits in A, by reason."""
    texts = [json.dumps(reason) + ":" + decimal(slots[reason], 1) for reason in slots]
    return "{" + ",".join(texts) + "}"


def _faults(active: list) -> str:
    """JSON list of faults with the reason and the time of each; no time while the clock is not set."""
    if not active:
        return "[]"
    texts = []
    boot_unix_s = clock.boot_unix_s()
    for name, reason, raised_s in active:
        fault = {"name": name, "reason": reason, "since_uptime_s": raised_s}
        fault["since"] = boot_unix_s + raised_s if boot_unix_s else None
        texts.append(json.dumps(fault))
    return "[" + ",".join(texts) + "]"


class State:
    """Reads the state from the services and keeps its text for half a second."""

    def __init__(self, services) -> None:
        self._services = services
        self._pieces = []
        self._made_at = 0
        self._heap = (None, None)
        self._heap_at = None

    def outdate(self) -> None:
        """Something has changed: the next reader gets a new text."""
        self._pieces = []

    async def pieces(self) -> list:
        """The state as a JSON object in pieces of bytes, at most half a second old."""
        now = clock.ticks_ms()
        if not self._pieces or clock.ticks_diff(now, self._made_at) >= _CACHE_MS:
            self._made_at = now
            self._pieces = await self.whole(self.values())
        return self._pieces

    async def whole(self, values: list) -> list:
        """The JSON object of all values in pieces of bytes, made in turns with other tasks.

        Pieces, since a heap that is nearly full has many small gaps and no large one.
        """
        pieces = []
        texts = []
        for text in self.members(values):
            texts.append(text)
            if len(texts) == _MEMBERS_A_PIECE:
                pieces.append(self._piece(pieces, texts))
                texts = []
                if len(pieces) % _PIECES_A_TURN == 0:
                    await asyncio.sleep(0)
        if texts:
            pieces.append(self._piece(pieces, texts))
        pieces[-1] += b"}"
        return pieces

    def _piece(self, before: list, texts: list) -> bytes:
        return (("," if before else "{") + ",".join(texts)).encode()

    def members(self, values: list):
        """Generate the JSON object's members."""
        for index in range(len(values)):
            yield member(index, values[index])

    def values(self) -> list:
        """The values now, in the order of KEYS."""
        services = self._services
        values = self._charging(services.charger, services.charge_point)
        values += self._links(services.links)
        values += self._readings()
        return values

    def _charging(self, charger, charge_point) -> list:
        session = charger.session
        pilot = charger.pilot
        running = "null"
        if session:
            running = '{"number":%d,"energy_kwh":%s,"start_unix_s":%d,"id_tag":%s}' % (
                session.number,
                decimal(session.energy_wh, 3),
                session.start_unix_s or 0,
                json.dumps(session.id_tag),
            )
        return [
            running,
            '{"high_mv":%d,"low_mv":%d,"duty_permille":%d,"age_ms":%d}'
            % (pilot.high_mv, pilot.low_mv, pilot.duty_permille, pilot.age_ms()),
            _limits(charger.limits.slots()),
            _faults(charger.active_faults),
            self._services.settings.get("backend_chargepoint_id"),
            charge_point.state if charge_point else "Off",
            charger.status,
            duration(session.duration_s() if session else 0),
            charger.state,
            charger.status,
            charger.reason,
            charger.error_code,
            charger.vendor_error,
            list(charger.faults),
            charger.plugged,
            bool(charger.connector and charger.connector.outlet),
            charger.contactor_closed,
            charger.limit_reason,
            charger.limits.left_s,
            getattr(getattr(self._services, "authorizer", None), "learning", None) or None,
        ]

    def _links(self, links) -> list:
        wlan_ip = getattr(links, "wlan_ip", None) or None
        lan_ip = getattr(links, "lan_ip", None) or None
        operator = getattr(links, "operator", None) or None
        together = {
            "wlan_ip": wlan_ip,
            "wlan_rssi_dbm": getattr(links, "wlan_rssi_dbm", None),
            "wlan_trouble": getattr(links, "wlan_trouble", None) or None,
            "lan_ip": lan_ip,
            "operator": operator,
            "hotspot": getattr(links, "hotspot_open", False),
        }
        return [together, wlan_ip, lan_ip, operator]

    def _readings(self) -> list:
        services = self._services
        charger, settings = services.charger, services.settings
        meter = services.meter
        if meter and not meter.ok:
            meter = None
        building = getattr(services, "dlb_meter", None)
        power_mw = meter.power_mw if meter else None
        tenths = charger.temperature_dc
        values = [
            None if power_mw is None else (power_mw + 500) // 1000,
            settings.get("output_current_limit"),
            settings.get("dlb_max_current") if settings.get("dlb_function") == "DLB" else None,
            charger.contactor_cycles,
            charger.plug_cycles,
            services.serial,
            services.version,
        ]
        values += self._heap_bytes()
        values += (clock.uptime_s(), clock.unix_s(), charger.limit_ma, charger.signaled_ma)
        values.append(None if tenths is None else tenths * 100)
        values += (meter and meter.voltage_mv) or _NONE3
        values += (building and building.ok and building.current_ma) or _NONE3
        values += (meter and meter.current_ma) or _NONE3
        values.append(meter.shown_wh if meter else None)
        return values

    def _heap_bytes(self) -> tuple:
        """Free and used bytes of the heap, at most five seconds old; None on CPython."""
        if not hasattr(gc, "mem_free"):
            return self._heap
        now = clock.ticks_ms()
        if self._heap_at is None or clock.ticks_diff(now, self._heap_at) >= _HEAP_MS:
            self._heap = (gc.mem_free(), gc.mem_alloc())
            self._heap_at = now
        return self._heap
