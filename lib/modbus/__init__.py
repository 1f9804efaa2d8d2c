"""Modbus on a serial line: application protocol 1.1b3, serial line guide 1.02."""
