"""One board of the bench: its registers, model, chips, meters and process."""

import json
import tempfile
from pathlib import Path
from typing import Callable

from sim.board_bus import BoardBus
from sim.board_model import BoardModel
from sim.board_process import BoardProcess
from sim.chips.lcd1602 import Lcd1602
from sim.chips.mfrc522 import Mfrc522
from sim.chips.pcf8574 import Pcf8574
from sim.chips.pn532 import Pn532
from sim.meters import Meter
from sim.radio import Radio
from sim.registers import Registers
from sim.rs485 import BoardPort, Bus
from sim.shim import registers as layout

METER_UART, GROUP_UART = 1, 2
METER_ADDRESS, BUILDING_METER_ADDRESS = 1, 2
CHIP_ID_PREFIX = "240ac4"
READERS: "dict[str, type[Mfrc522] | type[Pn532]]" = {"mfrc522": Mfrc522, "pn532": Pn532}
LINK_BITS = {"wlan": 1, "lan": 2, "cellular": 4}


def chip_id(number: int) -> str:
    """The unique id of board n's chip, 12 hexadecimal digits; its serial number in capitals."""
    return f"{CHIP_ID_PREFIX}{number:06x}"


class Board:
    """Everything that is there once for each board. `directory` holds what its process maps.

    tell(what, value) hears the board's events; guard is the world's lock, held while it steps.
    """

    def __init__(
        self,
        number: int,
        directory: Path,
        config: dict,
        command: list[str],
        web_port: int,
        tell: Callable[[str, object], None],
        guard: "object",
        dns_port: int = 0,
    ) -> None:
        self.number = number
        self.serial = chip_id(number).upper()
        self.web_port = web_port
        self.dns_port = dns_port
        self._config = config
        self._guard = guard
        self._cards: dict[bytes, float] = {}
        self._now_s = 0.0
        self.registers = Registers(str(directory / "registers"))
        supply_offset = (number * 37 % 41 - 20) / 1000
        self.registers[layout.LAN_HOST] = number
        self.model = BoardModel(self.registers, config, tell, supply_offset)
        self.model.powered = False
        self.radio = Radio(self.registers)
        self.bus = BoardBus(str(directory / "bus.sock"), self.registers)
        self._fit_chips()
        self._fit_serial_lines(config["pins"])
        self.process = BoardProcess(
            [*command, str(directory)],
            self.registers,
            directory / "console.log",
            self._reset,
            tell,
        )
        self.bus.start()

    def _fit_serial_lines(self, pins: dict) -> None:
        self.group_port = BoardPort(self.registers, GROUP_UART, pins["group_de"])
        self.meter_bus = Bus()
        if "meter_de" in pins:  # a board with current transformers needs its pins for them
            self.meter_bus.attach(BoardPort(self.registers, METER_UART, pins["meter_de"]))
        self.meter = Meter(METER_ADDRESS, self.model.meter.reading)
        self.building_meter = Meter(BUILDING_METER_ADDRESS, self.model.building.reading)
        self.meter_bus.attach(self.meter)
        self.meter_bus.attach(self.building_meter)

    def step(self, now_s: float) -> None:
        """Bring the board's surroundings up to now_s; the caller holds the guard."""
        self._now_s = now_s
        model = self.model
        model.expander_outputs = self.outputs.outputs
        model.step(now_s)
        self.inputs.inputs = model.expander_inputs
        self.meter_bus.step(now_s)
        if self._cards:
            self._take_cards_away(now_s)

    def hold_card(self, uid: bytes, hold_s: float) -> None:
        """Put a card into the reader's field for a time."""
        with self.bus.lock:
            if uid not in self._cards:
                self.reader.put(uid)
            self._cards[uid] = self._now_s + hold_s

    def set_faults(self, changes: dict[str, bool]) -> None:
        """Put faults in or take them out; the caller holds the guard."""
        faults = self.model.faults
        for name, on in changes.items():
            (faults.add if on else faults.discard)(name)
        self.model.change("faults", faults)
        self.meter.silent = "meter_silent" in faults
        self.meter.corrupt = "meter_corrupt" in faults
        self.building_meter.silent = "dlb_meter_silent" in faults
        reader_pin = self._config["pins"]["rfid_cs"]
        self.bus.muted = {reader_pin} if "reader_silent" in faults else set()

    def set_links(self, changes: dict) -> None:
        """Put networks in or out of reach, change those in the air, let devices join the hotspot."""
        changes = dict(changes)
        self.radio.networks = changes.pop("networks", self.radio.networks)
        self.radio.guests = changes.pop("hotspot_guests", self.radio.guests)
        links = self.registers[layout.LINKS]
        for name, on in changes.items():
            links = links | LINK_BITS[name] if on else links & ~LINK_BITS[name]
        self.registers[layout.LINKS] = links

    def links(self) -> dict[str, bool]:
        """Which networks are in reach."""
        return {name: bool(self.registers[layout.LINKS] & bit) for name, bit in LINK_BITS.items()}

    def power(self, on: bool) -> None:
        """Cut the supply at this instant, or bring it back."""
        self.process.power(on)

    def close(self) -> None:
        """End the board's process and free what it held."""
        self.process.close()
        self.bus.close()

    def state(self) -> dict:
        """What the bench tells about the board; the caller holds the guard."""
        model = self.model
        return {
            "id": self.number,
            "serial": self.serial,
            "powered": model.powered,
            "coil": model.coil,
            "contactor_closed": model.contactor.closed,
            "pilot": {
                "vehicle_state": model.vehicle_state,
                "duty_permille": model.duty_permille,
                "high_mv": model.high_mv,
                "low_mv": model.low_mv,
            },
            "signaled_a": model.signaled_a,
            "lock": model.lock.closed,
            "leds": model.lamp_patterns(),
            "lcd": self.display.lines(),
            "lcd_backlight": self.display.backlight,
            "buzzer": model.buzzer,
            "cards": [uid.hex().upper() for uid in self._cards],
            "vehicle": model.vehicle.state(),
            "meter": model.meter.state(),
            "meter_preset": self.meter.preset,
            "building": model.building.state(),
            "mains": {"v": model.mains_v, "hz": model.mains_hz},
            "house_a": model.house_a,
            "temperature_c": model.temperature_c,
            "dip": {"max_a": model.dip_a, "factory_reset": model.dip_factory_reset},
            "network": self.links(),
            "radio": {"joined": self.radio.joined(), "networks": self.radio.networks},
            "hotspot": {**self.radio.hotspot(), "dns_port": self.dns_port},
            "firmware": self._firmware(),
            "faults": sorted(model.faults),
        }

    def _firmware(self) -> dict:
        registers = self.registers
        return {
            "running": self.process.running,
            "restarts": self.process.restarts,
            "heap_free": registers[layout.HEAP_FREE],
            "heap_low": registers[layout.HEAP_LOW],
            "version": registers.text(layout.TEXT_VERSION),
        }

    def _fit_chips(self) -> None:
        """Chips as they are when the supply comes up; cards in the field stay there."""
        addresses, pins = self._config["i2c"], self._config["pins"]
        self.inputs, self.outputs = Pcf8574(), Pcf8574()
        self.display = Lcd1602()
        self.reader = READERS[self._config.get("card_reader", "mfrc522")]()
        with self.bus.lock:
            for uid in self._cards:
                self.reader.put(uid)
            self.bus.i2c = {
                addresses["inputs"]: self.inputs,
                addresses["outputs"]: self.outputs,
                addresses["lcd"]: self.display,
            }
            self.bus.spi = {pins["rfid_cs"]: self.reader}

    def _reset(self, soft: bool) -> None:
        with self._guard:  # type: ignore[attr-defined]
            self.model.reset_outputs(soft)
            self.radio.reset_outputs()
            if self.model.powered != self.process.powered:
                self.model.change("powered", self.process.powered)
                self._fit_chips()

    def _take_cards_away(self, now_s: float) -> None:
        with self.bus.lock:
            for uid in [uid for uid, until_s in self._cards.items() if now_s >= until_s]:
                del self._cards[uid]
                self.reader.remove(uid)


def board_directory(root: Path, number: int) -> Path:
    """A new directory for a board's registers and socket; its path stays short for the socket."""
    return Path(tempfile.mkdtemp(prefix=f"{number}-", dir=root))


def write_parameters(directory: Path, number: int, steps: bool = False) -> None:
    """What the launcher reads: the chip's id, and whether to measure asyncio's steps."""
    text = json.dumps({"serial_hex": chip_id(number), "steps": steps})
    (directory / "board.json").write_text(text)
