"""The board's analogue circuit, as pure functions: control pilot, proximity and temperature."""

import math
from collections.abc import Collection

SOURCE_OHM = 1000  # the pilot's source resistance (SAE J1772, IEC 61851-1 Annex A)
SUPPLY_MV = 12000
DIODE_MV = 700  # forward voltage of the vehicle's diode
B_OHM = 2740
C_OHM = 1300  # in parallel with B_OHM while S2 is closed
D_OHM = 270  # the same for a vehicle that needs ventilation
SHORT_OHM = 10
RAIL_UV = 3_300_000
ADC_CLIP_UV = 3_100_000
PROXIMITY_PULLUP_OHM = 330
NTC_PULLUP_OHM = 10_000
NTC_OHM = 10_000  # at 25 °C
NTC_BETA_K = 3950
CABLE_OHM = {13: 1500, 20: 680, 32: 220, 63: 100}  # IEC 61851-1 Annex B
FULL_DUTY = 65536  # a steady high pin
STATE_FLOORS = ((10500, "A"), (7500, "B"), (4500, "C"), (1500, "D"))
PILOT_HZ = (980, 1020)


def parallel(*ohms: float) -> float:
    """Resistance of resistors side by side."""
    return 1 / sum(1 / ohm for ohm in ohms)


def vehicle_ohm(s2_closed: bool, ventilation: bool) -> float:
    """What a plugged vehicle puts between pilot and protective earth, behind its diode."""
    if not s2_closed:
        return B_OHM
    return parallel(B_OHM, D_OHM if ventilation else C_OHM)


def loaded_mv(source_mv: float, load_ohm: "float | None", diode: bool = True) -> int:
    """Voltage at the pilot terminal for a source voltage and a load; None is an open line."""
    if load_ohm is None or (diode and source_mv <= DIODE_MV):
        return round(source_mv)
    drop_mv = DIODE_MV if diode else 0
    return round(drop_mv + (source_mv - drop_mv) * load_ohm / (SOURCE_OHM + load_ohm))


def pilot_levels_mv(
    load_ohm: "float | None", supply: float = 1.0, faults: Collection[str] = ()
) -> tuple[int, int]:
    """High and low level at the pilot terminal; supply scales the ±12 V (1.0: nominal).

    Faults: cp_short (pilot to earth), diode_short (the vehicle's), pe_open (no way back).
    """
    source_mv = SUPPLY_MV * supply
    diode = True
    if "cp_short" in faults:
        load_ohm, diode = SHORT_OHM, False
    elif "pe_open" in faults:
        load_ohm = None
    elif "diode_short" in faults:
        diode = False
    return loaded_mv(source_mv, load_ohm, diode), loaded_mv(-source_mv, load_ohm, diode)


def state_letter(high_mv: int) -> str:
    """Vehicle state that a high level means, by the middle between the nominal levels."""
    for floor_mv, letter in STATE_FLOORS:
        if high_mv >= floor_mv:
            return letter
    return "E"


def pilot_uv(level_mv: int, zero_uv: int, uv_per_v: int) -> int:
    """What the pilot's converter sees behind divider and offset."""
    return min(max(zero_uv + level_mv * uv_per_v // 1000, 0), ADC_CLIP_UV)


def divider_uv(pullup_ohm: float, ohm: "float | None") -> int:
    """Microvolts between a pull-up to 3.3 V and a resistor to ground; None is open."""
    if ohm is None:
        return ADC_CLIP_UV
    return min(round(RAIL_UV * ohm / (pullup_ohm + ohm)), ADC_CLIP_UV)


def proximity_uv(cable_a: "int | None") -> int:
    """Microvolts at the proximity pin for a cable of that rating; None: an open line."""
    return divider_uv(PROXIMITY_PULLUP_OHM, None if cable_a is None else CABLE_OHM[cable_a])


def temperature_uv(celsius: float) -> int:
    """Microvolts at the temperature pin."""
    kelvin = celsius + 273.15
    ohm = NTC_OHM * math.exp(NTC_BETA_K * (1 / kelvin - 1 / 298.15))
    return divider_uv(NTC_PULLUP_OHM, ohm)


def allowed_ma(duty_permille: float) -> int:
    """Current a vehicle may draw at a duty (IEC 61851-1 Table A.8); 0: none, 5 % included."""
    if 80 <= duty_permille < 100:
        return 6000
    if 100 <= duty_permille < 850.5:  # 51 A rounded up by a PWM's step is still 51 A
        return round(duty_permille * 60)
    if 850.5 <= duty_permille <= 960:
        return round((duty_permille - 640) * 250)
    if 960 < duty_permille <= 970:
        return 80_000
    return 0


def duty_permille(current_ma: int) -> float:
    """Duty that offers a current from 6 to 80 A; the inverse of allowed_ma."""
    if current_ma <= 51_000:
        return current_ma / 60
    return current_ma / 250 + 640


def offered_ma(duty: int, frequency_hz: int) -> int:
    """Current that a PWM of duty/65536 offers; 0 for a steady level or off the frequency."""
    if not PILOT_HZ[0] <= frequency_hz <= PILOT_HZ[1] or not 0 < duty < FULL_DUTY:
        return 0
    return allowed_ma(duty * 1000 / FULL_DUTY)
