"""Stories of plug and lock in a socket outlet whose supply was cut."""

import asyncio

from rig import Rig, charging

SOCKET = {"cable_or_socket": "Socket"}
PERMANENT = {**SOCKET, "permanent_lock": True}


def boot_again(rig):
    """The supply was cut and is back."""
    rig.coil(0)
    rig.world.expander_outputs = 0xFF
    rig.make_firmware()


def test_after_a_power_cut_a_locked_plug_is_freed(tmp_path):
    rig = Rig(tmp_path, settings=SOCKET)
    rig.play(charging)
    assert rig.world.lock.closed
    boot_again(rig)

    async def story(rig):
        booted_ms = rig.car()
        await asyncio.sleep(3)
        assert not rig.saw("lock", False, booted_ms)  # the session may go on
        recovered_ms = rig.car()
        rig.charger.recover()
        await asyncio.sleep(2)
        assert rig.when("lock", False, booted_ms) - recovered_ms <= 1000

    rig.play(story)


def test_after_a_power_cut_a_session_that_goes_on_keeps_its_plug_locked(tmp_path):
    rig = Rig(tmp_path, settings=SOCKET)
    rig.play(charging)
    boot_again(rig)

    async def story(rig):
        booted_ms = rig.car()
        rig.charger.resumes = True
        await asyncio.sleep(3)
        rig.charger.recover()
        await asyncio.sleep(10)
        assert rig.charger.status == "Charging"
        assert not rig.saw("lock", False, booted_ms)

    rig.play(story)


def test_after_a_power_cut_a_permanently_locked_plug_stays(tmp_path):
    rig = Rig(tmp_path, settings=PERMANENT)
    rig.play(charging)
    boot_again(rig)

    async def story(rig):
        booted_ms = rig.car(plugged=False)
        await asyncio.sleep(5)
        assert rig.world.lock.closed
        assert not rig.saw("lock", False, booted_ms)

    rig.play(story)


def test_contacts_that_welded_are_found_at_the_next_start_and_the_plug_stays_locked(tmp_path):
    rig = Rig(tmp_path, settings=SOCKET)

    async def first(rig):
        await charging(rig)
        rig.world.change("faults", {"welded_contactor"})

    rig.play(first)
    boot_again(rig)

    async def second(rig):
        booted_ms = rig.car()
        await asyncio.sleep(0.9)
        assert rig.charger.faults == []
        await asyncio.sleep(0.4)
        assert rig.charger.faults == ["welded_contactor"]
        rig.car(plugged=False)
        await asyncio.sleep(10)
        assert not rig.saw("lock", False, booted_ms)

    rig.play(second)
