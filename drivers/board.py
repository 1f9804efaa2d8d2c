"""Turns config.json's pin numbers into objects: the only module that knows which board it is.

Loaded for the start only.
"""

from drivers.card_reader import CardReader
from drivers.io_expander import IoExpander
from drivers.lamps import Lamps
from drivers.pilot import Pilot
from drivers.rs485 import Rs485Port
from drivers.temperature import Thermistor
from machine import ADC, I2C, PWM, SPI, UART, Pin

_PILOT_HZ = 1000
_LAMP_HZ = 500  # a frequency of its own: the pilot's timer is never shared


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
        self.expander.dip_a = config["dip_a"]
        self.monitors_earth = config.get("ground_monitor", False)
        self.ct_calibration = config["ct"] if config.get("meter") == "ct" else None

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

    @property
    def lamp_scheme(self) -> str:
        """Whose colours the lamps have: "etek" or "blink"."""
        return self._config.get("lamps", "etek")

    def card_reader(self, on_card) -> CardReader:
        """The card reader; on_card(uid) is called once for each card presented."""
        cs = self._pin("rfid_cs", Pin.OUT, value=1)
        kind = self._config.get("card_reader", "mfrc522")
        if kind == "pn532":
            from drivers.pn532 import Pn532

            return CardReader(Pn532(self._spi(1000000), cs), on_card)
        if kind != "mfrc522":
            raise ValueError("config.json: no card_reader " + kind)
        from drivers.mfrc522 import Mfrc522

        return CardReader(Mfrc522(self._spi(4000000), cs), on_card)

    def _spi(self, baudrate: int) -> SPI:
        sck, mosi, miso = self._pin("spi_sck"), self._pin("spi_mosi"), self._pin("spi_miso")
        return SPI(1, baudrate=baudrate, sck=sck, mosi=mosi, miso=miso)

    def meter_port(self, baudrate: int = 9600) -> Rs485Port:
        """The RS485 port that the meters are on."""
        return meter_port(self._config, baudrate)

    def ct_sampler(self):
        """The current transformers of a board without a Modbus meter; loaded only there."""
        from drivers.ct_sampler import CtSampler

        circuit = self.ct_calibration
        names = ["ct_l%d_adc" % (n + 1) for n in range(len(circuit["uv_per_a"]))]
        reads = tuple([self._adc(name) for name in ["mains_adc"] + names])
        return CtSampler(reads, circuit["zero_uv"])

    def lan(self):
        """The Ethernet interface; None without one."""
        circuit = self._config.get("ethernet")
        if not circuit:
            return None
        from drivers.lan import Lan

        return Lan(circuit)

    def button(self, on_long_press):
        """The button; None without one."""
        if "button" not in self._pins:
            return None
        from drivers.button import Button

        return Button(self._pin("button", Pin.IN), on_long_press)

    def lcd(self):
        """The two-line display; loaded only where there is one."""
        from drivers.lcd1602 import Lcd1602

        return Lcd1602(self._i2c, self._config["i2c"]["lcd"])

    def buzzer(self):
        """The buzzer; None without one."""
        if not self._config.get("buzzer"):
            return None
        from drivers.buzzer import Buzzer

        return Buzzer(self.expander)


def meter_port(config: dict, baudrate: int = 9600) -> Rs485Port:
    """The RS485 port that the meters are on."""
    pins = config["pins"]
    uart = UART(1, baudrate, tx=Pin(pins["meter_tx"]), rx=Pin(pins["meter_rx"]))
    return Rs485Port(uart, Pin(pins["meter_de"], Pin.OUT, value=0), baudrate)


def group_port(config: dict, baudrate: int) -> Rs485Port:
    """The RS485 port that a group of chargers is on."""
    pins = config["pins"]
    uart = UART(2, baudrate, tx=Pin(pins["group_tx"]), rx=Pin(pins["group_rx"]))
    return Rs485Port(uart, Pin(pins["group_de"], Pin.OUT, value=0), baudrate)


def outlet_parts(config: dict, expander: IoExpander) -> tuple:
    """Lock and proximity contact of a socket outlet; loaded only where there is one."""
    from drivers.lock import Lock
    from drivers.proximity import Proximity

    pin = Pin(config["pins"]["proximity_adc"], Pin.IN)
    proximity = Proximity(ADC(pin, atten=ADC.ATTN_11DB).read_uv, config["proximity"])
    return Lock(expander, config["lock"]), proximity
