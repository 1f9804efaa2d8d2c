"""The seal on a configuration's secrets, opened by another implementation."""

import asyncio
import hashlib
import hmac
import json

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from web import sealing


def test_the_seal_is_aes_cbc_and_hmac_as_others_compute_them():
    values = {"ssid_password": "x" * 63, "a": "ü", "b": 5}
    sealed = asyncio.run(sealing.seal(values, "password"))
    key = hashlib.pbkdf2_hmac(
        "sha256", b"password", bytes.fromhex(sealed["salt"]), sealed["rounds"]
    )
    cipher_key, sum_key = (hmac.digest(key, word, "sha256") for word in (b"cipher", b"sum"))
    parts = [str(sealed["rounds"]), sealed["salt"], sealed["iv"], *sealed["data"]]
    assert hmac.new(sum_key, "".join(parts).encode(), "sha256").hexdigest() == sealed["sum"]
    cipher = Cipher(algorithms.AES(cipher_key), modes.CBC(bytes.fromhex(sealed["iv"]))).decryptor()
    plain = cipher.update(bytes.fromhex("".join(sealed["data"]))).decode()
    found = {}
    for line in plain.strip().split("\n"):
        found.update(json.loads(line))
    assert found == values
