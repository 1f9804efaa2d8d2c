"""`make bench`: the statistics, the lines it prints, and one figure measured for real."""

import json

import pytest

from sim.bench import __main__ as bench
from sim.bench import outage
from sim.bench.figures import (
    BARS,
    Bar,
    Row,
    growth,
    histogram_percentile,
    percentile,
    spread,
)
from sim.bench.stand import StandError


@pytest.mark.parametrize(
    "values, percent, expected",
    [
        ([7], 50, 7),
        ([1, 2, 3, 4], 50, 2),
        ([4, 1, 3, 2], 100, 4),
        (range(1, 101), 99, 99),
        (range(1, 41), 99, 40),  # of forty, the 99th percentile is the largest
    ],
)
def test_a_percentile_is_one_of_the_values(values, percent, expected):
    assert percentile(list(values), percent) == expected


def test_a_histogram_gives_the_upper_edge_of_the_bin():
    counts = [990, 0, 9, 0, 1]
    assert histogram_percentile(counts, 50) == 1
    assert histogram_percentile(counts, 99.9) == 3
    assert histogram_percentile(counts, 100) == 5
    with pytest.raises(ValueError):
        histogram_percentile([0, 0], 50)


def test_a_heap_that_goes_up_and_down_has_not_grown():
    readings = [80_000, 80_300, 80_100, 80_200] * 10
    grown, noise = growth(readings)
    assert abs(grown) <= noise == 300


def test_a_heap_that_loses_a_little_each_time_has_grown():
    readings = [80_000 + 16 * number + 100 * (number % 2) for number in range(40)]
    grown, noise = growth(readings)
    assert grown == 16 * 30
    assert grown > noise


def test_a_row_with_a_bar_tells_whether_it_keeps_it():
    line = Row("card_ms", 412.5, "ms", "n=40", "p99").line()
    assert line == {
        "figure": "card_ms",
        "part": "p99",
        "value": 412.5,
        "unit": "ms",
        "conditions": "n=40",
        "bar": 800,
        "ok": True,
    }
    assert not Row("card_ms", 800.1, "ms", "", "p99").line()["ok"]
    assert "bar" not in Row("card_ms", 300, "ms", "", "p50").line()


def test_some_bars_are_to_be_passed():
    assert Row("offline_replay_per_s", 5, "1/s", "").line()["ok"]
    assert not Row("offline_replay_per_s", 4.9, "1/s", "").line()["ok"]


def test_a_measurement_may_bring_its_own_bar():
    line = Row("heap_growth_bytes", 120, "B", "", bar=Bar(300)).line()
    assert (line["bar"], line["ok"]) == (300, True)


def test_a_spread_has_a_row_for_each_part_and_the_count():
    rows = spread("close_ms", [700.04, 610, 655], "busy", "p50 max p99")
    assert [(row.part, row.value) for row in rows] == [("p50", 655), ("max", 700), ("p99", 700)]
    assert rows[0].conditions == "busy; n=3"


def test_every_bar_belongs_to_a_figure_that_is_measured():
    measured = {name for names, _ in bench.timed(1) + bench.untimed(1) for name in names}
    assert {figure for figure, _ in BARS} <= measured


def test_an_unknown_figure_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--only", "card_ms,speed_of_light"])
    error = capsys.readouterr().err
    assert "no figure speed_of_light" in error
    assert "min_heap_kb" in error


def fails():
    raise StandError("not within 20 s: event coil")


@pytest.fixture
def two_figures(monkeypatch):
    """Given one measurement with two figures and one that fails."""

    def both():
        return [
            Row("open_on_unplug_ms", 22.5, "ms", "n=1", "max"),
            Row("close_ms", 640, "ms", "n=1", "p99"),
        ]

    monkeypatch.setattr(
        bench, "timed", lambda charges: [(("open_on_unplug_ms", "close_ms"), both)]
    )
    monkeypatch.setattr(bench, "untimed", lambda *options: [(("flash_writes",), fails)])


def printed(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_figure_is_a_line_and_all_are_in_the_file(two_figures, capsys, tmp_path):
    output = tmp_path / "bench.json"
    assert bench.main([], output) == 1
    lines = printed(capsys)
    assert [line["figure"] for line in lines] == ["open_on_unplug_ms", "close_ms", "flash_writes"]
    assert json.loads(output.read_text()) == lines


def test_a_figure_that_fails_tells_why_and_the_others_are_there(two_figures, capsys, tmp_path):
    bench.main([], tmp_path / "bench.json")
    failed = printed(capsys)[-1]
    assert failed["value"] is None
    assert failed["error"] == "StandError: not within 20 s: event coil"
    assert failed["ok"] is False


def test_only_the_figures_that_are_asked_for_are_printed(two_figures, capsys, tmp_path):
    assert bench.main(["--only", "close_ms"], tmp_path / "bench.json") == 0
    assert [line["figure"] for line in printed(capsys)] == ["close_ms"]


def record_of(*order):
    """A back office's record of two sessions whose messages came in an order: s1 e1 …"""
    sessions = [{"id": 11, "starts": 1, "stops": 1}, {"id": 12, "starts": 1, "stops": 1}]
    messages = []
    for time_s, (kind, number) in enumerate(order):
        action = {"s": "StartTransaction", "e": "StopTransaction"}[kind]
        stamp = f"2026-11-20T18:15:0{number}Z"
        payload = {"timestamp": stamp, "transactionId": 10 + int(number)}
        messages.append({"time": float(time_s), "action": action, "payload": payload})
    return {"transactions": sessions, "messages": messages}


def test_messages_in_order_bring_their_times():
    assert outage.check(record_of("s1", "e1", "s2", "e2"), 2) == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("order", [("s1", "s2", "e1", "e2"), ("s2", "e1", "s1", "e2")])
def test_messages_out_of_order_are_noticed(order):
    with pytest.raises(StandError, match="order"):
        outage.check(record_of(*order), 2)


def test_a_doubled_and_a_lost_message_are_noticed():
    record = record_of("s1", "e1", "s2", "e2")
    record["transactions"][0]["starts"] = 2
    with pytest.raises(StandError, match="twice"):
        outage.check(record, 2)
    with pytest.raises(StandError, match="instead of 3"):
        outage.check(record, 3)


@pytest.mark.slow
def test_a_figure_is_measured_on_a_bench_of_its_own(capsys, tmp_path):
    assert bench.main(["--only", "page_bytes"], tmp_path / "bench.json") == 0
    (line,) = printed(capsys)
    assert 1000 < line["value"] < 1_000_000
    assert "/app.js" in line["conditions"]
