"""Attributes of many classes share short names, and nothing changes but their cost."""

import pytest
from tools.attribute_names import share, shared_names

LAMP = """class Lamp:
    def __init__(self, bright):
        self.brightness = bright
        self._blinking = False

    @property
    def shining(self):
        return self.brightness > 0

    def dim_by(self, step):
        self.brightness -= step
        self._blinking = not self._blinking
        return self
"""
METER = """class Meter:
    def __init__(self):
        self.readings = [1, 2]

    def add_reading(self, reading):
        self.readings.append(reading)
        return sum(self.readings)
"""
STORY = """from lamp import Lamp
from meter import Meter


def story():
    lamp = Lamp(3)
    return lamp.dim_by(1).brightness, lamp.shining, Meter().add_reading(4)
"""


def played(sources: dict) -> tuple:
    """What the story returns with these sources."""
    scope: dict = {}
    for text in sources.values():
        exec("\n".join(line for line in text.splitlines() if "import" not in line), scope)
    return scope["story"]()


def test_classes_that_never_meet_share_names_and_do_what_they_did():
    sources = {"lamp.py": LAMP, "meter.py": METER, "story.py": STORY}
    new = shared_names(sources, ())
    assert set(new) >= {"brightness", "_blinking", "shining", "dim_by", "readings", "add_reading"}
    assert len({new[name] for name in ("brightness", "_blinking", "shining", "dim_by")}) == 4
    assert {new["readings"], new["add_reading"]} < {new[name] for name in new if name in LAMP}
    short = share(sources, ())
    assert played(short) == played(sources) == (2, True, 7)
    assert [text.count("\n") for text in short.values()] == [
        text.count("\n") for text in sources.values()
    ]


def test_classes_have_short_names_of_their_own_and_exceptions_keep_theirs():
    oops = "class Oops(ValueError):\n    pass\n\n\nclass LampOff(Oops):\n    pass\n\n\nclass DarkError(Exception):\n    pass\n"
    new = shared_names(
        {"lamp.py": LAMP, "meter.py": METER, "story.py": STORY, "oops.py": oops}, ()
    )
    assert {"Lamp", "Meter"} <= set(new)
    assert new["Lamp"] != new["Meter"]
    assert not {"Oops", "DarkError"} & set(new)
    child = "import lamp\n\n\nclass Torch(lamp.Lamp):\n    pass\n\n\nTORCH = Torch(1).shining\n"
    short = share({"lamp.py": LAMP, "torch.py": child}, ())["torch.py"]
    assert "Lamp" not in short
    assert "TORCH" in short
    private = "class _Bulb:\n    pass\n\n\nBULB = _Bulb()\n"
    assert "_Bulb()" in share({"lamp.py": LAMP, "bulb.py": private}, ())["bulb.py"]
    quoted = "KIND = 'Lamp'\n"
    assert "Lamp" not in shared_names({"lamp.py": LAMP, "kind.py": quoted}, ())


def test_parent_and_child_share_an_object_and_so_no_name():
    child = "from lamp import Lamp\n\n\nclass Torch(Lamp):\n    def __init__(self):\n        self.battery = 1\n"
    new = shared_names({"lamp.py": LAMP, "torch.py": child, "meter.py": METER}, ())
    own = {new[name] for name in ("brightness", "_blinking", "shining", "dim_by")}
    assert new["battery"] not in own


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ("def shine(lamp):\n    lamp.brightness = 7\n", "brightness"),  # set from outside
        ("def shine(lamp):\n    return getattr(lamp, 'shining')\n", "shining"),
        ("def dim_by():\n    pass\n", "dim_by"),  # module.dim_by may be meant
        ("from lamp import shining\n", "shining"),
        ("class Door:\n    shining = 3\n", "shining"),
        ("class Door:\n    def __init__(self):\n        self.append = []\n", "append"),
        ("class Pin:\n    def duty_u16(self, value):\n        pass\n", "duty_u16"),
        ("class Door:\n    def __init__(self):\n        self.__hidden = 3\n", "__hidden"),
        (
            "class Door:\n    def width(self):\n        return 1\n\n    size = property(width)\n",
            "width",
        ),
    ],
)
def test_what_may_mean_something_else_keeps_its_name(more, kept):
    assert kept not in shared_names({"lamp.py": LAMP, "more.py": more}, ())


def test_what_the_start_uses_keeps_its_name():
    assert "shining" not in shared_names(
        {"lamp.py": LAMP}, ("from lamp import Lamp\nLamp(1).shining\n",)
    )


def test_a_source_that_does_not_parse_is_left_to_the_compiler():
    sources = {"lamp.py": LAMP, "broken.py": "def ("}
    assert share(sources, ()) == sources
