"""The settings' declarations, read from settings.tsv: loaded while somebody looks at them."""

from core import loading, storage
from core.setting_default import TABLE, WITHOUT_VALUE, typed

loading.unload("core.setting_default")  # what was taken of it stays as long as this module

_FOLDER = TABLE.rsplit("/", 2)[0] + "/"
ROLES = ("manufacturer", "operator", "user")  # in the order of the table's rights


class Declaration:
    """One row of settings.tsv."""

    def __init__(self, line: str) -> None:
        cells = line.split("\t")
        self.key, self.label, self.page, self.type, self._range = cells[:5]
        self.default, self.unit, self._rights, self._flags, self.ocpp_key = cells[5:]

    @property
    def range(self) -> str:
        """What it may be: "6..80", "0|8..63", "Auto|Static", … by its type."""
        if self._range[:1] != "@":
            return self._range
        choices = [self.default]  # a table's own names follow
        for block in storage.line_blocks(_FOLDER + self._range[1:]):
            choices += [line.split("\t", 1)[0] for line in block.split("\n") if line[0] != "#"]
        return "|".join(choices)

    def may_read(self, role: str) -> bool:
        """Tell whether a role sees it."""
        return self._rights[ROLES.index(role)] != "-"

    def may_write(self, role: str) -> bool:
        """Tell whether a role may change it, or do it."""
        return self._rights[ROLES.index(role)] == "W"

    @property
    def has_value(self) -> bool:
        """False for readings and actions, which are no settings."""
        return self.type not in WITHOUT_VALUE

    @property
    def is_secret(self) -> bool:
        """Its value never leaves the controller."""
        return self.type in ("secret", "password")

    @property
    def needs_restart(self) -> bool:
        """A change shows after a restart."""
        return "r" in self._flags

    @property
    def may_lock_out(self) -> bool:
        """A wrong value may cut its owner off."""
        return "l" in self._flags

    @property
    def is_kept(self) -> bool:
        """Its value is kept in memory."""
        return "m" in self._flags

    @property
    def has_effect(self) -> bool:
        """False while the part of the firmware that it is for is missing."""
        return "n" not in self._flags


def default(declaration: Declaration):
    """The value where none was set."""
    return typed(declaration.type, declaration.default)


def declarations(page: str = ""):
    """Read the declarations one after the other, or those of a page."""
    for block in storage.line_blocks(TABLE):
        for line in block.split("\n"):
            if line[0] != "#" and (not page or line.split("\t", 3)[2] == page):
                yield Declaration(line)


def declarations_in(block: str, keys):
    """The declarations of some keys that are in a block. To search it for each key would take longer."""
    for line in block.split("\n"):
        if line[0] != "#" and line[: line.find("\t")] in keys:
            yield Declaration(line)


def declarations_of(keys):
    """Read the declarations of some keys."""
    for block in storage.line_blocks(TABLE):
        for declaration in declarations_in(block, keys):
            yield declaration


def ocpp_declarations(block: str):
    """Those in a block that have an effect and are configuration keys of OCPP."""
    for line in block.split("\n"):
        if line[-1] != "\t" and line[0] != "#":
            declaration = Declaration(line)
            if declaration.has_effect:
                yield declaration
