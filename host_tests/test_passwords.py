"""Passwords: what is stored of them, and that checking one never holds the loop."""

import asyncio
import hashlib
from base64 import b64decode

import pytest
import virtual_time
from auth import passwords
from core import setting_default


def run(coroutine):
    """The result of a coroutine, in virtual time."""
    return virtual_time.run(coroutine)


def test_what_is_stored_is_pbkdf2_as_others_compute_it():
    stored = run(passwords.hashed("correct horse")).decode()
    empty, kind, rounds, salt, key = stored.split("$")
    assert (empty, kind, int(rounds)) == ("", "pbkdf2-sha256", passwords.ROUNDS)
    salt = b64decode(salt)
    assert len(salt) == 16
    assert b64decode(key) == hashlib.pbkdf2_hmac("sha256", b"correct horse", salt, int(rounds))


@pytest.mark.parametrize("password", ["x", "ü" * 8, "a" * 64, "a" * 65, "a" * 200])
@pytest.mark.parametrize("rounds", [1, 2, 50])
def test_a_key_of_any_password(password, rounds):
    expected = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", rounds)
    assert run(passwords.key_of(password, b"salt", rounds)) == expected


def test_the_same_password_has_another_salt_each_time_and_is_found_again():
    first, second = (run(passwords.hashed("correct horse")) for _ in range(2))
    assert first != second
    assert run(passwords.hashed("correct horse", first.decode())) == first
    assert run(passwords.hashed("correct house", first.decode())) != first


@pytest.mark.parametrize("stored", ["", "$", "$pbkdf2-sha256$many$c2FsdA==$", "$a$b$c$d$e"])
def test_a_damaged_password_fits_none(stored):
    assert run(passwords.hashed("correct horse", stored)).decode() != stored


def test_the_loop_goes_round_while_a_password_is_stretched(monkeypatch):
    real = hashlib.sha256

    def slow(data):
        virtual_time.clock.now_us += 1000
        return real(data)

    turns = []

    async def others():
        while True:
            turns.append(virtual_time.clock.now_us)
            await asyncio.sleep(0)

    async def story():
        task = asyncio.create_task(others())
        await passwords.hashed("correct horse")
        task.cancel()

    monkeypatch.setattr(hashlib, "sha256", slow)
    run(story())
    held_us = [after - before for before, after in zip(turns, turns[1:], strict=False)]
    assert len(held_us) > 20
    assert max(held_us) <= 10_000


@pytest.mark.parametrize(
    ("key", "text"), [("operator_login", "etec"), ("manufacturer_password", "40000003")]
)
def test_the_factorys_logins_are_the_defaults_of_the_settings(key, text):
    assert setting_default.of(key) == text
