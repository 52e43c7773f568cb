"""Disclosures (RFC 9901 §4.2): a salt, a name and a value, of which the signed part holds the digest alone.

Both sides of it: :func:`conceal` makes digests and disclosures of claims, :func:`reveal` puts back those that came.
"""

from __future__ import annotations

import base64
import hashlib
import os
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from services.receive.credentials.errors import CredentialRefused, Why

HASH: Final = "sha-256"
"""The `_sd_alg` that we make, and the one that we take; it is also what its absence means (RFC 9901 §4.1.1)."""
DIGESTS: Final = "_sd"
ELEMENT: Final = "..."
HASH_NAME: Final = "_sd_alg"
RESERVED: Final = frozenset({DIGESTS, ELEMENT})
SALT_BYTES: Final = 16
DEPTH_MAX: Final = 24
DISCLOSURES_MAX: Final = 2_000
_SALT_CHARACTERS: Final = 22
_DIGEST_CHARACTERS: Final = 43
_SALTS_DRAWN: Final = 16
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_sha256: Final = hashlib.sha256

Path: TypeAlias = tuple[str | int, ...]
"""Where a claim stands: names, and of an array the position among all its elements, hidden ones too."""


@dataclass(slots=True)
class Disclosable:
    """A value (of an object's member, or of an array's element) that its holder may keep to themselves."""

    value: Any


_NESTED: Final = frozenset({dict, list, Disclosable})


@dataclass(frozen=True, slots=True)
class Revealed:
    """What is left when the disclosures are in their places."""

    claims: dict[str, Any]
    paths: dict[str, Path]
    """Each disclosure, as it was written, by where it stands."""


def packed(data: bytes) -> str:
    """Base64url without padding."""
    return _packed(data).rstrip(b"=").decode("ascii")


def unpacked(text: str) -> bytes:
    """Raises ValueError for what is not base64url in its one spelling."""
    found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if packed(found) != text:
        raise ValueError("not in its one spelling")
    return found


def digest_of(disclosure: str) -> str:
    """Over the text as it came, never over what it says: JSON has many spellings."""
    return packed(_sha256(disclosure.encode("ascii")).digest())


def conceal(
    claims: Mapping[str, Any], *, decoys: int = 0, random: Callable[[int], bytes] = os.urandom
) -> tuple[dict[str, Any], list[str]]:
    """The payload, with digests for what is :class:`Disclosable`, and the disclosures.

    Digests of an object stand in their alphabetical order, which tells nothing of the claims' own; each object that
    has any gets so many `decoys`, digests of nothing, which hide how many claims there are. Raises ValueError for a
    claim named `_sd`, `...` or, at the top, `_sd_alg`.
    """
    if HASH_NAME in claims:
        raise ValueError(f"`{HASH_NAME}` is no claim")
    concealing = _Concealing(decoys, random)
    payload = concealing.members(claims)
    if concealing.disclosures:
        payload[HASH_NAME] = HASH
    return payload, concealing.disclosures


class _Concealing:
    """Takes its salts and decoys from few readings of the system's randomness: a call for each costs more than the
    rest."""

    def __init__(self, decoys: int, random: Callable[[int], bytes]) -> None:
        self.disclosures: list[str] = []
        self._decoys, self._random = decoys, random
        self._salts: list[str] = []

    def members(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        digests: list[str] = []
        for name, value in claims.items():
            if name in RESERVED:
                raise ValueError(f"`{name}` is no name of a claim")
            kind = type(value)
            if kind is Disclosable:
                inner = value.value
                told = self.value(inner) if type(inner) in _NESTED else inner
                digests.append(self._hidden([self._salt(), name, told]))
            else:
                made[name] = self.value(value) if kind in _NESTED else value
        if digests:
            if self._decoys:
                digests.extend(self._nothing())
            digests.sort()
            made[DIGESTS] = digests
        return made

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.members(value)
        if isinstance(value, list):
            return [
                {ELEMENT: self._hidden([self._salt(), self.value(one.value)])}
                if type(one) is Disclosable
                else self.value(one)
                for one in value
            ]
        if isinstance(value, Disclosable):
            raise ValueError("what is disclosable stands in an object or an array")  # noqa: TRY004 - as for other claims that are none
        return value

    def _hidden(self, parts: list[Any]) -> str:
        disclosure = _packed(orjson.dumps(parts)).rstrip(b"=")
        self.disclosures.append(disclosure.decode("ascii"))
        return _packed(_sha256(disclosure).digest())[:_DIGEST_CHARACTERS].decode("ascii")

    def _nothing(self) -> list[str]:
        """Decoys: 32 random bytes, which nobody can tell from a digest."""
        drawn = self._random(32 * self._decoys)
        every = range(0, len(drawn), 32)
        return [_packed(drawn[at : at + 32])[:_DIGEST_CHARACTERS].decode("ascii") for at in every]

    def _salt(self) -> str:
        if not self._salts:
            # 18 bytes are 24 characters, 22 of which hold 132 bits: more than the 128 that RFC 9901 §9.3 asks for
            drawn = _packed(self._random(18 * _SALTS_DRAWN)).decode("ascii")
            self._salts = [drawn[at : at + _SALT_CHARACTERS] for at in range(0, len(drawn), 24)]
        return self._salts.pop()


def _packed(data: bytes) -> bytes:
    """Base64url with its padding; the standard library's own function for it takes three times as long."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE)


def reveal(payload: Mapping[str, Any], disclosures: Sequence[str]) -> Revealed:
    """The claims, each disclosure in its place (RFC 9901 §7.1). Raises :class:`CredentialRefused`."""
    if len(disclosures) > DISCLOSURES_MAX:
        raise CredentialRefused(Why.TOO_LARGE)
    if len(set(disclosures)) < len(disclosures):
        raise CredentialRefused(Why.DISCLOSURE_REPEATED)
    if payload.get(HASH_NAME, HASH) != HASH:
        raise CredentialRefused(Why.ALGORITHM)
    revealing = _Revealing({digest_of(one): one for one in disclosures})
    claims = revealing.members({name: value for name, value in payload.items() if name != HASH_NAME}, ())
    if len(revealing.paths) < len(disclosures):
        raise CredentialRefused(Why.DISCLOSURE_INVENTED)
    return Revealed(claims, revealing.paths)


class _Revealing:
    def __init__(self, given: Mapping[str, str]) -> None:
        self.paths: dict[str, Path] = {}
        self._given = given
        self._seen: set[str] = set()

    def members(self, claims: Mapping[str, Any], path: Path) -> dict[str, Any]:
        if ELEMENT in claims:
            raise CredentialRefused(Why.CLAIM_NAME)
        made = {name: self.value(value, (*path, name)) for name, value in claims.items() if name != DIGESTS}
        digests = claims.get(DIGESTS, [])
        if not isinstance(digests, list):
            raise CredentialRefused(Why.MALFORMED)
        for digest in digests:
            if (found := self._find(digest, parts=3)) is None:
                continue
            disclosure, (_, name, value) = found
            if not isinstance(name, str):
                raise CredentialRefused(Why.DISCLOSURE_MALFORMED)
            if name in RESERVED:
                raise CredentialRefused(Why.CLAIM_NAME)
            if name in made:
                raise CredentialRefused(Why.CLAIM_OVERWRITTEN)
            self.paths[disclosure] = (*path, name)
            made[name] = self.value(value, (*path, name))
        return made

    def value(self, value: Any, path: Path) -> Any:
        if len(path) > DEPTH_MAX:
            raise CredentialRefused(Why.TOO_LARGE)
        if isinstance(value, dict):
            return self.members(value, path)
        return self._elements(value, path) if isinstance(value, list) else value

    def _elements(self, elements: list[Any], path: Path) -> list[Any]:
        made = []
        for at, element in enumerate(elements):
            if not isinstance(element, dict) or ELEMENT not in element:
                made.append(self.value(element, (*path, at)))
                continue
            if len(element) > 1:
                raise CredentialRefused(Why.MALFORMED)
            if (found := self._find(element[ELEMENT], parts=2)) is not None:
                disclosure, (_, value) = found
                self.paths[disclosure] = (*path, at)
                made.append(self.value(value, (*path, at)))
        return made

    def _find(self, digest: object, parts: int) -> tuple[str, list[Any]] | None:
        """What was disclosed for a digest; None where its holder kept it, or it is a decoy."""
        if not isinstance(digest, str):
            raise CredentialRefused(Why.MALFORMED)
        if digest in self._seen:
            raise CredentialRefused(Why.DIGEST_REPEATED)
        self._seen.add(digest)
        disclosure = self._given.get(digest)
        if disclosure is None:
            return None
        try:
            told = orjson.loads(unpacked(disclosure))
        except ValueError:
            raise CredentialRefused(Why.DISCLOSURE_MALFORMED) from None
        if not isinstance(told, list) or len(told) != parts or not isinstance(told[0], str):
            raise CredentialRefused(Why.DISCLOSURE_MALFORMED)
        return disclosure, told
