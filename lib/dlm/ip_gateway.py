"""The carrier of a dlm.group.Group over IP: a Gateway and its Clients, docs/load-management.md.

Clients find the Gateway by a broadcast. Each then has a session: its messages are sealed under two nonces,
one of either side, and a counter, so that nothing of before is taken. Each second every Client is told
what it may draw, and answers how it is.
"""

import asyncio
import os
import struct

from core import log
from core.clock import ticks_add, ticks_diff, ticks_ms
from dlm import ip_messages
from dlm.group_auth import SEAL_BYTES
from dlm.group_records import FULL_BYTES, HEARD, unpack_info
from dlm.ip_messages import NONCE_BYTES, TO_CLIENT, TO_GATEWAY
from dlm.member import LOST_MS
from micropython import const

_TURN_MS = const(25)
_ROUND_MS = const(1000)  # of a group without Clients, …
_MEMBER_MS = const(
    50
)  # … and more for each: a message to it and one from it take a slow chip 12 ms
_PORTION = const(4)  # messages taken in one turn
_SEEK_MS = const(5000)  # between looks for another Gateway
_PROBE_MS = const(2500)  # so long a Gateway that starts listens for one that is there
_OFFERS = const(8)  # to Clients that seek
_TRIES = const(4)
_REPLY_MS = const(400)
_DISMISSING = const(4)  # rounds in which Clients are told of the other Gateway's coming
_KEYS = ("llm_group_id", "group_key")

# Places in messages.
_SEEK_SERIAL = const(10)
_SEEK_BYTES = const(32)
_HERE_SERIAL = const(18)
_HERE_URL = const(34)
_JOIN_INFO = const(17)
_JOIN_BYTES = const(47)
_ANSWER_BYTES = const(12)
_STATUS_BYTES = const(37)


class Peer:
    """Where a member is reached, and what has been said in its session."""

    def __init__(self, address, session: bytes) -> None:
        self.address = address  # as the sockets have it
        self.ip = ip_messages.ip_of(address)
        self.session = session
        self.counter = 0  # of the last message to it
        self.polled = 0  # … of the last poll
        self.answered = False  # that poll was answered
        self.heard_ms = ticks_ms()  # when it joined, or answered last
        self.reply = None  # (counter, bytes) that came last


class Gateway:
    """Serves a group. links: net.links.Links; port: UDP, where Clients seek, and TCP, the relay's.

    relay: a dlm.relay.Relay.
    """

    medium = "IP"

    def __init__(self, settings, group, links, port: int, relay) -> None:
        self.group = group
        self.relay = relay
        group.carrier = relay.gateway = self
        self._settings = settings
        self._links = links
        self._port = port
        self.seal = ip_messages.group_seal(settings)
        self._address = ""
        self._everybody = None  # where a broadcast goes
        self._found: ip_messages.Port = None  # type: ignore[assignment]  # where Clients seek
        self._talk: ip_messages.Port = None  # type: ignore[assignment]  # … and are served
        self._server = None  # the relay's
        self._offers: list = []  # (a seeker's nonce, the own one)
        self._refused = ""  # who found no place last
        self._nonce = b""  # of the own search for another Gateway
        self._yields_ms = ticks_add(ticks_ms(), _PROBE_MS)
        self._yields = True  # serves nobody: another Gateway may be there
        self._rounds_left = 0
        self._seek_ms = ticks_ms()
        self._turn = asyncio.Lock()  # one call at a time
        self._calls = 0
        self.cycle_ms = 0  # what the last round took
        settings.listen(self._on_change)

    def _on_change(self, keys) -> None:
        if [key for key in _KEYS if key in keys]:
            self.seal = ip_messages.group_seal(self._settings)
            self._hang_up()
        elif "backend_url" in keys:
            self.relay.end_all()

    def address_of(self, member) -> str:
        """A member's IPv4 address; empty for the own connector and where none is known."""
        return member.state.ip if member.number and member.state else ""

    def has_member(self, serial: str) -> bool:
        """Tell whether a Client has joined, and is not lost."""
        return any([member.serial == serial and member.state for member in self.group.members[1:]])

    # --- the network

    async def run(self) -> None:
        """Serve the group for ever; whatever ends this leaves the own charger on its fallback current."""
        if not self.seal:
            log.error("group", "needs Group ID and key: no Client is served")
        try:
            while True:
                await self._go_round()
        finally:
            self.group.own.fall()

    async def _go_round(self) -> None:
        begun_ms = ticks_ms()
        await self._follow_address()
        await self.group.step()
        self._look_around()
        for member in self.group.members[1:]:
            if member.state:
                self._poll(member)
                await self._take_turn()
        self.group.told()
        self.cycle_ms = ticks_diff(ticks_ms(), begun_ms)
        round_ms = _ROUND_MS + _MEMBER_MS * (len(self.group.members) - 1)
        while ticks_diff(ticks_ms(), begun_ms) < round_ms:
            await self._take_turn()

    async def _take_turn(self) -> None:
        for _ in range(_PORTION):
            if not self._take_one():
                break
            await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(_TURN_MS)

    async def _follow_address(self) -> None:
        """Have sockets at the address that the controller has now."""
        address, mask = ip_messages.own_address(self._links)
        if not self.seal or (address == self._address and (not address or self._talk)):
            return
        self._hang_up()
        if not address:
            return
        try:
            self._found = ip_messages.Port("0.0.0.0", self._port)
            self._talk = ip_messages.Port(address)
            self._server = await asyncio.start_server(self.relay.serve, address, self._port)
        except OSError as error:
            log.error("group", "%s port %d: %s" % (address, self._port, error))
            return self._hang_up()
        everybody = ip_messages.broadcast_address(address, mask)
        self._everybody = ip_messages.peer_at(everybody, self._port)
        self._address = address
        log.info("group", "gateway at %s" % address)

    def _hang_up(self) -> None:
        """Give up the sockets, the sessions and the lines."""
        self._address = ""
        for port in (self._found, self._talk):
            if port:
                port.close()
        self._found = self._talk = None  # type: ignore[assignment]
        if self._server:
            self._server.close()
            self._server = None
        self.relay.end_all()
        for member in self.group.members[1:]:
            member.state = None

    # --- another Gateway

    def _look_around(self) -> None:
        """Look for another Gateway of the group, and end the lines of Clients that are lost."""
        now_ms = ticks_ms()
        self._yields = ticks_diff(self._yields_ms, now_ms) > 0
        if self.group.rival and not self._yields:
            self.group.rival = False
        if self.group.rival:
            self._dismiss()
        for member in self.group.members[1:]:
            if member.state and ticks_diff(now_ms, member.state.heard_ms) > LOST_MS:
                self.relay.end(member.serial)
                member.state = None
        if self._talk and ticks_diff(now_ms, self._seek_ms) >= 0:
            self._seek_ms = ticks_add(now_ms, _PROBE_MS // 3 if self._yields else _SEEK_MS)
            self._nonce = os.urandom(NONCE_BYTES)
            serial = ip_messages.padded(self.group.own.serial)
            seek = bytes((ip_messages.SEEK,)) + self._nonce + b"G" + serial
            self._talk.send(ip_messages.sealed(self.seal, seek), self._everybody)

    def _dismiss(self) -> None:
        """Let the Clients go to the other Gateway, once they have heard that they are granted nothing."""
        self.relay.end_all()
        self._rounds_left = max(0, self._rounds_left - 1)
        if not self._rounds_left:
            for member in self.group.members[1:]:
                member.state = None

    def _give_way(self, serial: str) -> None:
        """Another Gateway serves the group: the one with the higher serial number leaves it to the other."""
        if serial >= self.group.own.serial:
            return
        if not self.group.rival:
            log.error("group", "%s is its gateway too: this one gives way" % serial)
            self._rounds_left = _DISMISSING
        self.group.rival = True
        self._yields_ms = ticks_add(ticks_ms(), LOST_MS)

    # --- messages

    def _poll(self, member) -> None:
        """Tell a member what it may draw, and ask how it is."""
        peer = member.state
        peer.counter += 1
        peer.polled = peer.counter
        # What counts for the member is whether its last answer came, not any of its round.
        word = self.group.word(member) & ~HEARD | (HEARD if peer.answered else 0)
        peer.answered = False
        self._send(peer, struct.pack(">BIH", ip_messages.POLL, peer.counter, word))

    def _send(self, peer, message: bytes) -> None:
        if self._talk:
            context = peer.session + TO_CLIENT
            self._talk.send(ip_messages.sealed(self.seal, message, context), peer.address)

    async def call(self, member, message: bytes, most: int = 16) -> bytes:
        """The reply to a message, see dlm.group.Group.call. OSError: the member does not answer."""
        async with self._turn:
            self._calls = self._calls + 1 & 0xFF
            peer = member.state
            first = peer.counter + 1 if peer else 0
            for _ in range(_TRIES if peer else 0):
                peer.counter += 1
                head = struct.pack(">BIB", ip_messages.CALL, peer.counter, self._calls)
                self._send(peer, head + message)
                for _ in range(_REPLY_MS // _TURN_MS):
                    await asyncio.sleep_ms(_TURN_MS)
                    if peer.reply and peer.reply[0] >= first:
                        return peer.reply[1]
        raise OSError("%s does not answer" % (member.serial or member.number))

    def _take_one(self) -> bool:
        """Take a message that waits; False when none does."""
        for port in (self._talk, self._found):
            if port:
                message, peer = port.receive()
                if message:
                    self._take(message, peer)
                    return True
        return False

    def _take(self, message: bytes, address) -> None:
        kind = message[0]
        if kind in (ip_messages.STATUS, ip_messages.REPLY):
            return self._take_answer(kind, message, address)
        if not ip_messages.fits(self.seal, message):
            return
        try:
            if kind == ip_messages.SEEK and len(message) == _SEEK_BYTES:
                self._take_seek(message, address)
            elif kind == ip_messages.HERE and message[1 : 1 + NONCE_BYTES] == self._nonce:
                self._give_way(ip_messages.serial_in(message[_HERE_SERIAL:_HERE_URL]))
            elif kind == ip_messages.JOIN and len(message) == _JOIN_BYTES:
                self._take_join(message, address)
        except ValueError as error:
            log.warning("group", "%s: %s" % (ip_messages.ip_of(address), error))

    def _take_seek(self, message: bytes, address) -> None:
        """Answer a Client or Gateway that looks for a Gateway."""
        nonce = message[1 : 1 + NONCE_BYTES]
        serial = ip_messages.serial_in(message[_SEEK_SERIAL:-SEAL_BYTES])
        if self._yields or serial == self.group.own.serial:
            return
        flag = b"-" if self._member(serial) else b"F"
        if message[_SEEK_SERIAL - 1 : _SEEK_SERIAL] == b"C":
            if flag == b"F" and serial != self._refused:
                self._refused = serial
                log.warning("group", "no place for %s: raise Group Size" % serial)
        own_nonce = os.urandom(NONCE_BYTES)
        self._offers = self._offers[1 - _OFFERS :] + [(nonce, own_nonce)]
        url = self._settings.get("backend_url").encode()
        head = bytes((ip_messages.HERE,)) + nonce + own_nonce + flag
        here = head + ip_messages.padded(self.group.own.serial) + url
        self._talk.send(ip_messages.sealed(self.seal, here), address)

    def _member(self, serial: str):
        """The member with a serial number, else the first that has none yet; None when the group is full."""
        free = None
        for member in self.group.members[1:]:
            if member.serial == serial:
                return member
            if not member.serial and free is None:
                free = member
        return free

    def _take_join(self, message: bytes, address) -> None:
        """Begin a session with a Client that has answered an offer."""
        own_nonce = message[1 : 1 + NONCE_BYTES]
        nonce = message[1 + NONCE_BYTES : _JOIN_INFO]
        if (nonce, own_nonce) not in self._offers or self._yields:
            return
        self._offers.remove((nonce, own_nonce))
        serial = unpack_info(message, _JOIN_INFO)[3]
        member = self._member(serial)
        if not member:
            return
        self.group.introduce(member, message, _JOIN_INFO)
        member.state = Peer(address, own_nonce + nonce)
        log.info(
            "group", "%s joined at %s as member %d" % (serial, member.state.ip, member.number)
        )

    def _take_answer(self, kind: int, message: bytes, address) -> None:
        """Take a Client's status or reply, if it is one of its session and not an old one."""
        if len(message) < _ANSWER_BYTES:
            return
        for member in self.group.members[1:]:
            peer = member.state
            if peer and peer.address == address:
                break
        else:
            return
        if not ip_messages.fits(self.seal, message, peer.session + TO_GATEWAY):
            return
        counter = struct.unpack_from(">I", message, 1)[0]
        if kind == ip_messages.REPLY and message[5] == self._calls:
            peer.reply = counter, message[6:-SEAL_BYTES]
        elif kind == ip_messages.STATUS and len(message) == _STATUS_BYTES:
            if counter == peer.polled and not peer.answered:
                peer.answered = True
                peer.heard_ms = ticks_ms()
                self.group.heard(member, message, 5, FULL_BYTES)
