"""What is signed of a decision: a Selective Disclosure JWT (RFC 9901).

The JWS holds no fact. It commits to each member of the decision's record by the digest of a disclosure, which is
base64url(JSON [salt, name, value]). The JWS lies in clear and outlives the person's data key; the salts are sealed with
the record. So lawful erasure, which destroys that key, leaves a signature that still verifies and digests that nobody
can try values against. The citizen shows the JWS with those disclosures that they choose.

A salt is HMAC-SHA-256(secret, name): the record keeps one secret of 32 bytes, and a salt tells nothing of another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from core.attestation.errors import AttestationInvalid

TYPE: Final = "sitthi-decision+sd-jwt"
SCHEMA: Final = "sitthi-decision/1"
"""Version of the claims; they may grow, and never change their meaning."""
ALGORITHM: Final = "sha-256"
SALT: Final = "salt"
"""The member of a record that holds the secret; it is committed to by nothing."""
REASONS: Final = "reasons"
DECIDED: Final = "decided"
"""The member that says again, under the seal, what the row says in clear."""
ONE_BY_ONE: Final = ("facts", "child")
"""Members that are told fact by fact: `facts.annual_income`, `child.birth_date`."""
_SECRET_BYTES: Final = 32
_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")
_DISCLOSURES_MAX: Final = 500


def new_secret() -> str:
    """32 random bytes, in hex."""
    return os.urandom(_SECRET_BYTES).hex()


def canonical(value: Any) -> bytes:
    """RFC 8785: orjson sorts keys by UTF-8, which is the same order for our ASCII keys; there are no fractions."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def sha256_of(value: Any) -> str:
    """Of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def members(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is committed to, by name, in the order of the names."""
    for name in sorted(record):
        value = record[name]
        if name == SALT:
            continue
        if name in ONE_BY_ONE and isinstance(value, Mapping):
            yield from ((f"{name}.{key}", value[key]) for key in sorted(value))
        else:
            yield name, value


def disclosures(record: Mapping[str, Any], reasons: Any) -> dict[str, str]:
    """The disclosure of each member of the sealed record, and of the reasons, which the row has in clear.

    Raises KeyError or ValueError for a record without a secret.
    """
    secret = bytes.fromhex(record[SALT])
    return {name: _disclosure(secret, name, value) for name, value in members({**record, REASONS: reasons})}


def digests(of: Collection[str]) -> list[str]:
    """Sorted, so that their order tells nothing (RFC 9901 §4.2.4.1)."""
    return sorted(_digest(one) for one in of)


def uncommitted(record: Mapping[str, Any], reasons: Any, claims: Mapping[str, Any]) -> list[str]:
    """The members that the claims do not commit to as they are; `?` if they commit to others besides."""
    committed = set(claims.get("_sd") or ())
    found = {name: _digest(one) for name, one in disclosures(record, reasons).items()}
    wrong = [name for name, digest in found.items() if digest not in committed]
    return wrong or (["?"] if len(committed) != len(found) else [])


def presented(token: str, chosen: Sequence[str]) -> str:
    """The JWS with the disclosures that are shown: `<JWS>~<disclosure>~…~`."""
    return "~".join((token, *chosen, ""))


def parted(document: str) -> tuple[str, tuple[str, ...]]:
    """A presentation as JWS and disclosures. Raises :class:`AttestationInvalid`."""
    token, *rest = document.strip().split("~")
    if not rest:  # the JWS alone, as it is stored
        return token, ()
    if rest[-1] or len(rest) > _DISCLOSURES_MAX:  # what follows the last tilde would be a key binding: we have none
        raise AttestationInvalid
    return token, tuple(rest[:-1])


def disclosed(claims: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """What disclosures say, by name. Raises :class:`AttestationInvalid` unless the claims commit to each of them."""
    committed = claims.get("_sd")
    if claims.get("_sd_alg") != ALGORITHM or not isinstance(committed, list) or len(set(given)) != len(given):
        raise AttestationInvalid
    found: dict[str, Any] = {}
    for one in given:
        if not one.isascii() or _digest(one) not in committed:
            raise AttestationInvalid
        name, value = _read(one)
        if name in found or name in claims or name == "...":
            raise AttestationInvalid
        found[name] = value
    return found


def _disclosure(secret: bytes, name: str, value: Any) -> str:
    salt = _base64url(hmac.digest(secret, name.encode(), hashlib.sha256))
    return _base64url(canonical([salt, name, value]))


def _digest(disclosure: str) -> str:
    return _base64url(hashlib.sha256(disclosure.encode("ascii")).digest())


def _read(disclosure: str) -> tuple[str, Any]:
    try:
        raw = base64.b64decode(disclosure + "=" * (-len(disclosure) % 4), altchars=b"-_", validate=True)
        salt, name, value = orjson.loads(raw)
    except (binascii.Error, TypeError, ValueError):
        raise AttestationInvalid from None
    if not isinstance(salt, str) or not isinstance(name, str):
        raise AttestationInvalid
    return name, value


def _base64url(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_URLSAFE, b"=").decode("ascii")
