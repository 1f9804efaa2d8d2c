"""The carrier of a dlm.follower.Follower over IP: a Client of a group, docs/load-management.md.

It finds its Gateway by a broadcast, begins a session with it, obeys and answers; and where it has one, its
line to the back office goes through the Gateway.
"""

import asyncio
import os
import struct

from core import loading, log
from core.clock import ticks_add, ticks_diff, ticks_ms
from dlm import ip_messages
from dlm.group_auth import SEAL_BYTES
from dlm.group_records import FULL_BYTES, INFO_BYTES
from dlm.ip_messages import NONCE_BYTES, TO_CLIENT, TO_GATEWAY
from micropython import const

_TURN_MS = const(25)
_STEP_MS = const(500)
_SEEK_MS = const(3000)
_SILENT_MS = const(6000)  # a Gateway that says nothing for so long is looked for again
_PORTION = const(4)
_KEYS = ("llm_group_id", "group_key")

# Places in messages.
_HERE_OWN = const(9)
_HERE_FLAG = const(17)
_HERE_SERIAL = const(18)
_HERE_URL = const(34)
_SHORTEST = const(12)
_POLL_BYTES = const(13)
_CALL_MESSAGE = const(6)


class Client:
    """links: net.links.Links; port: UDP, where Gateways are found, and TCP, the relay's."""

    medium = "IP"

    def __init__(self, settings, follower, links, port: int) -> None:
        self.state = ""  # for people
        self._settings = settings
        self._follower = follower
        self._links = links
        self._port = port
        self._seal = ip_messages.group_seal(settings)
        self._socket: ip_messages.Port = None  # type: ignore[assignment]  # at the own address
        self._address = ""
        self._everybody = None
        self._nonce = b""  # of the search under way
        self._seek_ms = ticks_ms()
        self._gateway = None  # as the sockets have it
        self._gateway_ip = ""
        self._session = b""
        self._counter = 0  # of the Gateway's last message
        self._heard_ms = 0
        self._reply = (-1, b"")  # number and bytes of the last
        self._charge_point = None
        self._set_state("looking for the gateway" if self._seal else "needs Group ID and key")
        settings.listen(self._on_change)

    def _set_state(self, state: str) -> None:
        if state != self.state:
            log.info("group", state)
        self.state = state

    def _on_change(self, keys) -> None:
        if [key for key in _KEYS if key in keys]:
            self._seal = ip_messages.group_seal(self._settings)
            self._hang_up("looking for the gateway" if self._seal else "needs Group ID and key")

    def address_of(self, follower) -> str:
        """The Gateway's IPv4 address; empty while it is not known."""
        return self._gateway_ip

    # --- the network

    async def run(self) -> None:
        """Follow the Gateway for ever; whatever ends this leaves the charger on its fallback current."""
        try:
            while True:
                await self._go_round()
        finally:
            self._follower.fall()

    async def _go_round(self) -> None:
        begun_ms = ticks_ms()
        self._follow_address()
        self._follower.step()
        self._look_for_gateway()
        while ticks_diff(ticks_ms(), begun_ms) < _STEP_MS:
            for _ in range(_PORTION):
                if not self._take_one():
                    break
                await asyncio.sleep_ms(0)
            await asyncio.sleep_ms(_TURN_MS)

    def _follow_address(self) -> None:
        """Have a socket at the address that the controller has now."""
        address, mask = ip_messages.own_address(self._links)
        if not self._seal or (address == self._address and (not address or self._socket)):
            return
        self._hang_up("looking for the gateway" if address else "no network")
        if not address:
            return
        try:
            self._socket = ip_messages.Port(address)
        except OSError as error:
            return self._set_state("no network: %s" % error)
        everybody = ip_messages.broadcast_address(address, mask)
        self._everybody = ip_messages.peer_at(everybody, self._port)
        self._address = address

    def _hang_up(self, state: str) -> None:
        """Give up the socket and the session."""
        if self._socket:
            self._socket.close()
        self._socket = self._gateway = None  # type: ignore[assignment]
        self._address = self._gateway_ip = ""
        self._session = b""
        self._set_state(state)

    def _look_for_gateway(self) -> None:
        """Ask who is the Gateway, while there is none or it has to learn what has changed here."""
        now_ms = ticks_ms()
        if self._gateway and ticks_diff(now_ms, self._heard_ms) > _SILENT_MS:
            self._gateway = None
            self._gateway_ip = ""
            self._set_state("looking for the gateway")
        if not self._socket or (self._gateway and not self._follower.renewed):
            return
        if ticks_diff(now_ms, self._seek_ms) >= 0:
            self._seek_ms = ticks_add(now_ms, _SEEK_MS)
            self._nonce = os.urandom(NONCE_BYTES)
            serial = ip_messages.padded(self._follower.serial)
            seek = bytes((ip_messages.SEEK,)) + self._nonce + b"C" + serial
            self._socket.send(ip_messages.sealed(self._seal, seek), self._everybody)

    # --- messages

    def _take_one(self) -> bool:
        """Take a message that waits; False when none does."""
        if not self._socket:
            return False
        message, peer = self._socket.receive()
        if not message:
            return False
        if message[0] == ip_messages.HERE:
            self._take_offer(message, peer)
        elif peer == self._gateway and self._is_new(message):
            if message[0] == ip_messages.POLL and len(message) == _POLL_BYTES:
                self._answer_poll(message)
            elif message[0] == ip_messages.CALL and len(message) >= _CALL_MESSAGE + SEAL_BYTES:
                self._answer_call(message)
        return True

    def _take_offer(self, message: bytes, peer) -> None:
        """Join the Gateway that has answered; the first one, if there are more."""
        nonce = self._nonce
        if not nonce or message[1:_HERE_OWN] != nonce or len(message) < _HERE_URL + SEAL_BYTES:
            return
        if not ip_messages.fits(self._seal, message):
            return
        if message[_HERE_FLAG] == ord("F"):
            return self._set_state("the group is full")
        self._nonce = b""
        own_nonce = message[_HERE_OWN:_HERE_FLAG]
        join = bytearray(1 + 2 * NONCE_BYTES + INFO_BYTES)
        join[0] = ip_messages.JOIN
        join[1 : 1 + 2 * NONCE_BYTES] = own_nonce + nonce
        self._follower.info(join, 1 + 2 * NONCE_BYTES)
        self._gateway, self._session, self._counter = peer, own_nonce + nonce, 0
        self._gateway_ip = ip_messages.ip_of(peer)
        self._reply = (-1, b"")
        self._heard_ms = ticks_ms()
        self._socket.send(ip_messages.sealed(self._seal, join), peer)
        serial = ip_messages.serial_in(message[_HERE_SERIAL:_HERE_URL])
        self._set_state("gateway %s at %s" % (serial, self._gateway_ip))
        self._follow_back_office(str(message[_HERE_URL:-SEAL_BYTES], "utf-8"))
        if self._charge_point and not self._charge_point.online:
            self._charge_point.line.renew("gateway found")

    def _is_new(self, message: bytes) -> bool:
        """Tell whether a message belongs to this agreement with the Gateway, and is later than all before."""
        if len(message) < _SHORTEST:
            return False
        counter = struct.unpack_from(">I", message, 1)[0]
        context = self._session + TO_CLIENT
        if counter <= self._counter or not ip_messages.fits(self._seal, message, context):
            return False
        self._counter = counter
        self._heard_ms = ticks_ms()
        return True

    def _answer_poll(self, message: bytes) -> None:
        follower = self._follower
        follower.take(message[5] << 8 | message[6])
        status = bytearray(5 + FULL_BYTES)
        status[0] = ip_messages.STATUS
        status[1:5] = message[1:5]
        follower.status(status, 5, True)
        self._send(status)
        follower.polled()

    def _answer_call(self, message: bytes) -> None:
        number = message[5]
        if number != self._reply[0]:  # else its reply was lost, and it is not to be done twice
            told = bytes(message[_CALL_MESSAGE:-SEAL_BYTES])
            self._reply = number, self._follower.answer(told)
        self._send(bytes((ip_messages.REPLY,)) + message[1:_CALL_MESSAGE] + self._reply[1])

    def _send(self, message) -> None:
        context = self._session + TO_GATEWAY
        self._socket.send(ip_messages.sealed(self._seal, message, context), self._gateway)

    # --- the back office

    def carry(self, charge_point) -> None:
        """Have a charge point's line go through the Gateway."""
        self._charge_point = charge_point
        charge_point.through = self.open_line

    def _follow_back_office(self, url: str) -> bool:
        """Have the Gateway's back office as the own; tells whether it was another."""
        if not url or url == self._settings.get("backend_url"):
            return False
        log.info("group", "back office of the gateway: " + url)
        try:
            self._settings.change({"backend_url": url})
        except Exception as error:  # what does not do as a setting is not kept
            log.error("group", "its address does not do: %s" % error)
        return True

    async def open_line(self) -> tuple:
        """(reader, writer) to the back office, through the Gateway: see websocket_client.stream.open_host."""
        if not self._gateway_ip:
            raise OSError("no gateway of the group")
        module = "dlm.relay_client"
        serial = self._follower.serial
        opening = loading.once(
            module, "open_line", self._gateway_ip, self._port, self._seal, serial
        )
        reader, writer, url = await opening
        if self._follow_back_office(url):
            writer.close()
            await writer.wait_closed()
            raise OSError("the gateway's back office has another address")
        return reader, writer
