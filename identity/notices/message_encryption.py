"""What a push service carries and cannot read: Message Encryption for Web Push (RFC 8291) over aes128gcm (RFC 8188).

Our own, in a few lines over `cryptography`: the library that does it is published as source alone, and what Sitthi
installs are wheels by their hashes.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD_SIZE: Final = 4_096
"""The whole message is one record (RFC 8291 §4)."""
TAG_BYTES: Final = 16
_LAST_RECORD: Final = b"\x02"


def encrypt(
    plain: bytes,
    to: bytes,
    auth: bytes,
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push: header and one record. `to` is the device's public key (an uncompressed point of P-256) and
    `auth` its secret, as its subscription names them. Key and salt are new for each message, unless a test names them.

    Raises ValueError for a key that is no point of the curve, and for what does not fit into a record.
    """
    if len(plain) + len(_LAST_RECORD) + TAG_BYTES > RECORD_SIZE:
        raise ValueError("a push is one record")
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    point = sender.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = sender.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), to))
    secret = _derived(shared, auth, b"WebPush: info\x00" + to + point, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\x00", 12)
    header = salt + RECORD_SIZE.to_bytes(4, "big") + len(point).to_bytes(1, "big") + point
    return header + AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
