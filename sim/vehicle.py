"""A vehicle at the plug: its S2 switch, and the current it draws from what the pilot offers."""

from sim import circuit

REACTION_S = 0.3  # from a change of the duty to the charger's answer
RAMP_MA_PER_S = 20_000  # from 80 A to 6 A within the 5 s of IEC 61851-1 sequence 6
CLOSE_S2_S = 1.2  # from the first PWM to a ready vehicle's S2
STOP_S = 2.5  # the latest opening of S2 after the PWM stopped; 3 s allowed, sequence 10.1
PULSE_S = 0.3  # each half of a B-C-B toggle, sequence 11
TAPER_SOC = 0.97  # from here on it draws less and less
FULL_SOC = 0.995  # and here it opens S2
RESTART_SOC = 0.98
EFFICIENCY = 0.9
WAKE_S = 3.0  # of state F, after which a sleeping one hears the pilot again
SIMPLIFIED_MA = 10_000  # without an S2 a car draws no more (IEC 61851-1 A.2.3)


# What the bench shows of it and lets change.
_SHOWN = """plugged ready max_a phases battery_kwh soc ventilation obeys_pilot asleep glitch_ms
simplified cable_a""".split()


class Vehicle:
    """Plug, S2, battery. Attributes without underscore are the bench's to change."""

    def __init__(self) -> None:
        self.plugged = False
        self.ready = True
        self.max_a = 32.0
        self.phases = 1
        self.battery_kwh = 50.0
        self.soc = 0.2
        self.ventilation = False
        self.obeys_pilot = True
        self.asleep = False  # hears no PWM until state F wakes it, or a new plug-in
        self.glitch_ms = 0  # for so long it falls back to B after a new duty
        self.simplified = False  # no S2: it shows C for as long as it is plugged in
        self.cable_a = 32
        self.s2_closed = False
        self.drawn_ma = 0  # on each of its phases
        self._offer_ma = 0
        self._heard_ma = 0  # the offer as the charger knows it, late by REACTION_S
        self._hears_at_s = 0.0
        self._pwm_since_s: "float | None" = None
        self._silent_since_s = 0.0
        self._pulse_edges: list[float] = []
        self._glitch_until_s = 0.0
        self._glitches = False
        self._f_since_s: "float | None" = None
        self._full = False
        self._was_plugged = False

    def toggle(self, count: int, now_s: float) -> None:
        """Start that many B-C-B pulses."""
        self._pulse_edges = [now_s + PULSE_S * n for n in range(1, 2 * count)]
        self.s2_closed = count > 0

    def load_ohm(self) -> "float | None":
        """Resistance it shows at the pilot; None when it is not there."""
        if not self.plugged:
            return None
        return circuit.vehicle_ohm(self.s2_closed and not self._glitches, self.ventilation)

    def step(
        self,
        now_s: float,
        elapsed_s: float,
        offer_ma: int,
        inlet_v: list[float],
        state_f: bool = False,
    ) -> list[float]:
        """Live through elapsed_s at an offer (0: no PWM); volts at the inlet to amps drawn.

        state_f: the pilot is at steady -12 V.
        """
        if not self.plugged:
            self._unplug()
            return [0.0, 0.0, 0.0]
        self._was_plugged = True
        self._sleep(now_s, state_f)
        self._hear(now_s, 0 if self.asleep else offer_ma)
        self._move_s2(now_s)
        live = [phase < self.phases and volts > 80 for phase, volts in enumerate(inlet_v)]
        self._follow(elapsed_s, any(live))
        amps = [self.drawn_ma / 1000 if on else 0.0 for on in live]
        self._charge(sum(a * v for a, v in zip(amps, inlet_v)) * elapsed_s / 3.6e6)
        return amps

    def state(self) -> dict:
        """What the bench shows and lets change, and what the vehicle does with it."""
        shown = {key: getattr(self, key) for key in _SHOWN}
        shown["soc"] = round(self.soc, 5)
        return {**shown, "s2_closed": self.s2_closed, "drawn_a": self.drawn_ma / 1000}

    def _unplug(self) -> None:
        if self._was_plugged:
            self.asleep = self._was_plugged = False
        self.s2_closed = self._glitches = False
        self._f_since_s = None
        self.drawn_ma = self._offer_ma = self._heard_ma = 0
        self._pwm_since_s = None
        self._pulse_edges.clear()

    def _sleep(self, now_s: float, state_f: bool) -> None:
        if not state_f:
            self._f_since_s = None
        elif self._f_since_s is None:
            self._f_since_s = now_s
        elif now_s - self._f_since_s >= WAKE_S:
            self.asleep = False

    def _hear(self, now_s: float, offer_ma: int) -> None:
        if offer_ma != self._offer_ma:
            if offer_ma and self._offer_ma:
                self._glitch_until_s = now_s + self.glitch_ms / 1000
            if not self._offer_ma:
                self._pwm_since_s = now_s
            elif not offer_ma:
                self._pwm_since_s = None
                self._silent_since_s = now_s
            self._offer_ma = offer_ma
            self._hears_at_s = now_s + REACTION_S
        if now_s >= self._hears_at_s:
            self._heard_ma = self._offer_ma
        self._glitches = now_s < self._glitch_until_s

    def _move_s2(self, now_s: float) -> None:
        if self._pulse_edges:
            while self._pulse_edges and now_s >= self._pulse_edges[0]:
                self._pulse_edges.pop(0)
                self.s2_closed = not self.s2_closed
            return
        self._full = self.soc >= (RESTART_SOC if self._full else FULL_SOC)
        if self.simplified:
            self.s2_closed = True
        elif not self.ready or self._full or self.asleep:
            self.s2_closed = False
        elif self._pwm_since_s is None:
            self._stop_without_pwm(now_s)
        elif now_s - self._pwm_since_s >= CLOSE_S2_S:
            self.s2_closed = True

    def _stop_without_pwm(self, now_s: float) -> None:
        silent_s = now_s - self._silent_since_s
        drained = self.drawn_ma == 0 and silent_s > REACTION_S
        if self.obeys_pilot and (drained or silent_s >= STOP_S):
            self.s2_closed = False

    def _target_ma(self) -> int:
        if not self.s2_closed or self._pulse_edges:
            return 0
        max_ma = round(self.max_a * 1000)
        if not self.obeys_pilot:
            return max_ma if self._offer_ma else min(self.drawn_ma, max_ma)
        target_ma = min(self._heard_ma, max_ma)
        if self.simplified:
            wants = self.ready and not self._full
            target_ma = min(target_ma, SIMPLIFIED_MA) if wants else 0
        if self.soc > TAPER_SOC:
            target_ma = round(target_ma * (1 - self.soc) / (1 - TAPER_SOC))
        return target_ma

    def _follow(self, elapsed_s: float, live: bool) -> None:
        target_ma = self._target_ma() if live else 0
        if not self.s2_closed or not live:
            self.drawn_ma = 0  # the charger cuts within milliseconds
            return
        reach_ma = round(RAMP_MA_PER_S * elapsed_s)
        self.drawn_ma += max(-reach_ma, min(reach_ma, target_ma - self.drawn_ma))

    def _charge(self, drawn_kwh: float) -> None:
        self.soc = min(1.0, self.soc + drawn_kwh * EFFICIENCY / self.battery_kwh)
