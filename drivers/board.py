"""Turns config.json's pin numbers into objects: the only module that knows which board it is."""

import machine
from core import log
from drivers.card_reader import CardReader
from drivers.io_expander import IoExpander
from drivers.lamps import Lamps
from drivers.mfrc522 import Mfrc522
from drivers.pilot import Pilot
from drivers.rs485 import Rs485Port
from drivers.temperature import Thermistor
from machine import ADC, I2C, PWM, SPI, UART, WDT, Pin

_PILOT_HZ = 1000
_LAMP_HZ = 500  # a frequency of its own: the pilot's timer is never shared
_WATCHDOG_MS = 8000

reset = machine.reset
CAUSES = {1: "power on", 2: "reset", 3: "watchdog", 4: "deep sleep", 5: "soft reset"}


def serial() -> str:
    """The controller's serial number, from the chip's id."""
    return "".join("%02X" % byte for byte in machine.unique_id())


def reset_cause() -> str:
    """Why the chip started, for the log."""
    return CAUSES.get(machine.reset_cause(), "unknown")


def watchdog():
    """Start the hardware watchdog."""
    return WDT(timeout=_WATCHDOG_MS)


class Board:
    """The peripherals of one board, made from config.json's board section."""

    def __init__(self, config: dict) -> None:
        self._config = config
        self._pins = config["pins"]
        self.coil = self._pin("contactor", Pin.OUT, value=0)
        self.contactor_feedback = self._pin("contactor_feedback", Pin.IN)
        self.rcm_trip = self._pin("rcm_trip", Pin.IN)
        self.pilot = self._pilot()
        self.thermistor = Thermistor(self._adc("temperature_adc"))
        self._i2c = I2C(0, scl=self._pin("i2c_scl"), sda=self._pin("i2c_sda"), freq=100000)
        self.expander = IoExpander(self._i2c, config["i2c"]["inputs"], config["i2c"]["outputs"])

    def _pin(self, name: str, mode=-1, value=None) -> Pin:
        return Pin(self._pins[name], mode, value=value)

    def _adc(self, name: str):
        return ADC(self._pin(name, Pin.IN), atten=ADC.ATTN_11DB).read_uv

    def _pilot(self) -> Pilot:
        pwm = PWM(self._pin("pilot_pwm"), freq=_PILOT_HZ, duty_u16=65535)
        return Pilot(pwm, self._adc("pilot_adc"), self._config["pilot"])

    def lamps(self) -> Lamps:
        """The four lamps, by colour."""
        colours = ("blue", "green", "red", "yellow")
        return Lamps({c: PWM(self._pin("led_" + c), freq=_LAMP_HZ, duty_u16=0) for c in colours})

    def card_reader(self, on_card) -> CardReader:
        """The card reader; on_card(uid) is called once for each card presented."""
        spi = SPI(
            1,
            baudrate=4000000,
            sck=self._pin("spi_sck"),
            mosi=self._pin("spi_mosi"),
            miso=self._pin("spi_miso"),
        )
        return CardReader(Mfrc522(spi, self._pin("rfid_cs", Pin.OUT, value=1)), on_card)

    def meter_port(self, baudrate: int = 9600) -> Rs485Port:
        """The RS485 port that the meters are on."""
        uart = UART(1, baudrate, tx=self._pin("meter_tx"), rx=self._pin("meter_rx"))
        return Rs485Port(uart, self._pin("meter_de", Pin.OUT, value=0), baudrate)

    def lcd(self):
        """The two-line display; loaded only where there is one."""
        from drivers.lcd1602 import Lcd1602

        return Lcd1602(self._i2c, self._config["i2c"]["lcd"])

    def dip_limit_ma(self) -> int:
        """Current limit that the DIP switch sets; 0 when it can't be read."""
        try:
            return self._config["dip_a"][self.expander.dip_code()] * 1000
        except OSError:
            log.error("board", "DIP switch can't be read")
            return 0
