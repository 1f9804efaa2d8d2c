"""Random faults of a group's line, chargers and meters: never above the limit for long, and nobody forgotten."""

import random

import pytest
from group_faults_rig import STUCK_MS, World, driven_by_hand
from group_post_rig import FOLLOW_MS
from group_troubles_rig import Troubles

GROUPS = 6
FAULTS = 30
EVERY_S = 25


@pytest.mark.parametrize("seed", range(GROUPS))
def test_faults_at_random(seed, tmp_path):
    with driven_by_hand(seed):
        _live(World(random.Random(seed), tmp_path))


def _live(world):
    # Given a group with cars, when faults come and go
    troubles = Troubles(world, EVERY_S)
    troubles.run(FAULTS)
    # then no phase is above the limit for longer than a car takes to follow
    assert world.longest_over_ms <= FOLLOW_MS
    # nobody is without current while there is some
    assert world.longest_unserved_ms <= STUCK_MS
    # nobody is blamed for what the line did
    assert not world.blamed
    # and when all is well again each has its turn, and the limit is used
    troubles.calm()
    assert all(post.served for post in world.posts)
    assert world.peak_ma >= 0.9 * min(world.limit_a * 1000, world.demand_ma)
    assert world.longest_over_ms <= FOLLOW_MS
