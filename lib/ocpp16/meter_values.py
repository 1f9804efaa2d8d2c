"""Sampled values of a MeterValues message as JSON text (OCPP 1.6 sections 4.7 and 7.43)."""

from ocpp16.queue import TIME_GAP, TRANSACTION_GAP

_NOMINAL_MV = 230_000
PERIODIC = "Sample.Periodic"
TRIGGER = "Trigger"


def _decimal(thousandths: int) -> str:
    """Decimal text of a value in thousandths, without superfluous digits: 16000 -> 16."""
    sign = "-" if thousandths < 0 else ""
    text = "%s%d.%03d" % (sign, abs(thousandths) // 1000, abs(thousandths) % 1000)
    return text.rstrip("0").rstrip(".")


def _value(text: str, context: str, measurand: str, unit: str, phase: int = 0) -> str:
    """One sampledValue; phase 1 … 3, or 0 for all together."""
    named = ',"phase":"L%d"' % phase if phase else ""
    return '{"value":"%s","context":"%s","measurand":"%s"%s,"unit":"%s"}' % (
        text,
        context,
        measurand,
        named,
        unit,
    )


def _phases(values: "list | None", context: str, measurand: str, unit: str) -> list:
    return [
        _value(_decimal(value), context, measurand, unit, index + 1)
        for index, value in enumerate(values or ())
        if value is not None
    ]


def _measured(meter, measurand: str, context: str) -> list:
    if measurand == "Energy.Active.Import.Register" and meter.energy_wh is not None:
        return [_value(str(meter.energy_wh), context, measurand, "Wh")]
    if measurand == "Power.Active.Import" and meter.power_mw is not None:
        return [_value(_decimal(meter.power_mw), context, measurand, "W")]
    if measurand == "Current.Import":
        return _phases(meter.current_ma, context, measurand, "A")
    if measurand == "Voltage":
        return _phases(meter.voltage_mv, context, measurand, "V")
    return []


def _power_offered_mw(charger) -> int:
    """The signaled current at nominal voltage on the phases that the meter sees."""
    voltages = charger.meter.voltage_mv if charger.meter else None
    phases = len([mv for mv in voltages or () if mv and mv > _NOMINAL_MV // 2])
    return charger.signaled_ma * (_NOMINAL_MV // 1000) * max(1, phases)


def _sample(charger, measurand: str, context: str) -> list:
    if measurand == "Current.Offered":
        return [_value(_decimal(charger.signaled_ma), context, measurand, "A")]
    if measurand == "Power.Offered":
        return [_value(_decimal(_power_offered_mw(charger)), context, measurand, "W")]
    if measurand == "Temperature":
        if charger.temperature_dc is None:
            return []
        text = _decimal(charger.temperature_dc * 100)
        return [_value(text, context, measurand, "Celsius")]
    if charger.meter and charger.meter.ok:
        return _measured(charger.meter, measurand, context)
    return []


def body(charger, measurands: str, context: str, in_transaction: bool) -> str:
    """A MeterValues payload with its gaps; empty when there is nothing to tell."""
    values = []
    for measurand in measurands.split(","):
        values.extend(_sample(charger, measurand.strip(), context))
    if not values:
        return ""
    bound = '"transactionId":%s,' % TRANSACTION_GAP if in_transaction else ""
    return '{"connectorId":1,%s"meterValue":[{"timestamp":"%s","sampledValue":[%s]}]}' % (
        bound,
        TIME_GAP,
        ",".join(values),
    )
