"""One charging station of a bench, in the words of the stories: what people do to it, what shows."""

import json
import time

from bench_process import PATIENCE_S, BenchError, BenchProcess, request, until

CARD = "04A1B2C3D4E5F6"
HELD_MS = 800
AWAY_S = 1.5  # a reader takes a card that comes back within a second for one that never left
_ORDINARY = {"asleep": False, "glitch_ms": 0, "simplified": False}
OPENED_MS = 3000  # by a machine that has other work; `make bench` measures what a chip takes


class Station:
    """A board, its surroundings, its page and its record in the demo back office."""

    def __init__(self, bench: BenchProcess, number: int = 1) -> None:
        self.bench = bench
        self.number = number
        self.page = Page(bench.web_port + number - 1)
        self._card_gone_s: "dict[str, float]" = {}

    # --- the bench's API

    def ask(self, method: str, path: str, body=None):
        """The answer of a call to the bench's API."""
        status, _, answer = request(self.bench.port, method, path, body)
        if status != 200:
            raise BenchError(f"{method} {path}: {status} {answer!r}")
        return json.loads(answer)

    def put(self, what: str, **values):
        """Change something around the board."""
        return self.ask("PUT", f"/api/boards/{self.number}/{what}", values)

    @property
    def state(self) -> dict:
        """What the bench tells of the board."""
        return self.ask("GET", f"/api/boards/{self.number}")

    def plug(self, **vehicle) -> None:
        """A car comes, ready to charge unless told otherwise."""
        self.put("vehicle", **{"ready": True, **vehicle, "plugged": True})

    def unplug(self) -> float:
        """The car leaves; the time of that."""
        before = self.now_ms()
        self.put("vehicle", plugged=False)
        return self.event("vehicle", {"plugged": False}, before)

    def card(self, uid: str = CARD, hold_ms: int = HELD_MS) -> None:
        """Hold a card to the reader and take it away again; one that was there before, as a card of its own."""
        time.sleep(max(0, self._card_gone_s.get(uid, 0) + AWAY_S - time.monotonic()))
        self._card_gone_s[uid] = time.monotonic() + hold_ms / 1000
        self.ask("POST", f"/api/boards/{self.number}/card", {"uid": uid, "hold_ms": hold_ms})

    def fault(self, **faults: bool) -> None:
        """Put faults in or take them out."""
        self.put("faults", **faults)

    def power(self, on: bool) -> None:
        """Cut the supply, or bring it back."""
        self.put("power", on=on)

    def now_ms(self) -> float:
        """The bench's clock: the system's monotonic one."""
        return round(time.monotonic() * 1000, 3)

    def events(self, what: str, since_ms: float) -> list:
        """[(t_ms, value)] of this board's events."""
        found = self.ask("GET", f"/api/events?since={since_ms}")
        mine = [event for event in found if event["board"] == self.number]
        return [(event["t_ms"], event["value"]) for event in mine if event["what"] == what]

    def event(self, what: str, value, since_ms: float, timeout_s: float = PATIENCE_S) -> float:
        """Time of the first such event since then; waits for it."""

        def first():
            return next((t for t, seen in self.events(what, since_ms) if seen == value), None)

        return until(first, f"event {what} {value}", timeout_s)

    def assert_opens(self, since_ms: float, within_ms: float = OPENED_MS) -> None:
        """The coil went off within that time from an event, and stayed off."""
        opened_ms = self.event("coil", False, since_ms) - since_ms
        assert opened_ms <= within_ms
        assert not self.state["coil"]

    def assert_no_offer(self, since_ms: float) -> None:
        """Neither PWM, which comes with an authorization at once, nor contactor since then."""
        assert not [duty for _, duty in self.events("duty", since_ms) if duty not in (0, 1000)]
        assert not [on for _, on in self.events("coil", since_ms) if on]
        assert self.state["signaled_a"] == 0

    def heap_used(self) -> int:
        """Bytes of the firmware's heap in use, garbage collected."""
        return self.ask("GET", f"/api/boards/{self.number}/heap")["used"]

    # --- what is to be reached

    def charging(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the contactor is closed and current flows."""
        self.shows(lambda s: s["contactor_closed"] and s["meter"]["a"][0] > 5, timeout_s)

    def full_load(self) -> None:
        """Wait until the car draws all that is offered."""
        self.shows(lambda s: s["meter"]["a"][0] > 0.97 * s["signaled_a"] > 0)

    def shows(self, check, timeout_s: float = PATIENCE_S) -> dict:
        """Wait until check(the bench's state of the board) is true; returns that state."""

        def look():
            state = self.state
            return state if check(state) else None

        return until(look, "the bench shows it", timeout_s)

    def charge(self, uid: str = CARD, **vehicle) -> None:
        """A car comes, a card is held up, current flows."""
        self.plug(**vehicle)
        self.card(uid)
        self.charging()

    def clear(self) -> None:
        """No car, no fault; wait until the station is as it was before any."""
        faults = self.state["faults"]
        if faults:
            self.fault(**dict.fromkeys(faults, False))
        self.put("vehicle", plugged=False, ready=True, max_a=32, phases=1, soc=0.2, **_ORDINARY)
        self.reports("Available")

    # --- the back office

    @property
    def identity(self) -> str:
        """Its id in the back office."""
        return "MPEVSE-" + self.state["serial"]

    @property
    def record(self) -> dict:
        """What the back office knows of it."""
        nothing = {
            "connected": False,
            "boots": 0,
            "status": {},
            "transactions": [],
            "messages": [],
        }
        return self.ask("GET", "/api/csms").get(self.identity, nothing)

    def back_office(self, on: bool) -> None:
        """Switch the back office off or on."""
        self.ask("PUT", "/api/csms", {"on": on})

    def call(self, action: str, **payload) -> dict:
        """Have the back office send a call; returns the answer."""
        body = {"action": action, "payload": payload}
        return self.ask("POST", f"/api/csms/{self.identity}/call", body)

    def connected(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until it is registered and has told its status."""
        until(
            lambda: self.record["connected"] and "1" in self.record["status"],
            "connected to the back office",
            timeout_s,
        )

    def reports(self, status: str, timeout_s: float = PATIENCE_S) -> dict:
        """Wait until the back office knows a status of the connector; returns all it told."""

        def told():
            known = self.record["status"].get("1", {})
            return known if known.get("status") == status else None

        return until(told, f"status {status} at the back office", timeout_s)

    def messages(self, action: str, since_s: float = 0) -> list:
        """Payloads of what the back office received, of the last 50 messages."""
        found = self.record["messages"]
        return [m["payload"] for m in found if m["action"] == action and m["time"] >= since_s]

    @property
    def last_number(self) -> int:
        """Id of the newest transaction; 0 without any."""
        return max([t["id"] for t in self.record["transactions"]], default=0)

    def transactions(self, after: int = 0) -> list:
        """Transactions after an id, oldest first."""
        return [t for t in self.record["transactions"] if t["id"] > after]

    def started(self, after: int) -> dict:
        """Wait for the first transaction after an id."""
        return until(lambda: self.transactions(after), "a transaction")[0]

    def stopped(self, number: int, timeout_s: float = PATIENCE_S) -> dict:
        """Wait until a transaction is stopped; returns it."""

        def ended():
            return [t for t in self.transactions(number - 1) if t["id"] == number and t["stops"]]

        return until(ended, f"the end of transaction {number}", timeout_s)[0]


class Page:
    """A browser at a controller's page."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.headers: dict = {}

    def request(self, method: str, path: str, body=None, headers=None) -> tuple:
        """(status, headers, body's bytes), with the cookie and the token of the last login."""
        headers = {**self.headers, **(headers or {})}
        return request(self.port, method, path, body, headers)

    def login(self, user: str = "user", password: str = "88888888") -> int:
        """Log in; returns the status."""
        login = {"user": user, "password": password}
        status, headers, _ = self.request("POST", "/api/login", login)
        if status == 204:
            cookie = headers["Set-Cookie"].split(";")[0]
            self.headers = {"Cookie": cookie, "X-CSRF-Token": headers["X-CSRF-Token"]}
        return status

    def forget(self) -> None:
        """Close the browser: the cookie is gone."""
        self.headers = {}

    @property
    def state(self) -> dict:
        """The STATE page's values."""
        status, _, body = self.request("GET", "/api/state")
        assert status == 200, body
        return json.loads(body)
