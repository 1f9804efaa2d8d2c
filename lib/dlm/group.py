"""A group of chargers as its master sees it, whatever carries their messages: RS485 or a network.

The carrier brings the members' records, calls `step` in each round, and takes the words that grant.
"""

import asyncio

from core import loading, log, storage
from core.clock import ticks_diff, ticks_ms
from dlm import group_records
from dlm.allocator import Allocator
from dlm.follower import Follower
from dlm.group_member import FALLEN, REASONS, GroupMember
from micropython import const

_PATH = "/data/group.json"
_LONGEST_MS = const(60000)


class Group:
    """The members, their grants, and what is wrong.

    members[0] is the master's own charger, members[1 …] are its slaves, `count` of them.
    charger: evse.charger.Charger. path: where what is known of the slaves is kept.
    """

    role = "master"

    def __init__(self, settings, charger, count: int, serial: str, path: str = _PATH) -> None:
        self.own = Follower(settings, charger, serial)
        self.limit_ma = [0, 0, 0]
        self.limit_reason = "llm_grid_current"
        self.profile_ma = None  # what charging profiles allow the whole group
        self.trouble = ""
        self.rival = False  # set by the carrier: another master is there
        self.settling = 0  # seconds of set-up mode that are left
        self.building = (
            None  # dlm.group_load.GroupLoad while the building's meter bounds the group
        )
        self.follows_building = False
        self.carrier = None
        self._path = path
        self._settings = settings
        self._watchers = []
        self._record = bytearray(group_records.FULL_BYTES)
        self._stepped_ms = ticks_ms()
        self._grid_ma = 0
        self.members = self._make_members(count, settings)
        self._allocator = Allocator(self.members)
        self._read_settings(None)
        settings.listen(self._read_settings)

    def _make_members(self, count: int, settings) -> list:
        fallback_ma = int(settings.get("llm_fallback_current") * 1000)
        members = [GroupMember(number, fallback_ma) for number in range(count + 1)]
        try:
            for number, *identity in storage.read_json(self._path, []):
                if 0 < number <= count:
                    members[number].identify(*identity)
        except (ValueError, TypeError) as error:
            log.error("group", "%s is damaged: %s" % (self._path, error))
        for member in members:
            member.kept_ma = member.fallback_ma
        return members

    def _read_settings(self, keys) -> None:
        found = loading.once("dlm.group_settings", "of_group", self._settings, keys)
        if found:
            allocator = self._allocator
            allocator.policy, self._grid_ma, allocator.rotation_s, self.follows_building = found

    def watch(self, callback) -> None:
        """Have callback(member, what) called: "status", "session", "waiting", "online", "trouble"."""
        self._watchers.append(callback)

    def _tell(self, member, what: str) -> None:
        for callback in self._watchers:
            try:
                callback(member, what)
            except Exception as error:  # a watcher's failure is its own
                log.error("group", "%s: %s %s" % (what, type(error).__name__, error))

    # What the carrier brings.

    def heard(self, member, data, at: int = 0, length: int = group_records.FULL_BYTES) -> None:
        """Take a status record that is certainly this member's, and new."""
        what = member.note(data, at, length)
        if what:
            self._tell(member, what)

    def introduce(self, member, data, at: int = 0) -> None:
        """Take an info record that is certainly this member's. ValueError for an unfit one."""
        if member.identify(*group_records.unpack_info(data, at)):
            if member.number:
                self._keep()
            self._tell(member, "status")

    def blame(self, member, trouble: str) -> None:
        """Note what is wrong with a member; "" when all is well again."""
        if member.trouble != trouble:
            member.trouble = trouble
            if trouble:
                log.error("group", "member %d %s: %s" % (member.number, member.serial, trouble))
            self._tell(member, "trouble")

    def _keep(self) -> None:
        """What the slaves are, for the time after a restart when they don't answer yet."""
        known = [
            [member.number] + list(member.identity)
            for member in self.members
            if member.number and member.serial
        ]
        try:
            storage.write_json(self._path, known)
        except OSError as error:
            log.error("group", "not kept: %s" % error)

    async def call(self, member, message: bytes, most: int = 16) -> bytes:
        """Have a member answer a message of at most 96 bytes, with at most `most`. OSError: it does not."""
        if not member.number:
            return self.own.answer(message)
        carrier = self.carrier
        if not carrier:
            raise OSError("the group has no line")
        return await carrier.call(member, message, most)

    def settle(self, seconds: int = 300) -> None:
        """Look for new members for so long; 0 ends it."""
        self.settling = seconds

    def adopt(self, number: int, info: tuple) -> None:
        """Take a slave of this number, perhaps one more than there were; info: for GroupMember.identify."""
        members = self.members
        if number >= len(members):
            members.append(GroupMember(number, self.own.fallback_ma))
            old = self._allocator
            self._allocator = Allocator(members, old.policy, old.rotation_s)
            self._settings.change({"slave_number": str(number)})
        members[number].identify(*info)
        self._keep()

    # The round.

    async def step(self) -> None:
        """Allocate by what has been told; once in a round, at least once a second."""
        now_ms = ticks_ms()
        elapsed_ms = max(0, min(ticks_diff(now_ms, self._stepped_ms), _LONGEST_MS))
        self._stepped_ms = now_ms
        self._hear_own()
        await asyncio.sleep_ms(0)
        self._find_limit(elapsed_ms)
        for member in self.members:
            member.age()
        before = [member.heard for member in self.members]
        for _ in self._allocator.pieces(self.limit_ma, elapsed_ms):
            await asyncio.sleep_ms(0)
        for member, was_heard in zip(self.members, before):
            if member.heard != was_heard:
                self._tell(member, "online")
        self._judge(elapsed_ms)
        self.own.take(self.word(self.members[0]))

    def _hear_own(self) -> None:
        own, member = self.own, self.members[0]
        if own.renewed:
            own.info(self._record, 0)
            self.introduce(member, self._record)
        length = own.status(self._record, 0, True)
        own.polled()
        self.heard(member, self._record, 0, length)

    def _find_limit(self, elapsed_ms: int) -> None:
        limit_ma, self.limit_reason = self._grid_ma, "llm_grid_current"
        if self.profile_ma is not None and self.profile_ma < limit_ma:
            limit_ma, self.limit_reason = self.profile_ma, "charging profile"
        building = self.building
        if self.follows_building:
            found_ma, reason = 0, "building meter"
            if building:
                building.note(self.members, elapsed_ms)
                found_ma, reason = building.limits.ma, building.limits.reason
            if reason == "building meter":  # nobody knows what the building draws
                found_ma = sum([member.fallback_ma for member in self.members])
            if found_ma < limit_ma:
                limit_ma, self.limit_reason = found_ma, reason
        for phase in range(3):
            self.limit_ma[phase] = limit_ma

    def _judge(self, elapsed_ms: int) -> None:
        """Find who disobeys; as long as somebody does, all are on their fallback currents."""
        trouble = "two masters" if self.rival else ""
        kept_ma = 0
        for member in self.members:
            told_ma = group_records.unpack_word(self.word(member))[2]
            kept_ma += member.fallback_ma
            if member.defies(max(told_ma, member.granted_ma), elapsed_ms):
                self.blame(member, "disobeys")
                trouble = trouble or "%s disobeys" % (member.serial or member.number)
            elif member.trouble == "disobeys":
                self.blame(member, "")
        if not trouble and kept_ma > self._grid_ma:
            trouble = "the fallback currents together exceed llm_grid_current"
        if trouble != self.trouble:
            self.trouble = trouble
            log.warning("group", trouble or "all is well again")

    @property
    def fallen(self) -> bool:
        """All are on their fallback currents, since somebody disobeys."""
        return self.trouble.endswith("disobeys")

    def word(self, member) -> int:
        """The word that grants, for this round."""
        granted_ma = member.granted_ma
        reason = REASONS.index(member.reason)
        if self.fallen:
            granted_ma = min(granted_ma, member.fallback_ma)
            reason = REASONS.index(FALLEN)
        if self.rival:
            granted_ma = 0
        return group_records.pack_word(member.fresh, reason, granted_ma)

    def told(self) -> None:
        """The words have gone out."""
        for member in self.members[1:]:
            member.fresh = False
