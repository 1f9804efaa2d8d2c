"""cryptolib on CPython: AES as MicroPython has it, by the cryptography package."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class aes:
    """aes(key, 2, iv): CBC, which goes on from call to call."""

    def __init__(self, key: bytes, mode: int, iv: bytes) -> None:
        if mode != 2:
            raise ValueError("only CBC is wanted")
        cipher = Cipher(algorithms.AES(key), modes.CBC(iv))
        self._encryptor, self._decryptor = cipher.encryptor(), cipher.decryptor()

    def encrypt(self, data: bytes) -> bytes:
        """Whole blocks of 16 bytes."""
        return self._encryptor.update(data)

    def decrypt(self, data: bytes) -> bytes:
        """The same backwards."""
        return self._decryptor.update(data)
