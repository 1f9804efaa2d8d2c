"""The DIP switch for a factory reset: once each time it is switched on, and never by a disturbance."""

import pytest
from core import factory_reset
from core.settings import Settings


class Expander:
    """The inputs, look by look; a look that is None fails. The last one stays."""

    def __init__(self, *looks):
        self._looks = list(looks)
        self._now = None

    def poll(self):
        self._now = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return self._now is not None

    def factory_reset(self):
        assert self._now is not None, "asked after a look that failed"
        return self._now


@pytest.fixture
def board(tmp_path, monkeypatch):
    """start(*looks) starts a board; tells whether it was reset."""
    cleared = []

    def once(module, function, *arguments):
        if module.startswith(("auth.", "ocpp16.")):
            cleared.append(module)
            return 0
        return real(module, function, *arguments)

    real = factory_reset.loading.once
    monkeypatch.setattr(factory_reset.loading, "once", once)
    path = str(tmp_path / "settings.json")
    done = str(tmp_path / "done")

    class Board:
        lists_cleared = cleared

        @staticmethod
        def start(*looks):
            return factory_reset.at_start(Expander(*looks), Settings(path), done)

        @staticmethod
        def settings():
            return Settings(path)

    Board.settings().change({"ssid": "Home", "output_current_limit": 10})
    return Board


def test_the_switch_resets_settings_and_lists_once(board):
    assert board.start(True)
    assert board.settings().stored == {}
    assert board.lists_cleared == ["auth.known", "ocpp16.profile_files"]
    board.settings().change({"ssid": "Home"})
    assert not board.start(True)
    assert board.settings().get("ssid") == "Home"


def test_it_works_again_after_it_was_off_at_a_start(board):
    assert board.start(True)
    assert not board.start(False)
    board.settings().change({"ssid": "Home"})
    assert board.start(True)
    assert board.settings().stored == {}


@pytest.mark.parametrize(
    "looks", [(False,), (True, False), (True, True, True, True, False), (None,)]
)
def test_without_it_or_when_it_is_not_read_steadily_nothing_is_lost(board, looks):
    assert not board.start(*looks)
    assert board.settings().get("ssid") == "Home"
    assert board.lists_cleared == []


def test_an_expander_that_does_not_answer_does_not_arm_it_again(board):
    assert board.start(True)
    board.settings().change({"ssid": "Home"})
    assert not board.start(None)
    assert not board.start(True)
    assert board.settings().get("ssid") == "Home"
