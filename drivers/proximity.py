"""The proximity contact of a socket outlet: what the cable's plug has between it and earth."""


class Proximity:
    """One ADC channel below a pull-up; circuit: config.json's board.proximity."""

    def __init__(self, read_uv, circuit: dict) -> None:
        self._read_uv = read_uv
        self._pullup_ohm = circuit["pullup_ohm"]
        self._supply_uv = circuit["supply_mv"] * 1000

    def read_ohm(self) -> int:
        """Resistance to earth, by the mean of four conversions; an open contact has tens of kilohms."""
        read_uv = self._read_uv
        value_uv = (read_uv() + read_uv() + read_uv() + read_uv()) // 4
        value_uv = min(value_uv, self._supply_uv - 10000)
        across = (self._supply_uv - value_uv) // 100
        return (self._pullup_ohm * (value_uv // 100) + across // 2) // across
