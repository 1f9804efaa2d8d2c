"""First thing after reset: the contactor's coil off and the pilot at a safe level, before all else."""

import json
from machine import PWM, Pin

safe = reference = (26, 25)  # contactor and pilot of the reference board
try:
    with open("config.json") as file:
        pins = json.loads(file.read())["board"]["pins"]
    safe = (pins["contactor"], pins["pilot_pwm"])
    del pins
except (OSError, ValueError, KeyError, TypeError):
    pass  # the firmware tells what is wrong with it

for contactor, pilot_pwm in (safe, reference):
    try:
        Pin(contactor, Pin.OUT, value=0)
        PWM(Pin(pilot_pwm), freq=1000, duty_u16=65535)  # steady +12 V: no energy on offer
        break
    except (ValueError, TypeError):  # no such pins
        pass
