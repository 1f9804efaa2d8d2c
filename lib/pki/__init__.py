"""Certificates and signatures: X.509 and PKCS #10 in DER, ECDSA and RSA on Python's whole numbers."""
