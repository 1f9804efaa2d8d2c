"""Sorts the members of a configuration's file as they are read."""

from micropython import const

from core import loading
from web.json_scanner import JsonScanner

_SCANNER = "web.json_scanner"
_FORMAT = "mpevse configuration"
_VERSION = const(1)
_MOST_KEYS = const(300)
_MOST_IGNORED = const(60)
_MOST_LINES = const(64)
_ABOUT = ("firmware", "controller", "exported")
# In one text each: as texts of their own, most would stay in memory for good.
_ETEK_KEYS = (
    " _b_RJ45=lan_enabled _b_Wifi=wlan_enabled _b_4G=sim_enabled _setIP=static_ip _setMask=subnet_mask"
    " _setGateway=gateway _setDNS=dns _ssid=ssid _b_Slave=connection_mode _setLineNum=phases "
)
_ETEK_VALUES = (
    " connection_mode=0=Master connection_mode=1=Slave phases=1=1P+N230V phases=3=3P+N400V "
)


def _after(text: str, name: str) -> str:
    """What a text of the form " name=value name=value " has for a name; empty without it."""
    if " " in name:
        return ""
    start = text.find(" " + name + "=")
    if start < 0:
        return ""
    start += len(name) + 2
    return text[start : text.find(" ", start)]


loading.unload(_SCANNER)  # it goes when this module goes


class Reader:
    """Feed it the file; take what has come out of it now and then."""

    def __init__(self) -> None:
        self._scanner = JsonScanner(self._take)
        self.values = {}  # settings that are to be looked at
        self._tags = []
        self.sealed = {}
        self.ignored = []
        self._keys = 0
        self._is_known = False  # the file has told what it is

    def feed(self, data: bytes) -> None:
        """Take a piece of the file. ValueError when it is wrong."""
        self._scanner.feed(data)

    def finish(self) -> None:
        """The file is over. ValueError when it is none, or not a whole one."""
        self._scanner.finish()
        self._scanner = None
        if not self._is_known:
            raise ValueError("is no configuration: it has no format and version")

    def take_values(self) -> dict:
        """Settings that have come since the last time."""
        values, self.values = self.values, {}
        return values

    def take_tags(self) -> list:
        """Tags that have come since the last time."""
        tags, self._tags = self._tags, []
        return tags

    def _take(self, path: list, value) -> None:
        head = path[0]
        if head is None and len(path) == 2 and path[1] is not None:
            self._is_known = True
            self._take_etek(path[1], value)
        elif head == "settings" and len(path) == 2 and path[1] is not None:
            self._take_setting(path[1], value)
        elif head == "whitelist" and path[1:] == [None]:
            self._tags.append(value)
        elif head == "secrets" and len(path) > 1:
            self._take_sealed(path, value)
        elif len(path) == 1 and head in ("format", "version"):
            self._take_format(head, value)
        elif len(path) > 1 or head not in _ABOUT:
            raise ValueError("a configuration has no " + str(head)[:40])

    def _take_format(self, name: str, value) -> None:
        if name == "format" and value != _FORMAT:
            raise ValueError("is no configuration of such a controller")
        if name == "version":
            if value != _VERSION:
                raise ValueError(
                    "version %s: this firmware reads version %d" % (str(value)[:20], _VERSION)
                )
            self._is_known = True

    def _take_setting(self, key: str, value) -> None:
        self._keys += 1
        if self._keys > _MOST_KEYS:
            raise ValueError("has more than %d settings" % _MOST_KEYS)
        if key in self.values:
            raise ValueError("has %s twice" % key[:40])
        self.values[key] = value

    def _take_etek(self, name: str, value) -> None:
        """A setting of ETEK's, or one of ours in ETEK's form."""
        key = _after(_ETEK_KEYS, name)
        if key:
            value = _after(_ETEK_VALUES, key + "=" + str(value)) or value
        elif name[:1] == "_":
            if len(self.ignored) < _MOST_IGNORED:
                self.ignored.append(name)
            return
        self._take_setting(key or name, value)

    def _take_sealed(self, path: list, value) -> None:
        name = path[1]
        if path[2:] == [None]:
            lines = self.sealed.setdefault(name, [])
            if not isinstance(lines, list) or len(lines) >= _MOST_LINES:
                raise ValueError("the secrets are no such")
            lines.append(value)
        elif len(path) == 2 and name is not None and len(self.sealed) < 8:
            self.sealed[name] = value
        else:
            raise ValueError("the secrets are no such")
