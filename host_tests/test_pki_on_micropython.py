"""Keys, requests and certificates by the board's own interpreter, with its words of 32 bits."""

import subprocess
from pathlib import Path

from authority import Authority, pem
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(__file__).parent.parent
MICROPYTHON = ROOT / "build" / "micropython" / "micropython32"
REQUEST = """
import asyncio, sys
sys.path.insert(0, "lib")
from pki import request
print(asyncio.run(request.make("SN-1", "Lade AG"))[1])
"""
CHECK = """
import asyncio, sys
sys.path.insert(0, "lib")
from pki import certificate, der, signature
own, issuer = [certificate.Certificate(block) for block in der.from_pem(sys.stdin.read())]
print(asyncio.run(signature.is_issued(own, issuer)), own.not_after_s, own.serial)
"""


def by_micropython(script: str, text: str = "") -> str:
    """What a script prints."""
    command = [MICROPYTHON, "-X", "heapsize=128k", "-c", script]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    return done.stdout


def test_a_request_made_there_is_signed_by_its_key():
    made = x509.load_pem_x509_csr(by_micropython(REQUEST).encode())
    assert made.is_signature_valid
    assert made.subject.rfc4514_string() == "CN=SN-1,O=Lade AG"


def test_who_issued_a_certificate_is_seen_there():
    for key in (None, rsa.generate_private_key(65537, 2048)):
        root = Authority(key=key)
        own = root.issue("CP", root.key.public_key())
        end_s = int(own.not_valid_after_utc.timestamp())
        expected = "True %d %x\n" % (end_s, own.serial_number)
        assert by_micropython(CHECK, pem(own, root.certificate)) == expected
        other = Authority(key=key).issue("CP", root.key.public_key())
        stranger = Authority().certificate
        assert by_micropython(CHECK, pem(other, stranger)).startswith("False")
