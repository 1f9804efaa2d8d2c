"""A residual current monitor with a trip output and a test input."""

TEST_S = 0.05  # test input active to trip
HOLD_S = 0.1  # end of the test to the output's release


class ResidualCurrentMonitor:
    """Trips on residual current and on its own test."""

    def __init__(self) -> None:
        self.tripped = False
        self._test_since_s: "float | None" = None
        self._held_until_s = 0.0

    def step(self, now_s: float, test: bool, residual: bool, test_fails: bool) -> None:
        """Follow the test input and the installation."""
        if not test:
            self._test_since_s = None
        elif self._test_since_s is None:
            self._test_since_s = now_s
        elif now_s - self._test_since_s >= TEST_S and not test_fails:
            self._held_until_s = now_s + HOLD_S
        self.tripped = residual or now_s < self._held_until_s
