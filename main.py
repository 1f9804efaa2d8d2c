"""Runs the firmware. Its composition root is lib/firmware.py: compiled, as this file can't be."""

import asyncio

from firmware import main

asyncio.run(main())
