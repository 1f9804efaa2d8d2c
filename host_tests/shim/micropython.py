"""micropython on CPython: compilers that change nothing."""


def const(value):
    """Return the value."""
    return value


def viper(function):
    """Return the function."""
    return function


native = viper


def alloc_emergency_exception_buf(size: int) -> None:
    """Nothing to reserve on CPython."""
