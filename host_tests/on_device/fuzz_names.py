"""Random packets at the hotspot's name server, on MicroPython: packets, answers, bytes that the heap has grown by."""

import gc
import random
import sys

root, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, root + "/lib")

from net.captive_dns import answer  # noqa: E402

HEAD = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0"


def packet() -> bytes:
    """Half of them noise, half of them queries with some noise in them."""
    noise = bytes([random.getrandbits(8) for _ in range(random.randrange(80))])
    if random.getrandbits(1):
        return noise
    label = bytes([random.randrange(1, 70)]) + b"x" * random.randrange(1, 70)
    asked = bytearray(HEAD + label * random.randrange(1, 5) + b"\0\0\1\0\1" + noise)
    if random.getrandbits(1):
        asked[random.randrange(len(asked))] = random.getrandbits(8)
    return bytes(asked)


def used() -> int:
    """Bytes of the heap in use."""
    gc.collect()
    return gc.mem_alloc()


random.seed(seed)
for _ in range(100):
    answer(packet(), "192.168.4.1")
before, good = used(), 0
for _ in range(count):
    sent = packet()
    found = answer(sent, "192.168.4.1")
    if found:
        good += 1
        assert found[:2] == sent[:2] and len(found) <= len(sent) + 16
sent = found = None
print(count, good, used() - before)
