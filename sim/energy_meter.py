"""What an energy meter measures: three phases and their energy since it was made."""

from sim.meters import Reading


class EnergyMeter:
    """Voltage, current, power and energy at one place."""

    def __init__(self, kwh: float = 0.0) -> None:
        self.v = [0.0, 0.0, 0.0]
        self.a = [0.0, 0.0, 0.0]
        self.kwh = kwh

    @property
    def w(self) -> float:
        """Power of all phases; the loads here are resistive."""
        return sum(v * a for v, a in zip(self.v, self.a))

    def pass_time(self, volts: list[float], amps: list[float], elapsed_s: float) -> None:
        """Take the values that held for elapsed_s until now."""
        self.v = list(volts)
        self.a = list(amps)
        self.kwh += self.w * elapsed_s / 3.6e6

    def reading(self) -> Reading:
        """For the meter on the bus."""
        v, a = self.v, self.a
        return Reading((v[0], v[1], v[2]), (a[0], a[1], a[2]), self.w, self.kwh)

    def state(self) -> dict:
        """For the bench's answers."""
        return {
            "v": [round(v, 2) for v in self.v],
            "a": [round(a, 3) for a in self.a],
            "w": round(self.w, 1),
            "kwh": round(self.kwh, 5),
        }
