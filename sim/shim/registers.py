"""The registers that a board's chip shares with the world around it: layout and the board's access.

A board's register file is 4,096 little-endian 32-bit words. The world maps it as a shared file, the
board's MicroPython maps the same file at BASE, so that a pin or a converter is read in a fraction of
a microsecond, from viper too. Names ending in 0 are the first of a row, one word per GPIO number.
The functions at the end stand here because only this file's constants fold into their machine code.
"""

try:
    import micropython
    from micropython import const
    from time import ticks_us
except ImportError:  # the world's own process needs the layout alone

    class micropython:  # noqa: N801
        """Stands in for the board's compiler."""

        viper = staticmethod(lambda function: function)

    def const(value):
        """Return the value: CPython has no compile-time constants."""
        return value


BASE = const(0x3FF40000)  # where a board maps the file; fits MicroPython's 31-bit small integers
WORDS = const(4096)
PINS = const(40)

# The world writes, the board reads.
IN0 = const(16)  # level at a pin that is an input
ADC0 = const(64)  # microvolts at an ADC pin
WAVE_ADC_PIN = const(112)  # the ADC pin that sees the pilot behind the divider
WAVE_PWM_PIN = const(113)  # the PWM pin whose level decides between the next two
WAVE_HIGH_UV = const(114)  # microvolts at that ADC pin while the PWM is high
WAVE_LOW_UV = const(115)  # … and while it is low
ADC_NOISE_UV = const(116)  # peak noise that each conversion adds
HANG_MS = const(117)  # a bench coroutine holds the loop that long, then writes 0
LINKS = const(118)  # bit 0 WLANs in reach, bit 1 LAN cable in, bit 2 cellular network in reach
RESET_CAUSE = const(119)  # what machine.reset_cause() answers
UNIX_S = const(
    120
)  # wall clock of the world, seconds since 1970: what a network time server tells
LAN_HOST = const(122)  # last byte of the board's address in the owner's network; 0 stands for 1
HEAP_ASKED = const(121)  # the probe collects and counts the heap into HEAP_USED, then writes 0

# The board writes, the world reads.
MODE0 = const(128)  # 0 unused, 1 input, 2 output
OUT0 = const(176)  # level that an output pin drives
DUTY0 = const(224)  # PWM duty, 0 … 65536 (65536: steady high)
FREQ0 = const(272)  # PWM frequency in Hz; 0: no PWM on this pin
EDGES0 = const(320)  # count of level changes of an output pin: short pulses leave a trace
HEAP_FREE = const(368)
HEAP_LOW = const(369)
WDT_TIMEOUT_MS = const(370)  # 0: no watchdog started
WDT_FEEDS = const(371)  # count of feeds; the world resets a board that stops counting
NOISE_SEED = const(372)
FLASH_PROGRAMS = const(375)  # count of flash pages written
FLASH_ERASES = const(376)  # count of flash sectors erased
FLASH_SYNCS = const(377)  # count of times the file system made what it wrote durable
HEAP_USED = const(378)  # bytes, after a collection
STEPS = const(373)  # 1: the launcher measures each asyncio step into STEP0
STEP_MAX_US = const(374)
STEP0 = const(
    384
)  # histogram of asyncio steps: word n counts those of n … n+1 ms, the last the rest
STEP_BINS = const(100)

# UARTs: one block each. Byte rings; head and tail count bytes for ever (modulo 2**30).
UART0 = const(512)
UART_WORDS = const(288)  # size of one block
UARTS = const(3)
UART_BAUD = const(0)  # 0: not opened
UART_FRAME = const(1)  # data bits | parity << 4 (0 none, 1 even, 2 odd) | stop bits << 8
UART_TX_PIN = const(2)
UART_TX_HEAD = const(3)  # board: bytes written
UART_TX_TAIL = const(4)  # world: bytes whose stop bit has passed
UART_RX_HEAD = const(5)  # world: bytes received
UART_RX_TAIL = const(6)  # board: bytes read
UART_TX_RING = const(16)  # 512 bytes = 128 words
UART_RX_RING = const(144)
UART_RING_BYTES = const(512)

TEXT_VERSION = const(1408)  # 16 words: the firmware's version, UTF-8, zero-terminated

# The world writes: mains at ADC pins, a sine on top of ADC0.
SINE_TURNS = const(1424)  # its turns a microsecond, in 1/2**30; all pins share the board's clock
SINE_UV0 = const(1440)  # peak in microvolts, 0: no sine at this pin
SINE_LEAD0 = const(1480)  # its lead before a sine that began with the clock, in 1/65536 turn
SINE_TABLE = const(1536)  # 257 words: 4096 · (1 + sin) of a turn in 256 steps

# The radio. The board writes …
RADIO0 = const(1800)  # first of these words
STATION_ON = const(1800)
STATION_WANTS = const(1801)  # 1: told to join a network
STATION_SINCE_MS = const(1802)  # the board's ticks when it was told so
STATION_NETWORK = const(1803)  # number of the network, from 1, that it joins or has joined
STATION_REASON = const(1804)  # why joining failed, a number of the ESP32's
HOTSPOT_ON = const(1805)
HOTSPOT_HIDDEN = const(1806)
HOTSPOT_SECURITY = const(1807)
TEXT_HOTSPOT_SSID = const(1809)  # zero-terminated texts
TEXT_HOTSPOT_KEY = const(1818)
LAN_ON = const(1835)
RADIO_END = const(1836)
# … and the world.
HOTSPOT_GUESTS = const(1856)  # devices that have joined the hotspot
NETWORKS = const(1857)  # how many are in reach
NETWORK0 = const(1888)  # one block each
NETWORK_WORDS = const(32)
MOST_NETWORKS = const(20)
NETWORK_DBM = const(0)  # signal strength, as -dBm
NETWORK_SECURITY = const(1)  # as `network` numbers it
NETWORK_CHANNEL = const(2)
NETWORK_SSID = const(3)  # zero-terminated texts
NETWORK_KEY = const(12)
SSID_WORDS = const(9)
KEY_WORDS = const(17)


@micropython.viper
def peek(index: int) -> int:
    """Read a register."""
    return ptr32(BASE)[index]


@micropython.viper
def poke(index: int, value: int):
    """Write a register."""
    ptr32(BASE)[index] = value


@micropython.viper
def drive(pin: int, level: int):
    """Set an output pin's level; a change counts as an edge."""
    registers = ptr32(BASE)
    if registers[OUT0 + pin] != level:
        registers[OUT0 + pin] = level
        registers[EDGES0 + pin] = registers[EDGES0 + pin] + 1


@micropython.viper
def level(pin: int) -> int:
    """Level at a pin at this instant: the PWM's, the driven one, or the one from outside."""
    registers = ptr32(BASE)
    frequency = registers[FREQ0 + pin]
    if frequency > 0:
        period_us = 1000000 // frequency
        high_us = (registers[DUTY0 + pin] * period_us) >> 16
        if int(ticks_us()) % period_us < high_us:
            return 1
        return 0
    if registers[MODE0 + pin] == 2:
        return registers[OUT0 + pin]
    return registers[IN0 + pin]


@micropython.viper
def convert(pin: int) -> int:
    """One conversion of the ADC at a pin, in microvolts: millivolt steps, noise, clipped at 3.1 V.

    Written out in one piece: on an emulated chip a call here costs as much as the conversion there.
    """
    registers = ptr32(BASE)
    value_uv = registers[ADC0 + pin]
    if pin == registers[WAVE_ADC_PIN]:
        source = registers[WAVE_PWM_PIN]
        frequency = registers[FREQ0 + source]
        value_uv = registers[WAVE_LOW_UV]
        if frequency > 0:
            period_us = 1000000 // frequency
            if int(ticks_us()) % period_us < (registers[DUTY0 + source] * period_us) >> 16:
                value_uv = registers[WAVE_HIGH_UV]
        elif registers[OUT0 + source]:
            value_uv = registers[WAVE_HIGH_UV]
    elif registers[SINE_UV0 + pin]:
        peak_uv = registers[SINE_UV0 + pin]
        turn = (int(ticks_us()) * registers[SINE_TURNS] & 0x3FFFFFFF) >> 14
        turn = (turn + registers[SINE_LEAD0 + pin]) & 0xFFFF
        place = SINE_TABLE + (turn >> 8)
        sine = registers[place]
        sine += ((registers[place + 1] - sine) * (turn & 255)) >> 8
        value_uv += ((peak_uv >> 3) * sine >> 9) - peak_uv
    noise_uv = registers[ADC_NOISE_UV]
    if noise_uv > 0:
        seed = (registers[NOISE_SEED] * 75 + 74) % 65537  # Lehmer's generator, 16 bits
        registers[NOISE_SEED] = seed
        value_uv += seed % (2 * noise_uv + 1) - noise_uv
    if value_uv < 0:
        return 0
    if value_uv > 3100000:
        return 3100000
    return value_uv // 1000 * 1000
