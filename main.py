"""Runs the firmware. Its composition root is lib/firmware.py: compiled, as this file can't be."""

from firmware import run_forever

run_forever()
