"""What a current-transformer meter computes of waves: with ulab where MicroPython has it, else in viper.

A wave is a buffer of unsigned 16-bit samples over whole mains periods; its mean is taken off, so that
the converter's bias and its drift do not matter.
"""

from array import array

import micropython

try:
    from ulab import numpy
except ImportError:  # the official builds
    numpy = None

_sums = array("i", [0, 0, 0])


@micropython.viper
def _add_up(wave, other, lead: int, places: int, sums):
    """Sums of the products wave · other, of wave and of other; the other is read `lead` places on."""
    x = ptr16(wave)
    y = ptr16(other)
    found = ptr32(sums)
    products = total_x = total_y = 0
    place = 0
    while place < places:
        a = x[place]
        b = y[(place + lead) % places]
        products += a * b
        total_x += a
        total_y += b
        place += 1
    found[0] = products
    found[1] = total_x
    found[2] = total_y


def covariance_viper(wave, other, lead: int = 0) -> int:
    """n² times the mean of wave · other without their means; n samples, under 220 of 12 bits."""
    places = len(wave)
    _add_up(wave, other, lead % places, places, _sums)
    return places * _sums[0] - _sums[1] * _sums[2]


def covariance_numpy(wave, other, lead: int = 0) -> int:
    """The same."""
    x = numpy.frombuffer(wave, dtype=numpy.uint16)
    y = numpy.roll(numpy.frombuffer(other, dtype=numpy.uint16), -lead)
    return int(len(wave) * numpy.dot(x - numpy.mean(x), y - numpy.mean(y)))


covariance = covariance_numpy if numpy else covariance_viper
