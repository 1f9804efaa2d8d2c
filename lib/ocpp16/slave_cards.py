"""Cards at slaves, and reservations of their connectors. Loaded when there are such."""

from auth.tag_info import parent_in
from core import loading

loading.unload("auth.tag_info")  # it goes when this module goes

_DECISIONS = "auth.decisions"
_START = b"c"  # as dlm.slave_messages


class Desk:
    """To auth.decisions and auth.reservation this is the authorizer of a slave's connector, and its backend."""

    decides = False
    conflict = ""

    def __init__(self, charge_point, connector) -> None:
        self._charge_point = charge_point
        self.settings = charge_point.settings
        self.path = charge_point.path
        self.charger = connector.charger
        self.ending = "-%d" % connector.number
        self.woken = connector.woken
        self.reservation = None
        self.parent = ""  # of the tag that was asked for last
        self.backend = self

    @property
    def group(self) -> tuple:
        """A tag and its parent's, as the back office told last."""
        authorizer = self._charge_point.authorizer
        return authorizer.group if authorizer else ("", "")

    @property
    def online(self) -> bool:
        """The back office can be asked."""
        return self._charge_point.online

    async def authorize_info(self, id_tag: str) -> "dict | None":
        """idTagInfo of a tag from the back office."""
        info = await self._charge_point.authorize_info(id_tag)
        self.parent = parent_in(info) if info else ""
        return info


async def decide(connector, kind: bytes, tags: list) -> None:
    """Answer a slave's question about cards."""
    desk = connector.desk
    desk.parent = ""
    id_tag = tags[-1]
    if kind == _START:
        status = await loading.once(_DECISIONS, "decide", desk, id_tag)
    else:
        may_stop = await loading.once(_DECISIONS, "is_of_group", desk, tags[0], id_tag)
        status = "Accepted" if may_stop else "ConcurrentTx"
    parent = desk.parent or loading.once("auth.known", "parent", desk, id_tag)
    await connector.charger.decide(id_tag, status, parent)
