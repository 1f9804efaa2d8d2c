"""Requests as no browser sends them: right ones with something wrong, and noise. By a seed, to be repeated."""

import json
import random

WORDS = (
    b"0",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"NaN",
    b"null",
    b"true",
    b'""',
    b"[]",
    b"{}",
    b"[" * 60,
    b'{"a":' * 30,
    b"%00",
    b"%0d%0aX: y",
    b"%",
    b"%zz",
    b"../",
    b"%2e%2e%2f",
    b"\r\n",
    b"\n",
    b"\0",
    b"\xff\xfe",
    "\u00e4\u20ac".encode(),
    b"\\u0000",
    b'\\"',
    b"<script>",
    b";",
    b",",
    b":",
    b"=",
    b"&",
    b"?",
    b" ",
    b"A" * 300,
    b"HTTP/1.1",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Cookie: a=b\r\n",
)
VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    10**20,
    "",
    "x",
    "0",
    "1",
    "x" * 70,
    "\u0000",
    "a\tb",
    [],
    {},
    [1],
    {"a": 1},
)
READ = (
    "/",
    "/login",
    "/static/app.js",
    "/static/nothing.js",
    "/api/state",
    "/api/session",
    "/api/settings",
    "/api/settings?page=NETWORK",
    "/api/whitelist?from=0&limit=10",
    "/api/sessions?from=1&limit=5",
    "/api/sessions.csv",
    "/api/export",
    "/api/export?whitelist=1",
    "/api/log",
    "/api/history",
    "/api/calibration",
    "/metrics",
)
HARMLESS = (
    "whitelist_insert",
    "whitelist_search",
    "whitelist_delete",
    "clear_cache",
    "dlb_meters_list",
    "calibrate_pilot",
    "nonsense",
)
HARMFUL = (
    "start_charging",
    "stop_charging",
    "unlock_connector",
    "whitelist_learning",
    "learn_config_card",
    "set_zero",
    "simulate_card",
    "restart",
    "soft_reset",
    "factory_reset",
    "scan_wifi",
)
KEYS = ("output_current_limit", "ssid", "dns", "time_zone", "nonsense", "lcd1602", "ssid_password")


class Nonsense:
    """harmful: with actions that end a charge, or the firmware's run, when they are right by chance."""

    def __init__(self, seed: int, harmful: bool) -> None:
        self._random = random.Random(seed)
        self._actions = HARMLESS + HARMFUL if harmful else HARMLESS

    def request(self, cookie: str, csrf: str) -> bytes:
        """The next one: two of three with a session, most of them wrong somewhere."""
        chance = self._random
        if chance.randrange(12) == 0:
            return chance.randbytes(chance.randrange(1, 400))
        method, path, body = self._call()
        lines = [f"{method} {path} HTTP/1.1", "Host: charger"]
        if chance.randrange(3):
            lines.append("Cookie: " + cookie)
        if chance.randrange(4):
            lines.append("X-CSRF-Token: " + csrf)
        if body:
            lines.append("Content-Type: application/json")
            lines.append("Content-Length: %d" % len(body))
        chance.shuffle(lines[1:])
        data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        return self._mutated(data) if chance.randrange(2) else data

    def _call(self) -> tuple:
        chance = self._random
        kind = chance.randrange(10)
        if kind < 4:
            return chance.choice(("GET", "GET", "GET", "HEAD")), chance.choice(READ), b""
        if kind < 6:
            body = {"value": chance.choice(VALUES)}
            return (
                "POST",
                "/api/actions/" + chance.choice(self._actions),
                json.dumps(body).encode(),
            )
        if kind < 7:
            body = {chance.choice(KEYS): chance.choice(VALUES) for _ in range(chance.randrange(4))}
            return "PUT", "/api/settings", json.dumps(body).encode()
        if kind < 9:
            return "POST", "/api/import?apply=%d" % chance.randrange(2), self._file()
        if chance.randrange(8):
            method = chance.choice(("DELETE", "OPTIONS", "TRACE", "PATCH", "PUT", "POST"))
            return method, chance.choice(READ), b"{}"
        body = {"user": chance.choice(VALUES), "password": chance.choice(VALUES)}
        return "POST", "/api/login", json.dumps(body).encode()

    def _file(self) -> bytes:
        chance = self._random
        if chance.randrange(3) == 0:
            file = [{chance.choice(("_ssid", "_setDNS", "_app", "dns")): chance.choice(VALUES)}]
        else:
            tags = [
                chance.choice(("A", "04A1B2C3", 5, "x" * 30)) for _ in range(chance.randrange(4))
            ]
            keys = [chance.choice(KEYS) for _ in range(chance.randrange(4))]
            file = {
                "format": "mpevse configuration",
                "version": 1,
                "settings": {key: chance.choice(VALUES) for key in keys},
                "secrets": {"rounds": 1, "salt": "0" * 32, "iv": "0" * 32, "data": [], "sum": ""},
                "whitelist": tags,
            }
            for name in list(file):
                if chance.randrange(5) == 0:
                    del file[name]
        return json.dumps(file).encode()

    def _mutated(self, data: bytes) -> bytes:
        chance = self._random
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data) + 1)
            kind = chance.randrange(6)
            if kind == 0 and at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
            elif kind == 1:
                data = data[:at] + chance.choice(WORDS) + data[at:]
            elif kind == 2:
                data = data[:at] + chance.randbytes(chance.randrange(1, 9)) + data[at:]
            elif kind == 3:
                data = data[:at] + data[at + chance.randrange(1, 20) :]
            elif kind == 4:
                data = data[:at] + data[max(0, at - 60) :]
            elif chance.randrange(3) == 0:
                data = data[:at]
        return data
