"""OCPP 1.6 over JSON: a charge point's side. Only adapter.py knows the charger."""
