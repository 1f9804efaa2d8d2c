"""First thing after reset: the contactor's coil off and the pilot at a safe level, before all else."""

import json
from machine import PWM, Pin

try:
    with open("config.json") as file:
        pins = json.loads(file.read())["board"]["pins"]
except (OSError, ValueError, KeyError):
    pins = {"contactor": 26, "pilot_pwm": 25}  # the reference board's, as in config.json

Pin(pins["contactor"], Pin.OUT, value=0)
PWM(Pin(pins["pilot_pwm"]), freq=1000, duty_u16=65535)  # steady +12 V: no energy on offer
del pins
