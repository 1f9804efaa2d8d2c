"""ulab on CPython: NumPy, of which it has a part."""

import numpy

__all__ = ["numpy"]
