"""Frames that no back office should send: mutated CALLs of every kind, and texts that are none."""

import json
import random

from frame_checker import SCHEMAS

FROM_STATION = """Authorize BootNotification DiagnosticsStatusNotification FirmwareStatusNotification
Heartbeat LogStatusNotification MeterValues SecurityEventNotification SignCertificate
SignedFirmwareStatusNotification StartTransaction StatusNotification StopTransaction""".split()
ACTIONS = sorted(
    path.stem
    for path in SCHEMAS.glob("*.json")
    if not path.stem.endswith("Response") and path.stem not in FROM_STATION
)
NOWHERE = "http://127.0.0.1:9/file"
WORDS = [
    "",
    "A",
    "1",
    "0",
    "-1",
    "true",
    "04A1B2C3",
    "x" * 21,
    "x" * 600,
    '\0\n"\\',
    "😀" * 20,
    NOWHERE,
]
DATES = [
    "2026-11-21T20:00:00Z",
    "2026-13-45T99:99:99Z",
    "1969-01-01T00:00:00Z",
    "now",
    "9999-12-31T23:59:59+14:00",
]
NASTY = [
    *(
        None,
        True,
        False,
        [],
        {},
        [[]],
        [None],
        {"": {}},
        "",
        "\0",
        "9" * 40,
        "x" * 3000,
        "😀",
        "é",
    ),
    *(0, -1, 2**31, -(2**63), 10**30, 1.5, -0.0, 1e308, 1e-320, float("inf"), float("nan")),
    *(
        ["x"] * 200,
        [[[[[[[[[[]]]]]]]]]],
        {"a": {"a": {"a": {"a": {}}}}},
        [{}] * 50,
        list(range(300)),
    ),
]
TEXTS = [
    *("", " ", "null", "true", "2", '"x"', "{}", "[]", "[[]]", "[2]", "[3]", "[4]", "[null]"),
    *('[2,"1"]', '[2,"1","Reset"]', '[2,1,"Reset",{}]', '[2,"","Reset",{}]', '[2,"1",{},"x"]'),
    *(
        '[2.0,"1","Heartbeat",{}]',
        '["2","1","Reset",{}]',
        '[2,"1","Reset",{}]]',
        '[2,"1","Reset",{}',
    ),
    *(
        "[" * 200,
        "[" * 4000 + "]" * 4000,
        '{"a":' * 2000 + "1" + "}" * 2000,
        "[2," + "9" * 5000 + "]",
    ),
    *(
        '[2,"' + "i" * 37 + '","ClearCache",{}]',
        '[2,"\\ud800","ClearCache",{}]',
        "\ufeff[]",
        "\0" * 50,
    ),
    *(
        '[3,"x",{"status":"Accepted"}]',
        '[4,"x","y","z",{}]',
        '[4,"x",5,[],"z"]',
        '[9,"x"]',
        "[1e999]",
    ),
    '[2,"1","GetConfiguration",{"key":["HeartbeatInterval","HeartbeatInterval"],"key":[]}]',
]


class Frames:
    """An endless row of them. keys: names of configuration keys."""

    def __init__(self, seed: int, keys: list) -> None:
        self.random = random.Random(seed)
        self._keys = keys
        self._count = 0
        self._schemas = {
            action: json.loads((SCHEMAS / f"{action}.json").read_text("utf-8-sig"))
            for action in ACTIONS
        }

    def call(self) -> tuple[str, dict]:
        """(action, payload), mutated as a rule."""
        action = self.random.choice(ACTIONS)
        payload = self._fill(self._schemas[action])
        if action == "ChangeConfiguration" and self.random.random() < 0.7:
            payload["key"] = self.random.choice(self._keys)
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 5))):
            payload = self._spoil(payload)
        return action, payload

    def text(self, action: str, payload) -> "str | bytes":
        """A CALL's text, damaged now and then."""
        self._count += 1
        frame = [2, f"f{self._count}", action, payload]
        chance = self.random.random()
        if chance < 0.04:
            return self.random.choice(TEXTS)
        if chance < 0.06:
            frame[self.random.randrange(4)] = self.random.choice(NASTY)
        text = json.dumps(frame, ensure_ascii=self.random.random() < 0.5)
        return self._damage(text) if chance > 0.94 else text

    def _damage(self, text: str) -> "str | bytes":
        at = self.random.randrange(len(text))
        kind = self.random.randrange(4)
        if kind == 0:
            return text[:at]
        if kind == 1:
            return text[:at] + self.random.choice('[]{}",:\\0\0') + text[at + 1 :]
        if kind == 2:
            return text[:at] + text[at:] * 2
        return text[:at].encode() + self.random.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80"))

    def _fill(self, schema: dict):
        """Something that fits a schema, more or less."""
        kind = schema.get("type")
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if kind == "object":
            required = schema.get("required", [])
            return {
                name: self._fill(part)
                for name, part in schema.get("properties", {}).items()
                if name in required or self.random.random() < 0.5
            }
        if kind == "array":
            return [self._fill(schema["items"]) for _ in range(self.random.choice((1, 1, 2, 5)))]
        if kind == "string":
            if schema.get("format") == "date-time":
                return self.random.choice(DATES)
            return NOWHERE if schema.get("format") == "uri" else self.random.choice(WORDS)
        if kind == "integer":
            return self.random.choice((0, 1, 1, 2, 7, 100, -1, 2**31 - 1))
        if kind == "number":
            return self.random.choice((0, 6, 16.1, 32, 100000, -1))
        return self.random.random() < 0.5

    def _spoil(self, value):
        """The same with one thing wrong."""
        if isinstance(value, dict) and value and self.random.random() < 0.9:
            name = self.random.choice(list(value))
            kind = self.random.randrange(4)
            if kind == 0:
                return {key: part for key, part in value.items() if key != name}
            if kind == 1:
                return {**value, self.random.choice(WORDS): self.random.choice(NASTY)}
            return {**value, name: self._spoil(value[name])}
        if isinstance(value, list) and value and self.random.random() < 0.7:
            at = self.random.randrange(len(value))
            return [*value[:at], self._spoil(value[at]), *value[at + 1 :]]
        return self.random.choice(NASTY)
