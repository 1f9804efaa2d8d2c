"""Time zones: hours from UTC, or a POSIX TZ text with the rules of summer time."""


def checked(value) -> str:
    """A time zone as it is stored; ValueError says what is wrong with it."""
    try:
        hours = float(value)
    except (TypeError, ValueError):
        raise ValueError("is no time zone such as 1, 5.5 or CET-1CEST,M3.5.0,M10.5.0/3")
    if not -12 <= hours <= 14:
        raise ValueError("must be -12 to 14 hours")
    return "%g" % hours
