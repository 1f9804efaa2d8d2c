"""The firmware's poller and a meter of pymodbus on a bus, in virtual time."""

import asyncio

from chip_bench import BusRig, run
from meter.poller import Meter
from modbus.rtu import Master
from plain_settings import PlainSettings
from sim import meters

DEFAULTS = {
    "meter_preset": "Custom",
    "meter_serial_line": "As the preset",
    "meter_word_order": "High word first",
    "meter_ct_ratio": 1,
    "meter_function": "04",
    "meter_reg_v_l1": 21248,
    "meter_reg_v_l2": 21250,
    "meter_reg_v_l3": 21252,
    "meter_reg_a_l1": 21260,
    "meter_reg_a_l2": 21262,
    "meter_reg_a_l3": 21264,
    "meter_reg_w": 21288,
    "meter_reg_kwh": 21300,
    "meter_fmt_v": "float",
    "meter_fmt_a": "float",
    "meter_fmt_w": "float",
    "meter_fmt_kwh": "float",
    "dlb_preset": "Custom",
    "dlb_function_code": "03",
    "dlb_reg_l1": 21260,
    "dlb_reg_l2": 21262,
    "dlb_reg_l3": 21264,
    "dlb_fmt": "float",
}


class MeterRig(BusRig):
    """Given a meter at address 1, the building's at 2, and the firmware's poller on the first."""

    def __init__(self, **settings) -> None:
        super().__init__()
        self.reading = meters.Reading((230.1, 231.2, 229.9), (15.9, 16.0, 0.0), 7357.79, 1234.567)
        self.model = meters.Meter(1, lambda: self.reading)
        self.bus.attach(self.model)
        self.house = meters.Reading((230.0,) * 3, (20.0, 21.0, 22.0), 14490.0, 5.0)
        self.house_model = meters.Meter(2, lambda: self.house)
        self.bus.attach(self.house_model)
        self.settings = PlainSettings({**DEFAULTS, **settings})
        self.model.become(self.settings.get("meter_preset"))
        self.master = Master(self.port)
        self.make_meter()

    def make_meter(self, **kept) -> None:
        """Start the firmware's side anew."""
        self.meter = Meter(self.master, self.settings, **kept)

    def change(self, **values) -> None:
        self.reading = self.reading._replace(**values)

    def play(self, story, *others, settle_s: float = 1) -> None:
        """Run a story beside the bus, the poller, and those of other meters."""

        async def stage():
            tasks = [asyncio.create_task(self.live())]
            tasks += [asyncio.create_task(meter.run()) for meter in (self.meter, *others)]
            await asyncio.sleep(settle_s)
            await story()
            for task in tasks:
                assert not task.done(), task.exception()

        run(stage())
