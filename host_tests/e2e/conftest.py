"""Benches for the stories; a failure shows what their boards wrote."""

import pytest
from bench_process import BenchProcess
from station import Station


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the consoles of the benches that a failed test used."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for bench in getattr(item.module, "BENCHES", ()):
            report.sections.append(("consoles", bench.report()))


@pytest.fixture(scope="module")
def start_bench(request, tmp_path_factory):
    """start_bench(settings, **options) starts a bench that ends with the module."""
    request.module.BENCHES = benches = []

    def start(settings=None, **options) -> BenchProcess:
        bench = BenchProcess(tmp_path_factory.mktemp("bench"), settings, **options)
        benches.append(bench)
        bench.start()
        return bench

    yield start
    for bench in benches:
        bench.end()


@pytest.fixture(scope="module")
def shared_station(start_bench, request):
    """The module's station, with its SETTINGS and OPTIONS, in touch with its back office."""
    settings = getattr(request.module, "SETTINGS", None)
    station = Station(start_bench(settings, **getattr(request.module, "OPTIONS", {})))
    if not getattr(request.module, "OFFLINE", False):
        station.connected()
    return station


@pytest.fixture
def station(shared_station):
    """The module's station without car, card or fault."""
    shared_station.power(True)
    shared_station.clear()
    return shared_station
