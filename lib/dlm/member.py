"""A charger of a group, as its master sees it: what it tells, and what it is granted. Pure, in mA and ms."""

from micropython import const

MIN_MA = const(6000)  # less is no offer (IEC 61851-1 table A.8)
STEP_MA = const(100)
ALL_PHASES = const(7)

UNHEARD_MS = const(6000)  # as long as that an answer may be late
RECALL_MS = const(16000)  # from then on it is told its fallback: it may hear without being heard
FALL_MS = const(30000)
LOST_MS = const(32000)
RISE_MS = const(40000)

FREE_AFTER_MS = const(60000)  # what a car does not draw for so long goes to others
_MARGIN_MA = const(3000)  # … less that
_AT_LIMIT_MA = const(1000)  # a car that draws within that of its grant wants more
_IDLE_MA = const(1000)
_IDLE_MS = const(300000)  # a car that draws nothing for so long waits behind the others
NEWCOMER = const(255)
LONGEST_MS = const(1000000000)  # counters stop there
ANY_MA = const(1000000000)  # above any current

# Reasons of a grant.
FULL = "all it asks for"
SHARED = "shared with the others"
UNUSED = "what the car draws"
WAITS = "waits for its turn"
PENDING = "until others have reduced"
UNHEARD = "not heard from"
NOTHING = "asks for nothing"


def grid_phases(wired: str) -> int:
    """Bits of the grid's phases that a member is on: "RST", "STR" … or, of a single phase, "S".

    The letters are OCPP 1.6's of ConnectorPhaseRotation. ValueError for others.
    """
    bits = 0
    for letter in wired:
        if letter not in "RST":
            raise ValueError("no phase " + letter)
        bits |= 1 << "RST".index(letter)
    return bits


class Member:
    """wired: the grid's phases that it is connected to (bits, see grid_phases)."""

    def __init__(self, rating_ma: int, fallback_ma: int, wired: int = ALL_PHASES) -> None:
        # What the member is, and tells; filled in from outside before each step.
        self.rating_ma = rating_ma
        self.fallback_ma = fallback_ma
        self.wired = wired
        self.phases = wired  # those that its car draws on, as far as anybody knows
        self.priority = 0  # the higher is served first
        self.request_ma = 0  # the most that car, cable and station take now; 0: nobody asks
        self.drawn_ma = None  # the largest of its phases; None without a meter
        self.confirmed_ma = 0
        self.arrival_s = 0  # when its session began, on the group's clock
        self.energy_wh = 0  # of its session
        self.silent_ms = LOST_MS  # since it was last heard from
        # What the step finds.
        self.granted_ma = 0
        self.kept_ma = fallback_ma  # its share of the limit
        self.reason = NOTHING
        self.heard = False  # it told something lately
        self.known = False  # … and before that
        self.asks = False  # it could use a grant
        self.target_ma = 0  # where its grant is to go
        self.charges = False  # has a turn
        self.usable_ma = 0  # of what it asks for; less while its car draws less
        self.turn = NEWCOMER  # its place since the last rotation
        self.waited_ms = 0
        self.put_off_ms = 0  # until it may have its turn again
        self.idle_ms = 0
        self._slack_ms = 0
        self._peak_ma = 0

    def follow(self, elapsed_ms: int, is_new_master: bool) -> None:
        """Bring its books up to what it told, or did not tell.

        A new master lets a member keep what it has from the former one. Later, one that comes back has
        only its fallback current: the rest was given to others, even if its car has yet to follow.
        """
        self.heard = self.silent_ms < UNHEARD_MS
        if not self.heard:
            self.asks = False
            return self._miss()
        self.asks = self.request_ma >= MIN_MA
        if not self.known:
            self.known = True
            has_ma = self.rating_ma if is_new_master else self.fallback_ma
            self.granted_ma = min(self.confirmed_ma, has_ma, self.rating_ma)
        self.kept_ma = max(self.granted_ma, self.confirmed_ma)
        if self.asks:
            self._watch(elapsed_ms)
        else:
            self.turn = NEWCOMER
            self.charges = False
            self.target_ma = self.waited_ms = self.idle_ms = self.put_off_ms = 0

    def _miss(self) -> None:
        """Nobody hears of it: what it may draw is kept for it, and at least its fallback current."""
        self.reason = UNHEARD
        if self.silent_ms >= LOST_MS:
            self.granted_ma = self.kept_ma = self.fallback_ma
            self.charges = self.known = False
            return
        if self.silent_ms >= RECALL_MS:
            self.granted_ma = min(self.granted_ma, self.fallback_ma)
        self.kept_ma = max(self.kept_ma, self.fallback_ma)

    def _watch(self, elapsed_ms: int) -> None:
        """Find what its car can use: less than it asks for while it draws less, for a time."""
        request_ma = min(self.request_ma, self.rating_ma)
        drawn_ma = self.drawn_ma
        if drawn_ma is None or not self.charges or not self.granted_ma:
            self.usable_ma = request_ma
            self._slack_ms = 0
            return
        self.idle_ms = min(self.idle_ms + elapsed_ms, LONGEST_MS) if drawn_ma < _IDLE_MA else 0
        wants_more = drawn_ma + _AT_LIMIT_MA >= self.granted_ma
        if wants_more or not MIN_MA <= self.usable_ma <= request_ma:
            self.usable_ma = request_ma
        if drawn_ma + _MARGIN_MA >= min(self.granted_ma, self.usable_ma):
            self._slack_ms = 0
            return
        self._peak_ma = max(self._peak_ma, drawn_ma) if self._slack_ms else drawn_ma
        self._slack_ms += elapsed_ms
        if self._slack_ms >= FREE_AFTER_MS:
            self._slack_ms = 0
            self.usable_ma = min(request_ma, max(self._peak_ma + _MARGIN_MA, MIN_MA))

    def is_before(self, other: "Member") -> bool:
        """Its turn comes before the other's."""
        if self.priority != other.priority:
            return self.priority > other.priority
        if (self.idle_ms >= _IDLE_MS) != (other.idle_ms >= _IDLE_MS):
            return self.idle_ms < _IDLE_MS
        if self.turn != other.turn:
            return self.turn < other.turn
        return self.arrival_s < other.arrival_s

    def rank(self) -> tuple:
        """Place in a rotation: who has waited longest first, then who has had the least energy."""
        return (-self.waited_ms, self.energy_wh, self.arrival_s)

    def explain(self) -> None:
        """Put its grant's reason."""
        if not self.asks:
            self.reason = NOTHING
        elif not self.charges:
            self.reason = WAITS
        elif self.granted_ma < self.target_ma:
            self.reason = PENDING
        elif self.granted_ma + STEP_MA > self.request_ma:
            self.reason = FULL
        else:
            self.reason = UNUSED if self.target_ma + STEP_MA > self.usable_ma else SHARED
