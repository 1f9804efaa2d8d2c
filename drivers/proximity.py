"""The proximity contact of a socket outlet: what the cable's plug has between it and earth."""


class Proximity:
    """One ADC channel below a pull-up; circuit: config.json's board.proximity."""

    def __init__(self, read_uv, circuit: dict) -> None:
        self._read_uv = read_uv
        self._pullup_ohm = circuit["pullup_ohm"]
        self._supply_uv = circuit["supply_mv"] * 1000

    def mean_uv(self) -> int:
        """Mean of four conversions."""
        read_uv = self._read_uv
        return (read_uv() + read_uv() + read_uv() + read_uv()) // 4

    def read_ohm(self) -> int:
        """Resistance to earth; an open contact has tens of kilohms."""
        value_uv = min(self.mean_uv(), self._supply_uv - 10000)
        across = (self._supply_uv - value_uv) // 100
        return (self._pullup_ohm * (value_uv // 100) + across // 2) // across
