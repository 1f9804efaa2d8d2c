"""The power fails at any single flash operation of a save: the old settings are there, or the new ones."""

import subprocess

from install import ROOT

MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"
SAVES = 12


def test_a_cut_at_each_flash_operation_leaves_the_old_or_the_new_settings():
    """On real LittleFS in MicroPython, every operation of each of many saves; the next save works."""
    script = ROOT / "host_tests" / "on_device" / "power_cut.py"
    command = [MICROPYTHON, "-X", "heapsize=2m", script, ROOT, str(SAVES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    saves, cuts, olds, news = map(int, done.stdout.splitlines()[-1].split())
    assert saves == SAVES
    assert cuts >= 5 * SAVES  # LittleFS takes six operations a save and more
    assert olds > 4 * SAVES and news > 0  # before the rename and after it
    assert olds + news >= cuts
