"""Each preset read over the bus from a meter that pymodbus serves, against a second copy of the maps."""

import asyncio

import pytest
from core import storage
from core.setting_types import declarations_of
from meter import register_map
from meter_rig import DEFAULTS, MeterRig
from plain_settings import PlainSettings
from sim import meter_maps

# Manufacturers' maps as the projects mbmd, SmartEVSE, evcc and openems read them: function, word order,
# registers and formats of V, A, W, the phases' W and the energy, and the serial line.
SDM = {"w": (52, "float"), "kwh": (72, "float")}
INEPRO = {
    "v": ((20482, 20484, 20486), "float"),
    "a": ((20492, 20494, 20496), "float"),
    "w": (20498, "float*1000"),
    "phase_w": (20500, 20502, 20504),
    "kwh": (24588, "float"),
}
ONE_PHASE_INEPRO = {**INEPRO, "v": ((20482,), "float"), "a": ((20492,), "float"), "phase_w": ()}
FINDER = {"kwh": (2752, "float*0.001"), "w": (2536, "float")}
ABB = {"w": (23316, "int32*0.01"), "kwh": (20480, "uint64*0.01")}
GAVAZZI = {
    "v": ((0, 2, 4), "int32*0.1"),
    "a": ((12, 14, 16), "int32*0.001"),
    "w": (40, "int32*0.1"),
}
MAPS = {
    "Eastron SDM630/SDM72D-M v2/SDM54": (
        4,
        {
            **SDM,
            "v": ((0, 2, 4), "float"),
            "a": ((6, 8, 10), "float"),
            "phase_w": (12, 14, 16),
        },
    ),
    "Eastron SDM120/SDM220/SDM230": (
        4,
        {**SDM, "v": ((0,), "float"), "a": ((6,), "float"), "w": (12, "float")},
    ),
    "Eastron SDM72D": (4, SDM),
    "Chint DDSU666": (
        3,
        {
            "v": ((8192,), "float"),
            "a": ((8194,), "float"),
            "w": (8196, "float*1000"),
            "kwh": (16384, "float"),
        },
    ),
    "Chint DTSU666": (
        3,
        {
            "v": ((8198, 8200, 8202), "float*0.1"),
            "a": ((8204, 8206, 8208), "float*0.001"),
            "w": (8210, "float*0.1"),
            "phase_w": (8212, 8214, 8216),
            "kwh": (4126, "float"),
        },
    ),
    "ABB B21": (3, {**ABB, "v": ((23296,), "uint32*0.1"), "a": ((23308,), "uint32*0.01")}),
    "ABB B23/B24": (
        3,
        {
            **ABB,
            "v": ((23296, 23298, 23300), "uint32*0.1"),
            "a": ((23308, 23310, 23312), "uint32*0.01"),
            "phase_w": (23318, 23320, 23322),
        },
    ),
    "Schneider iEM3150/iEM3155/iEM3x55": (
        3,
        {
            "v": ((3027, 3029, 3031), "float"),
            "a": ((2999, 3001, 3003), "float"),
            "w": (3059, "float*1000"),
            "phase_w": (3053, 3055, 3057),
            "kwh": (3203, "int64*0.001"),
        },
    ),
    "Inepro PRO380": (3, INEPRO),
    "Inepro PRO1": (3, ONE_PHASE_INEPRO),
    "WAGO 879-30x0": (3, INEPRO),
    "Finder 7M.38": (
        4,
        {
            **FINDER,
            "v": ((2500, 2502, 2504), "float"),
            "a": ((2516, 2518, 2520), "float"),
            "phase_w": (2530, 2532, 2534),
        },
    ),
    "Finder 7M.24": (4, {**FINDER, "v": ((2500,), "float"), "a": ((2516,), "float")}),
    "Finder 7E.78": (
        4,
        {
            "v": ((4096, 4098, 4100), "float"),
            "a": ((4110, 4112, 4114), "float"),
            "w": (4134, "float"),
            "kwh": (4358, "float*0.001"),
        },
    ),
    "Orno WE-516/WE-517": (
        3,
        {
            "v": ((14, 16, 18), "float"),
            "a": ((22, 24, 26), "float"),
            "w": (28, "float*1000"),
            "phase_w": (30, 32, 34),
            "kwh": (264, "float"),
        },
    ),
    "Orno WE-514/WE-515": (
        3,
        {
            "v": ((305,), "uint16*0.01"),
            "a": ((313,), "uint32*0.001"),
            "w": (320, "uint32"),
            "kwh": (40960, "uint32*0.01"),
        },
    ),
    "Orno WE-504": (
        3,
        {
            "v": ((0,), "uint16*0.1"),
            "a": ((1,), "uint16*0.1"),
            "w": (3, "uint16"),
            "kwh": (7, "uint32*0.001"),
        },
    ),
    "Carlo Gavazzi EM340/ET340": (
        4,
        {**GAVAZZI, "phase_w": (18, 20, 22), "kwh": (52, "int32*0.1")},
    ),
    "Phoenix EEM-350-D-MCB": (4, {**GAVAZZI, "kwh": (62, "int32*0.1")}),
    "Acrel ADW300": (
        3,
        {
            "v": ((20, 21, 22), "uint16*0.1"),
            "a": ((26, 27, 28), "uint16*0.01"),
            "w": (36, "int32"),
            "phase_w": (30, 32, 34),
            "kwh": (62, "int32*0.01"),
        },
    ),
    "Siemens PAC2200": (
        4,
        {
            "v": ((1, 3, 5), "float"),
            "a": ((13, 15, 17), "float"),
            "w": (65, "float"),
            "phase_w": (25, 27, 29),
            "kwh": (801, "double*0.001"),
        },
    ),
    "Sinotimer DTS6619": (
        4,
        {
            "v": ((0, 1, 2), "uint16*0.1"),
            "a": ((3, 4, 5), "int16*0.01"),
            "w": (None, "int16"),
            "phase_w": (8, 9, 10),
            "kwh": (39, "int32*0.01"),
        },
    ),
}
LOW_WORD_FIRST = ("Carlo Gavazzi EM340/ET340", "Phoenix EEM-350-D-MCB")
EVEN_PARITY = ("Orno WE-516/WE-517", "Orno WE-514/WE-515", "Orno WE-504")
RESOLUTION = {
    "int16": 1.0,
    "uint16": 1.0,
    "int32": 1.0,
    "uint32": 1.0,
    "int64": 1.0,
    "uint64": 1.0,
}

every_preset = pytest.mark.parametrize("name", MAPS)


def half_a_digit(fmt: str, value: float) -> float:
    """What a format's last digit hides, in the quantity's thousandths."""
    kind, _, factor = fmt.partition("*")
    step = RESOLUTION.get(kind, abs(value) * 2e-7 if kind == "float" else 0) * float(factor or 1)
    return 0.51 + 500 * step


def test_the_setting_offers_exactly_the_presets():
    (declaration,) = declarations_of(["meter_preset"])
    names = declaration.range.split("|")
    assert names == ["Custom", *MAPS] == meter_maps.names()
    assert declaration.default == "Custom"


@every_preset
def test_the_table_says_what_the_manufacturer_does(name):
    function, quantities = MAPS[name]
    row = register_map.preset(name)
    assert (int(row[1]), row[2]) == (function, "low" if name in LOW_WORD_FIRST else "high")
    assert row[3] == ("9600 8E1" if name in EVEN_PARITY else "9600 8N1")
    for quantity, column in (("v", 5), ("a", 7)):
        registers, fmt = quantities.get(quantity, ((), ""))
        assert row[column] == (",".join(map(str, registers)) or "-")
        assert row[column + 1] == (fmt or "-")
    register, fmt = quantities["w"]
    assert (row[9], row[11]) == (str(register or "-"), fmt)
    assert row[10] == (",".join(map(str, quantities.get("phase_w", ()))) or "-")
    assert (int(row[12]), row[13]) == quantities["kwh"]


@every_preset
def test_values_arrive_through_the_bytes_on_the_wire(name):
    rig = MeterRig(meter_preset=name)
    _, quantities = MAPS[name]
    phases = len(quantities.get("v", ((),))[0])
    volts, amps = (230.1, 231.2, 229.9), (15.9, 16.0, 6.5)
    power_w = sum(v * a for v, a in zip(volts[:phases], amps[:phases])) or 8852.0
    rig.change(v=volts, a=amps, w=power_w, kwh=1234.56)

    async def story():
        meter = rig.meter
        assert (meter.ok, meter.trouble) == (True, "")
        for read, exact, quantity in (
            (meter.voltage_mv, volts, "v"),
            (meter.current_ma, amps, "a"),
        ):
            assert read[phases:] == [None] * (3 - phases)
            for value, wanted in zip(read[:phases], exact):
                within = half_a_digit(quantities[quantity][1], wanted)
                assert abs(value - wanted * 1000) <= within
        within = half_a_digit(quantities["w"][1], power_w) * (1 if quantities["w"][0] else 3)
        assert abs(meter.power_mw - power_w * 1000) <= within
        assert abs(meter.energy_wh - 1234560) <= half_a_digit(quantities["kwh"][1], 1234.56)

    rig.play(story)


@every_preset
def test_a_meter_that_has_only_its_registers_is_read_piecewise(name):
    """Reads span a few registers between those wanted; a meter that refuses that is still read."""
    rig = MeterRig(meter_preset=name)
    rig.model.become(name, with_gaps=False)

    async def story():
        await asyncio.sleep(2)
        assert rig.meter.ok
        assert abs(rig.meter.energy_wh - 1234567) < 100

    rig.play(story)


@every_preset
def test_a_measurement_takes_few_requests_within_the_meters_limit(name):
    plan = register_map.RegisterMap(PlainSettings(dict(DEFAULTS)), 1, register_map.preset(name))
    plan.arrange(64, True)
    most = min(64, int(register_map.preset(name)[4]))
    assert all(count <= most for _, count, _ in plan.groups)
    assert len(plan.groups) <= (4 if most == 11 else 3)


def test_the_default_registers_are_read_in_one_burst():
    plan = register_map.RegisterMap(PlainSettings(dict(DEFAULTS)), 1, [])
    plan.arrange(64, True)
    assert [(first, count) for first, count, _ in plan.groups] == [(21248, 54)]


@pytest.mark.parametrize("name", EVEN_PARITY[:1])
def test_the_serial_line_follows_the_preset_and_the_setting(name):
    rig = MeterRig(meter_preset=name)

    async def story():
        assert rig.meter.ok
        assert rig.board.line() == rig.model.line() and rig.board.line().parity == 1
        rig.settings.change(meter_serial_line="19200 8N1")
        await asyncio.sleep(9)
        assert not rig.meter.ok and rig.meter.trouble
        assert (rig.board.line().baudrate, rig.board.line().parity) == (19200, 0)
        rig.settings.change(meter_serial_line="As the preset")
        await asyncio.sleep(4)
        assert rig.meter.ok

    rig.play(story)


def test_another_preset_is_chosen_while_it_runs():
    rig = MeterRig(meter_preset="ABB B23/B24")

    async def story():
        assert rig.meter.ok
        rig.model.become("Orno WE-516/WE-517")
        rig.settings.change(meter_preset="Orno WE-516/WE-517")
        await asyncio.sleep(3)
        assert rig.meter.ok and rig.meter.trouble == ""
        assert rig.meter.voltage_mv[0] == 230100
        rig.model.become("Custom")
        rig.settings.change(meter_preset="Custom")
        await asyncio.sleep(3)
        assert rig.meter.current_ma == [15900, 16000, 0]

    rig.play(story)


# Meters behind transformers


def dtsu666(**changes) -> MeterRig:
    """A DTSU666 behind 200/5 A current and 10:1 voltage transformers."""
    rig = MeterRig(meter_preset="Chint DTSU666")
    rig.model.ct, rig.model.vt = 40, 10
    for name, value in changes.items():
        setattr(rig.model, name, value)
    rig.change(v=(400.0, 401.0, 402.0), a=(100.0, 101.0, 60.0), w=104621.0, kwh=1234.5)
    return rig


def assert_read(rig) -> None:
    meter = rig.meter
    assert meter.ok
    assert meter.voltage_mv == pytest.approx([400000, 401000, 402000], abs=2)
    assert meter.current_ma == pytest.approx([100000, 101000, 60000], abs=2)
    assert meter.power_mw == pytest.approx(104621000, rel=1e-5)
    assert meter.energy_wh == 1234500


@pytest.mark.parametrize("primary_energy", [True, False])
def test_a_dtsu666_tells_its_ratios_and_which_energy_register_counts(primary_energy):
    rig = dtsu666(primary_energy=primary_energy)

    async def story():
        assert_read(rig)

    rig.play(story)


def test_a_dtsu666_without_the_register_of_primary_energy():
    rig = dtsu666(primary_energy=False)
    rig.model.become("Chint DTSU666", without="kwh")

    async def story():
        assert_read(rig)

    rig.play(story)


def test_a_new_dtsu666_is_asked_again_until_one_of_its_registers_counts():
    rig = dtsu666(primary_energy=False)
    rig.change(kwh=0.0)

    async def story():
        assert rig.meter.energy_wh == 0
        rig.change(kwh=0.25)
        await asyncio.sleep(65)
        assert rig.meter.energy_wh == 250

    rig.play(story)


def test_a_ratio_that_the_meter_does_not_tell_is_a_setting():
    rig = MeterRig(meter_preset="Acrel ADW300", meter_ct_ratio=40)
    rig.model.ct, rig.model.primary_energy = 40, False
    rig.change(a=(100.0, 101.2, 60.0), w=60040.0, kwh=1234.4)

    async def story():
        assert rig.meter.voltage_mv == [230100, 231200, 229900]
        assert rig.meter.current_ma == [100000, 101200, 60000]
        assert (rig.meter.power_mw, rig.meter.energy_wh) == (60040000, 1234400)

    rig.play(story)


def test_lines_of_the_tables_fit_into_the_blocks_that_they_are_read_by(monkeypatch):
    blocks = list(storage.line_blocks(register_map._TABLE))
    assert "\n".join(blocks) == open(register_map._TABLE).read().rstrip("\n")
