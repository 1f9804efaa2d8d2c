"""The hotspot's name server: every name is the controller's, and no packet upsets it."""

import random
import socket
import struct
import subprocess

import pytest
from install import ROOT
from net.captive_dns import NameServer, answer
from net_rig import free_udp_port

IP = "192.168.4.1"
MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"
A, AAAA, ANY = 1, 28, 255


def name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def query(host="captive.apple.com", kind=A, flags=0x0100, counts=(1, 0, 0, 0), group=1, more=b""):
    head = struct.pack(">6H", 0x1234, flags, *counts)
    return head + name(host) + struct.pack(">2H", kind, group) + more


def parts(text):
    number, flags, questions, answers, authorities, others = struct.unpack(">6H", text[:12])
    return number, flags, (questions, answers, authorities, others), text[12:]


@pytest.mark.parametrize("kind", [A, ANY])
@pytest.mark.parametrize("host", ["captive.apple.com", "x", "a." * 100 + "com", "q" * 63 + ".de"])
def test_every_name_is_the_controllers(host, kind):
    asked = query(host, kind)
    number, flags, counts, rest = parts(answer(asked, IP))
    assert (number, counts) == (0x1234, (1, 1, 0, 0))
    assert flags == 0x8580  # an answer, authoritative, recursion as asked, no error
    assert (
        rest == asked[12:] + b"\xc0\x0c" + struct.pack(">2HIH", 1, 1, 1, 4) + b"\xc0\xa8\x04\x01"
    )


@pytest.mark.parametrize(("kind", "group"), [(AAAA, 1), (65, 1), (15, 1), (A, 3)])
def test_there_is_nothing_else_under_a_name(kind, group):
    asked = query(kind=kind, group=group)
    _, flags, counts, rest = parts(answer(asked, IP))
    assert (flags, counts, rest) == (0x8580, (1, 0, 0, 0), asked[12:])


def test_an_extension_of_the_query_is_left_aside():
    option = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    _, _, counts, rest = parts(answer(query(counts=(1, 0, 0, 1), more=option), IP))
    assert counts == (1, 1, 0, 0)
    assert option not in rest


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\0" * 11,
        b"\0" * 600,
        query(flags=0x8100),  # an answer: two servers would talk for ever
        query(flags=0x2800),  # an update
        query(counts=(0, 0, 0, 0)),
        query(counts=(2, 0, 0, 0)),
        query(counts=(1, 1, 0, 0)),
        query()[:-1],
        query()[:20],
        query("a." * 130 + "de"),
        query()[:12] + b"\xc0\x0c\0\1\0\1",  # a name that points at itself
        query()[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
        query(more=b"x" * 500),
    ],
)
def test_what_is_no_query_gets_no_answer(packet):
    assert answer(packet, IP) is None


def test_100000_random_packets_are_survived():
    chance = random.Random(4)
    answered = 0
    for turn in range(100_000):
        packet = bytearray(query(counts=(1, 0, 0, turn % 2)) if turn % 2 else b"")
        if not packet:
            packet = bytearray(chance.randbytes(chance.randrange(0, 600)))
        for _ in range(chance.randrange(0, 4)):
            if packet:
                packet[chance.randrange(len(packet))] = chance.randrange(256)
        found = answer(
            bytes(packet[: chance.randrange(len(packet) + 1)] if turn % 5 == 0 else packet), IP
        )
        if found:
            answered += 1
            assert len(found) <= len(packet) + 16 and found[:2] == packet[:2]
    assert answered > 10_000


def test_it_answers_at_its_port_a_few_at_a_time_and_lets_go_of_it():
    port = free_udp_port()
    server = NameServer("127.0.0.1", port, IP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(0.5)
        for _ in range(6):
            phone.sendto(query(), ("127.0.0.1", port))
        phone.sendto(b"nonsense", ("127.0.0.1", port))
        server.serve()
        told = [phone.recv(512) for _ in range(4)]
        assert told == [answer(query(), IP)] * 4
        with pytest.raises(TimeoutError):
            phone.recv(512)
        server.serve()
        assert phone.recv(512) and phone.recv(512)
        server.serve()  # nothing there
    with pytest.raises(OSError):
        NameServer("127.0.0.1", port, IP)
    server.close()
    NameServer("127.0.0.1", port, IP).close()


def test_on_micropython_100000_packets_leave_the_heap_as_it_was():
    script = ROOT / "host_tests" / "on_device" / "fuzz_names.py"
    command = [MICROPYTHON, "-X", "heapsize=64k", script, ROOT, "3", "100000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    count, answered, grown = map(int, done.stdout.split())
    assert count == 100_000 and grown <= 64
    assert answered > 1000  # some were queries, or only the doors were tried
