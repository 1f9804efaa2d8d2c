"""Temperature from an NTC of 10 kΩ at 25 °C, B 3950, below a 10 kΩ resistor from 3.3 V."""

from math import log

_SUPPLY_UV = 3300000
_B_K = 3950
_T0_K = 298.15


class Thermistor:
    """One sensor on an ADC channel."""

    def __init__(self, read_uv) -> None:
        self._read_uv = read_uv

    def read_dc(self):
        """Temperature in tenths of a degree Celsius; None when the sensor is broken or shorted."""
        value_uv = sum(self._read_uv() for _ in range(4)) // 4
        if not 50000 < value_uv < 3050000:
            return None
        ratio = value_uv / (_SUPPLY_UV - value_uv)
        return int((1 / (1 / _T0_K + log(ratio) / _B_K) - 273.15) * 10)
