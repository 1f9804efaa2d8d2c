"""What a device on the RS485 line without the group's key can't do."""

from group_wire_rig import SETTLED_S, GroupRig, WireUart, now_s
from modbus.crc import append_crc

_REGISTERS = ((0, 0), (0, 0x10), (0, 0x30), (0, 0x40), (1, 0), (2, 0), (3, 0), (5, 0), (5, 0x10))


class Stranger:
    """A device on the wire that repeats what it has heard."""

    def __init__(self, rig) -> None:
        self.rig = rig
        self.uart = WireUart(rig.wire)

    def repeat(self, start: bytes, older_than_s: float) -> None:
        old = [
            sent
            for sent in self.rig.wire.sent
            if sent.data.startswith(start) and sent.start_s < older_than_s and not sent.garbled
        ]
        self.uart.write(old[-1].data)


GRANTS = b"\x00\x10\x01\x00"


def test_old_grants_raise_nothing(tmp_path):
    """Given grants of 30 A on record, when two more cars have come, then repeating them has no effect."""

    async def story(rig):
        await rig.charge(1, 2)
        assert rig.grants_a == [0, 30, 30, 0]
        recorded_s = now_s()
        stranger = Stranger(rig)
        rig.arrive(0, 3)
        await rig.run(SETTLED_S)
        for _ in range(40):
            stranger.repeat(GRANTS, recorded_s)
            await rig.run(0.5)
            assert max(rig.grants_a) <= 15
        assert rig.longest_over_s == 0

    GroupRig(tmp_path, group_key="correct horse").play(story)


def test_old_answers_are_not_a_members(tmp_path):
    """Given a slave that is cut off, when somebody repeats its answers, then it still counts as lost."""

    async def story(rig):
        await rig.charge()
        rig.slaves[0].uart.cut = True
        stranger = Stranger(rig)
        rig.wire.watch = (b"\x65\x04\x00\x00", lambda: stranger.repeat(b"\x65\x04\x14", now_s()))
        await rig.run(45)
        assert not rig.group.members[1].online
        assert rig.grants_a[1] == 10
        assert rig.longest_over_s == 0

    GroupRig(tmp_path, group_key="correct horse").play(story)


def test_another_key_is_told(tmp_path):
    """Given a slave with another key, then it is named and stays on its fallback current."""

    async def story(rig):
        rig.slaves[2].cut_power()
        rig.slaves[2].settings.change({"group_key": "something else"})
        rig.slaves[2].start()
        rig.arrive(0, 3)
        await rig.run(50)
        assert rig.group.members[3].trouble == "has another key"
        assert rig.grants_a[3] == 10
        assert rig.group.members[1].online

    GroupRig(tmp_path, group_key="correct horse").play(story)


def _nonsense(dice, heads) -> bytes:
    """A frame with a good CRC that nobody sealed."""
    body = bytearray(dice.choice(heads) + dice.randbytes(dice.choice((2, 8, 14, 17, 26, 60))))
    if body[1] == 16:
        body[4:7] = len(body[7:]).to_bytes(3, "big")
        body[4:6] = (len(body[7:]) // 2).to_bytes(2, "big")
    body += b"\0\0"
    return bytes(body[: append_crc(body, len(body) - 2)])


def test_nonsense_on_the_wire_moves_nobody(tmp_path):
    """Given well-formed frames of a stranger, to any register, then all go on as before."""
    heads = [bytes((to, 16, high, low)) for to in (0, 101, 247) for high, low in _REGISTERS]
    heads += [bytes((101, 4, high, low)) for high, low in _REGISTERS]

    async def story(rig):
        await rig.charge()
        stranger = WireUart(rig.wire)
        for _ in range(80):
            stranger.write(_nonsense(rig.wire.dice, heads))
            await rig.run(rig.wire.dice.choice((0.25, 0.5, 0.75)))
            assert sum(rig.grants_a) <= 60
        assert rig.longest_over_s == 0
        await rig.run(SETTLED_S)
        assert rig.grants_a == [15, 15, 15, 15]

    GroupRig(tmp_path, group_key="correct horse").play(story)
