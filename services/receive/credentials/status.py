"""Token status lists (draft-ietf-oauth-status-list): one bit pair for each credential, whether it is still good."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import Any, Final

from services.receive.credentials import jws
from services.receive.credentials.disclosures import packed, unpacked
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.verifying import StatusReference, Trust

TYPE: Final = "statuslist+jwt"
MEDIA_TYPE: Final = "application/statuslist+jwt"
BITS: Final = 2
PLACE_BITS: Final = 17
PLACES: Final = 1 << PLACE_BITS
"""Of one list: so many that its entry tells nobody which credential was looked up."""
TTL: Final = timedelta(minutes=5)
"""How long a verifier may keep a list before it asks again: so long what was taken back may be believed."""
LIVES: Final = timedelta(hours=24)
"""How long a signed list holds: so long verifiers go on while we are down."""
LIST_BYTES_MAX: Final = 1 << 20
_LEFT: Final = PLACE_BITS // 2
_RIGHT: Final = PLACE_BITS - _LEFT
_ROUNDS: Final = 8


class Status(IntEnum):
    """Token Status List §7.1."""

    VALID = 0
    INVALID = 1
    """Taken back for good."""
    SUSPENDED = 2
    """For now."""


def drawn_place(seed: bytes, count: int) -> int:
    """The place of the `count`-th credential of a list (from 0): each place comes once, in an order that nobody knows
    who does not have the seed. A Feistel network over 17 bits, whose rounds are keyed hashes."""
    assert 0 <= count < PLACES
    left, right = count >> _RIGHT, count & ((1 << _RIGHT) - 1)
    for turn in range(0, _ROUNDS, 2):
        left ^= _hashed(seed, turn, right) & ((1 << _LEFT) - 1)
        right ^= _hashed(seed, turn + 1, left) & ((1 << _RIGHT) - 1)
    return left << _RIGHT | right


def _hashed(seed: bytes, turn: int, half: int) -> int:
    return int.from_bytes(hashlib.blake2s(bytes([turn]) + half.to_bytes(2), key=seed, digest_size=4).digest())


def packed_list(statuses: Mapping[int, int], *, bits: int = BITS, places: int = PLACES) -> str:
    """`lst`: all places, the first in the lowest bits of the first byte, by zlib and base64url (§4.1)."""
    content = bytearray(places * bits // 8)
    for place, status in statuses.items():
        byte, at = divmod(place * bits, 8)
        content[byte] |= status << at
    return packed(zlib.compress(bytes(content), 9))


@cache
def nothing_valid() -> str:
    """`lst` of a list in which every place is INVALID."""
    return packed_list(dict.fromkeys(range(PLACES), int(Status.INVALID)))


def sign_list(uri: str, lst: str, key: SigningKey, issuer: str, at: datetime) -> str:
    """The Status List Token (§5.1) over a :func:`packed_list`."""
    now = int(at.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": uri,
        "iat": now,
        "exp": now + int(LIVES.total_seconds()),
        "ttl": int(TTL.total_seconds()),
        "status_list": {"bits": BITS, "lst": lst},
    }
    return jws.sign({"typ": TYPE}, claims, key)


def read_status(token: str, asked: StatusReference, issuer: str, trust: Trust, now: datetime) -> Status:
    """What the list says of that place (§8.3). The list must be the issuer's who signed the credential.

    Raises :class:`CredentialRefused` with STATUS_UNKNOWN for whatever cannot be believed: a credential whose status
    nobody knows is not a good one.
    """
    try:
        signed = jws.read(token)
        claims = signed.payload
        told = claims["status_list"]
        if signed.typ != TYPE or claims["sub"] != asked.uri or claims["iss"] != issuer:
            raise CredentialRefused(Why.STATUS_UNKNOWN)
        signed.verify(trust.key(issuer, signed.header.get("kid"), datetime.fromtimestamp(claims["iat"], UTC)))
        if claims["exp"] <= now.timestamp() or told["bits"] not in (1, 2, 4, 8):
            raise CredentialRefused(Why.STATUS_UNKNOWN)
        return _entry(_unpacked_list(told["lst"]), told["bits"], asked.index)
    except (jws.NotSigned, KeyError, TypeError, ValueError, OverflowError, OSError, zlib.error):
        raise CredentialRefused(Why.STATUS_UNKNOWN) from None


def _unpacked_list(lst: str) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(unpacked(lst), LIST_BYTES_MAX)
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ValueError("it is too large, or broken off")
    return content


def _entry(content: bytes, bits: int, place: int) -> Status:
    byte, at = divmod(place * bits, 8)
    if byte >= len(content):
        raise ValueError("there is no such place")
    return Status(content[byte] >> at & ((1 << bits) - 1))  # another value is none that we know
