"""A contactor with the delays of its coil, an auxiliary contact and the ways it fails."""

CLOSE_S = 0.015
OPEN_S = 0.012


class Contactor:
    """Main contacts and the auxiliary contact that mirrors them."""

    def __init__(self) -> None:
        self.closed = False
        self._target = False
        self._moves_at_s = 0.0

    def step(self, now_s: float, coil: bool, welded: bool, fails_to_close: bool) -> None:
        """Follow the coil. Welded contacts stay together; failing ones do not come together."""
        target = welded or (coil and (self.closed or not fails_to_close))
        if target != self._target:
            self._target = target
            self._moves_at_s = now_s + (CLOSE_S if target else OPEN_S)
        if self.closed != self._target and now_s >= self._moves_at_s:
            self.closed = self._target
