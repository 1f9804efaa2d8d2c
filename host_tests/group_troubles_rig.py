"""Random faults of a group's line, slaves, master and meters, while cars come and go."""

from group_faults_rig import ROTATION_MIN, STUCK_MS, World


class Troubles:
    """Faults at random, each for a time of its own; several at once if it comes so."""

    def __init__(self, world: World, every_s: float) -> None:
        self.world = world
        self.count = 0
        self._every_s = every_s
        self._ends: list = []  # (ms, function): what works again when
        self._kinds = (self._cut, self._deafen, self._noise, self._restart, self._restart_master)
        self._kinds += (self._silence_meter,)

    def run(self, faults: int) -> None:
        """Let so many of them happen, while cars come and go."""
        world = self.world
        for _ in range(faults):
            self._drive(world.dice.expovariate(1 / self._every_s))
            self.count += 1
            world.dice.choice(self._kinds)()
            self._change_a_car()
            world.reconsider()

    def end(self) -> None:
        """All is well again."""
        for _, repair in self._ends:
            repair()
        self._ends.clear()
        self.world.reconsider()

    def calm(self) -> None:
        """All is well again, and every car wants all it can get: time for each to have its turn."""
        world = self.world
        self.end()
        for post in world.posts:
            post.arrive(post.rating_ma, 3)
            post.served = False
        world.run(ROTATION_MIN * 60 * len(world.posts) + STUCK_MS / 1000)
        world.peak_ma = 0
        world.run(60)

    def _drive(self, seconds: float) -> None:
        world = self.world
        until_ms = world.now_ms + seconds * 1000
        while self._ends and min(self._ends)[0] < until_ms:
            self._ends.sort(key=lambda entry: entry[0])
            at_ms, repair = self._ends.pop(0)
            world.run(max(0, at_ms - world.now_ms) / 1000)
            repair()
            world.reconsider()
        world.run(max(0, until_ms - world.now_ms) / 1000)

    def _until(self, most_s: float, repair) -> None:
        dice = self.world.dice
        seconds = dice.uniform(0.5, dice.choice((3, 20, 45, most_s)))
        self._ends.append((self.world.now_ms + seconds * 1000, repair))

    def _cut(self) -> None:
        """A slave is off the line."""
        wire = self.world.dice.choice(self.world.slaves).wire

        def mend() -> None:
            wire.to_slave = wire.to_master = True

        wire.to_slave = wire.to_master = False
        self._until(300, mend)

    def _deafen(self) -> None:
        """A slave hears nothing, or is not heard."""
        wire = self.world.dice.choice(self.world.slaves).wire
        direction = self.world.dice.choice(("to_slave", "to_master"))
        setattr(wire, direction, False)
        self._until(300, lambda: setattr(wire, direction, True))

    def _noise(self) -> None:
        """On the whole line."""
        self.world.noise = self.world.dice.choice((0.02, 0.2, 0.5, 0.9))
        self._until(120, lambda: setattr(self.world, "noise", 0.0))

    def _restart(self) -> None:
        """A slave loses its power."""
        slave = self.world.dice.choice(self.world.slaves)
        if slave.program:
            slave.stop()
            self._until(120, slave.start)

    def _restart_master(self) -> None:
        """The master loses its power."""
        if self.world.own.powered:
            self.world.stop_master()
            self._until(120, self.world.start_master)

    def _silence_meter(self) -> None:
        """A charger's meter does not answer."""
        meter = self.world.dice.choice(self.world.posts).meter
        meter.ok = False
        self._until(600, lambda: setattr(meter, "ok", True))

    def _change_a_car(self) -> None:
        dice = self.world.dice
        post = dice.choice(self.world.posts)
        if dice.random() < 0.1:
            post.leave()
        elif dice.random() < 0.4:
            post.arrive(dice.choice((500, 10000, 32000, 32000, 32000)), dice.choice((1, 3, 3)))
