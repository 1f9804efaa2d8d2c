"""What a master and its slaves say to each other beyond sharing the current: sessions, cards, commands.

A call of the master begins with one of the letters below; docs/load-management.md has the table. Numbers
are high byte first. No call and no reply is longer than MOST bytes.
"""

import struct

from micropython import const

MOST = const(96)

SAMPLE = b"m"  # wishes follow; the reply is a sample
SESSION = b"n"  # a session's number follows; the reply is that session, or nothing
FAULT = b"f"  # the reply is the fault's name and its line for people
QUESTION = b"e"  # the reply is START or GROUP with tags, or nothing
DECISION = b"a"  # of such a question
BEGIN = b"b"  # a tag follows; the reply is why it does not begin, or nothing
STOP = b"s"  # number, reason and tag follow
UNLOCK = b"u"
UNLOCKED = b"w"  # the reply is one of the following
NO_LOCK = b"0"
UNLOCKS = b"1"
IS_UNLOCKED = b"2"
STAYS_LOCKED = b"3"

START = b"c"  # may this tag start?
GROUP = b"g"  # may this tag stop what that one has started?

NO_LIMIT = const(0xFFFF)
NO_AGE = const(0xFFFFFFFF)
UNKNOWN = const(0x7FFFFFFF)
NO_TEMPERATURE = const(0x7FFF)
# A session is
RUNNING = const(1)
OVER = const(2)

OPERATIVE = const(1)  # flag of the wishes
REFUSED = const(2)  # the limit is that of a refused card
_WISHES = ">BBHI"  # flags, limit in 0.1 A, unix time

FIXED_CABLE = const(1)  # flags of a sample
AWAITS_PLUG = const(2)
MEASURES = const(4)
_SAMPLE = ">BIIIiHh3H3i"
SAMPLE_BYTES = const(39)

_SESSION = ">BIIIIIII"
_SESSION_BYTES = const(29)
_NUMBER = ">BI"
_NUMBER_BYTES = const(5)


def wishes(flags: int, limit_ma: "int | None", unix_s: int) -> bytes:
    """A call with what the master wants to hold; unix_s: the time, 0 where nobody has told it."""
    tenths = NO_LIMIT if limit_ma is None else min(limit_ma // 100, NO_LIMIT - 1)
    return struct.pack(_WISHES, SAMPLE[0], flags, tenths, unix_s)


def read_wishes(message: bytes) -> tuple:
    """(flags, limit in mA or None, unix time)."""
    _, flags, tenths, unix_s = struct.unpack(_WISHES, message)
    return flags, None if tenths == NO_LIMIT else tenths * 100, unix_s


def sample(flags: int, sessions: tuple, energy_wh: int, values: list) -> bytes:
    """A reply. sessions: the running one's number, 0 without, and the newest's.

    values: power in mW, offered current in mA, temperature in 0.1 degrees, 3 voltages in mV, 3 currents in mA;
    None where nobody knows.
    """
    power_mw, offered_ma, temperature_dc = values[:3]
    fields = [flags, sessions[0], sessions[1], energy_wh]
    fields.append(UNKNOWN if power_mw is None else power_mw)
    fields.append(offered_ma // 100)
    fields.append(NO_TEMPERATURE if temperature_dc is None else temperature_dc)
    fields += [(mv or 0) // 100 for mv in values[3:6]]
    fields += [UNKNOWN if ma is None else ma for ma in values[6:9]]
    return struct.pack(_SAMPLE, *fields)


def read_sample(reply: bytes) -> list:
    """[flags, running, newest, energy in Wh, power in mW, offered mA, 0.1 degrees, 3 mV, 3 mA]."""
    found: list = list(struct.unpack(_SAMPLE, reply))
    found[4] = None if found[4] == UNKNOWN else found[4]
    found[5] *= 100
    found[6] = None if found[6] == NO_TEMPERATURE else found[6]
    for place in (7, 8, 9):
        found[place] *= 100
    for place in (10, 11, 12):
        found[place] = None if found[place] == UNKNOWN else found[place]
    return found


def about(kind: bytes, number: int, rest: bytes = b"") -> bytes:
    """A call about the session of a number."""
    return struct.pack(_NUMBER, kind[0], number) + rest


def read_about(message: bytes) -> tuple:
    """(number, rest) of such a call."""
    return struct.unpack(_NUMBER, message[:_NUMBER_BYTES])[1], message[_NUMBER_BYTES:]


def session(state: int, numbers: tuple, texts: tuple) -> bytes:
    """A reply. numbers: number, unix time of the start, duration in s, meter at the start and now in Wh,
    unix time of the end and how long that is ago in s, or NO_AGE; texts: tag, reason, tag that has stopped it.
    """
    return struct.pack(_SESSION, state, *numbers) + joined(texts, MOST - _SESSION_BYTES)


def read_session(reply: bytes) -> tuple:
    """(state, numbers, texts)."""
    state, *numbers = struct.unpack(_SESSION, reply[:_SESSION_BYTES])
    return state, numbers, split(reply[_SESSION_BYTES:])


def joined(texts, most: int) -> bytes:
    """Texts in a message, as far as they fit."""
    data = b"\0".join([text.encode() for text in texts])[:most]
    while data:
        try:
            str(data, "utf-8")
            return data
        except UnicodeError:  # cut within a letter
            data = data[:-1]
    return data


def split(data: bytes) -> list:
    """Such texts."""
    return str(data, "utf-8").split("\0")
