"""A group on RS485 whose line, slaves, master and meters fail at random, over weeks of virtual time.

Master and slaves are the firmware's own (dlm.rs485_master, group, follower, rs485_slave); frames go from one to
the other whole, with the time that they take at 9600 baud. What flows is found from the outside: each car
draws the most that it was offered in the last 5 s, which is what the standard leaves to it.
"""

import asyncio
import os
import random
import types
from contextlib import contextmanager

from dlm import rs485_master
from dlm.follower import Follower
from dlm.group import Group
from dlm.group_auth import Seal
from dlm.rs485_master import Rs485Master
from dlm.rs485_slave import Rs485Slave
from group_post_rig import MIN_MA, Post
from plain_settings import PlainSettings
from virtual_time import clock

KEY = b"sixteen byte key"
LOOK_MS = 500  # the outside is looked at that often
BYTE_MS = 10 / 9.6
ROUND_MS = 2000  # of the master: what 19 slaves take, and fewer steps for the weeks
ROTATION_MIN = 1
STUCK_MS = 150_000  # LOST_MS, a minute of hysteresis and the time that members take to reduce


@types.coroutine
def _sleep_ms(ms: int):
    """In place of asyncio.sleep_ms: whoever drives the coroutine is told how long."""
    yield ms


@contextmanager
def driven_by_hand(seed: int):
    """While it lasts no event loop runs the coroutines, but a World; chance is the seed's."""
    before = asyncio.sleep_ms, os.urandom, rs485_master._ROUND_MS
    asyncio.sleep_ms, os.urandom = _sleep_ms, random.Random(seed).randbytes
    rs485_master._ROUND_MS = ROUND_MS
    try:
        yield
    finally:
        asyncio.sleep_ms, os.urandom, rs485_master._ROUND_MS = before


class Wire:
    """The line between the master and a slave: what is said there arrives, garbled, or not at all."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.to_slave = self.to_master = True

    def carry(self, frame: bytes, forth: bool) -> "bytes | None":
        """The frame as it arrives; None where it does not."""
        world = self._world
        if not (self.to_slave if forth else self.to_master):
            return None
        if world.dice.random() >= world.noise:
            return frame
        garbled = bytearray(frame)
        garbled[world.dice.randrange(len(garbled))] ^= 1 << world.dice.randrange(8)
        return bytes(garbled) if world.dice.random() < 0.7 else None


class SlavePort:
    """A slave's UART."""

    def __init__(self) -> None:
        self.heard = self.said = b""

    def read(self, view) -> int:
        """What has come since the last look."""
        count = len(self.heard)
        view[:count] = self.heard
        self.heard = b""
        return count

    async def write(self, frame) -> None:
        """Say something."""
        self.said += bytes(frame)


class Slave:
    """A charger of the group, with the wire that leads to it."""

    def __init__(self, world: "World", number: int, post: Post) -> None:
        self.number = number
        self.post = post
        self.wire = Wire(world)
        self._world = world
        self.program = None
        self.start()

    def start(self) -> None:
        """Power is there."""
        post = self.post
        post.reset()
        post.powered = True
        self._port = SlavePort()
        settings = PlainSettings(self._world.settings_of(post))
        self.follower = Follower(settings, post, "SLAVE%d" % self.number)
        slave = Rs485Slave(self._port, self.follower, Seal(KEY), self.number, None)
        self.program = slave.run()
        self.look()

    def stop(self) -> None:
        """Power is gone."""
        self.post.powered = False
        self.program.close()
        self.program = None

    def look(self) -> None:
        """Its program runs up to its next sleep."""
        self.program.send(None)

    def hear(self, frame: bytes) -> bytes:
        """A frame comes on its line; returns the answer as it comes back."""
        arrived = self.wire.carry(frame, True) if self.program else None
        if arrived is None:
            return b""
        self.look()
        self._port.heard, self._port.said = arrived, b""
        self.look()
        self.look()
        said = self._port.said
        return (self.wire.carry(said, False) or b"") if said else b""


class MasterPort:
    """The master's side of the line."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._answer = b""

    async def write(self, frame) -> None:
        """Say something; who it is for hears it when all of it is out."""
        world = self._world
        frame = bytes(frame)
        world.pass_ms(len(frame) * BYTE_MS)
        for slave in world.slaves:
            if frame[0] in (0, 100 + slave.number):
                self._answer = slave.hear(frame)

    async def read_frame(self, buffer, timeout_ms: int, expected: int = 0) -> int:
        """The answer, or nothing after a time."""
        world = self._world
        answer, self._answer = self._answer, b""
        if not answer or not expected:
            world.pass_ms(timeout_ms if expected else LOOK_MS)
            return 0
        world.pass_ms(len(answer) * BYTE_MS)
        buffer[: len(answer)] = answer
        return len(answer)


class Bus:
    """modbus.rtu.Master, as far as the group's master uses it."""

    def __init__(self, port: MasterPort) -> None:
        self.port = port
        self.lock = asyncio.Lock()


class World:
    """Given a group of posts with ratings, wiring, a limit and fallback currents drawn by the dice."""

    def __init__(self, dice: random.Random, path) -> None:
        self.dice = dice
        self._path = str(path / "group.json")
        self.noise = 0.0
        self.over_ms = self.longest_over_ms = 0
        self.longest_unserved_ms = 0
        self.peak_ma = 0  # of the fullest phase
        self.blamed: list = []
        self.fallback_a = dice.choice((0, 6, 10))
        posts = [self._post() for _ in range(dice.randint(2, 6))]
        ratings_a = sum(post.rating_ma for post in posts) // 1000
        self.limit_a = max(self.fallback_a * len(posts), dice.randint(12, ratings_a // 2 + 6))
        self._looked_ms = self.now_ms
        self.own = posts[0]
        self.posts = posts
        self.slaves: list = []
        self.slaves = [Slave(self, number, post) for number, post in enumerate(posts[1:], 1)]
        self.start_master()
        for post in posts:
            post.arrive(post.rating_ma, 3)

    def _post(self) -> Post:
        return Post(
            self.dice.choice(("RST", "STR", "R", "S", "T")), self.dice.choice((16, 32, 32))
        )

    def settings_of(self, post: Post) -> dict:
        """What a charger's settings say."""
        wired = post.rotation
        rotation = wired if len(wired) == 3 else wired + "RST".replace(wired, "")
        return {
            "max_output_current": post.rating_ma / 1000,
            "output_current_limit": 80,
            "llm_fallback_current": self.fallback_a,
            "llm_priority": 0,
            "phases": "3P+N400V" if post.wired == 7 else "1P+N230V",
            "connector_phase_rotation": "1." + rotation,
            "llm_policy": "Uniform Distribution",
            "llm_grid_current": self.limit_a,
            "llm_rotation": ROTATION_MIN,
            "dlb_function": "DLM",
        }

    @property
    def now_ms(self) -> int:
        """On the virtual clock."""
        return clock.now_us // 1000

    @property
    def demand_ma(self) -> int:
        """What the cars together want of the phase on which they want most."""
        return max(
            sum(post.wants_ma for post in self.posts if phase in post.on) for phase in range(3)
        )

    # The master.

    def start_master(self) -> None:
        """Power is there."""
        self.own.reset()
        self.own.powered = True
        settings = PlainSettings(self.settings_of(self.own))
        self.group = Group(settings, self.own, len(self.slaves), "MASTER", self._path)
        self.group.watch(self._note)
        master = Rs485Master(Bus(MasterPort(self)), self.group, Seal(KEY))
        self._program = master.run()

    def stop_master(self) -> None:
        """Power is gone."""
        self.own.powered = False
        self._program.close()
        self._program = None

    def _note(self, member, what: str) -> None:
        if what == "trouble" and member.trouble:
            self.blamed.append(member.trouble)

    # Time.

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end_ms = self.now_ms + seconds * 1000
        while self.now_ms < end_ms:
            asked_ms = self._program.send(None) if self._program else LOOK_MS
            self.pass_ms(asked_ms)

    def pass_ms(self, ms: float) -> None:
        """Time passes; the outside is looked at."""
        clock.sleep_us(int(ms * 1000))
        now_ms = self.now_ms
        elapsed_ms = now_ms - self._looked_ms
        if elapsed_ms < LOOK_MS:
            return
        self._looked_ms = now_ms
        for slave in self.slaves:
            if slave.program:
                slave.look()
        for post in self.posts:
            post.look(now_ms)
        self._measure(elapsed_ms)

    def _measure(self, elapsed_ms: int) -> None:
        limit_ma = self.limit_a * 1000
        flows_ma, kept_ma = [0, 0, 0], [0, 0, 0]
        for post in self.posts:
            most_ma = post.most_ma if post.reached else max(post.most_ma, self.fallback_a * 1000)
            for phase in post.on:
                flows_ma[phase] += post.drawn_ma
                kept_ma[phase] += most_ma
        flow_ma = max(flows_ma)
        self.peak_ma = max(self.peak_ma, flow_ma)
        self.over_ms = self.over_ms + elapsed_ms if flow_ma > limit_ma else 0
        self.longest_over_ms = max(self.longest_over_ms, self.over_ms)
        for post in self.posts:
            could_ma = self.fallback_a * 1000 if post.alone else 0
            if post.reached:
                could_ma = limit_ma - max(kept_ma[phase] for phase in post.on)
            if post.powered and post.wants_ma and not post.signaled_ma and could_ma >= MIN_MA:
                post.unserved_ms += elapsed_ms
                self.longest_unserved_ms = max(self.longest_unserved_ms, post.unserved_ms)
            else:
                post.unserved_ms = 0

    def reconsider(self) -> None:
        """Something fails, or works again: find who is in the master's reach."""
        up = self._program is not None
        self.own.reached = up
        for slave in self.slaves:
            post, wire = slave.post, slave.wire
            linked = up and wire.to_slave and wire.to_master
            post.alone = not linked
            post.reached = linked and post.powered and not self.noise
