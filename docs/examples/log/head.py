"""Opens a tree head of Sitthi's access log: what it says, if one of the log's keys signed it."""

import base64
import json

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256


def opened(head, keys):
    """Size and root of a tree head, a JWS (RFC 7515) that one of the keys signed."""
    top, body, signature = head.split(".")
    told, claims, both = json.loads(b64(top)), json.loads(b64(body)), b64(signature)
    if (told["alg"], told["typ"]) != ("ES256", "sitthi-tree-head+jwt"):
        raise ValueError("no tree head")
    key = next(key for key in keys if key["kid"] == told["kid"])
    x, y, r, s = (int.from_bytes(part, "big") for part in (b64(key["x"]), b64(key["y"]), both[:32], both[32:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(utils.encode_dss_signature(r, s), f"{top}.{body}".encode(), ec.ECDSA(SHA256()))
    return claims["size"], bytes.fromhex(claims["root"])


def b64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
