"""The log's ring: the last lines whole, however many there were."""

import pytest
from core import log


@pytest.mark.parametrize("count", [1, 20, 500])
def test_the_last_lines_are_kept_whole_and_in_order(count, capsys):
    for number in range(count):
        log.info(
            "test",
            "line %d of %d, some längere ones too %s" % (number, count, "x" * (number % 70)),
        )
    kept = [line for line in log.lines() if "of %d," % count in line]
    numbers = [int(line.split("line ")[1].split(" ")[0]) for line in kept]
    assert numbers == list(range(count - len(kept), count))
    assert len(kept) >= min(count, 15)
    assert all(" I test: line " in line for line in kept)
    assert capsys.readouterr().out.count("of %d," % count) == count


def test_a_line_that_is_long_or_has_lines_of_its_own_stays_one_line(capsys):
    log.warning("test", "first" + chr(10) + "second " + "y" * 300)
    last = list(log.lines())[-1]
    assert "first second yyy" in last
    assert len(last) == 120
