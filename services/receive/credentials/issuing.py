"""Many credentials of one type at once, such as :func:`~.sd_jwt.issue` makes one by one.

What is done for each disclosure alone (JSON, two encodings, a hash) costs more in calls than in work. So a batch goes
by levels: of all its credentials first the disclosures that hold no others, then those that hold these, and so on; each
level is written and encoded in few calls. Where disclosures stand is worked out once for a type, and what all have in
common is written once.
"""

from __future__ import annotations

import gc
import hashlib
import os
from binascii import b2a_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, pairwise, repeat
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from services.receive.credentials.disclosures import DIGESTS, ELEMENT, HASH, HASH_NAME, RESERVED
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.sd_jwt import IN_THE_OPEN, TYPE, head_of

AT_ONCE: Final = 200
"""Credentials that go through the levels together: enough that calls cost little, few enough to lie in a cache."""
_SALT_CHARACTERS: Final = 22
_SALT_BYTES: Final = 18
_SALT_STEP: Final = 24
_SALTS_DRAWN: Final = 256
_DIGEST_BYTES: Final = 32
_DIGEST_STEP: Final = 44
_DIGEST_CHARACTERS: Final = 43
_HALF_BYTES: Final = 32
_BREAK: Final = orjson.Fragment(b"\n")
"""Between what is written in one call: no JSON that orjson writes holds a line break, so it comes apart there."""
_APART: Final = b",\n,"
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_sha256: Final = hashlib.sha256


@dataclass(slots=True)
class _Step:
    """A place in the claims: whether what stands there is hidden, and what is within it."""

    hidden: bool = False
    members: dict[str, _Step] = field(default_factory=dict)
    each: _Step | None = None
    level: int = 0
    """Of the disclosure: how many others can be within it, one in the other."""
    inner: int = -1
    """The highest level of what is within; -1 where nothing is hidden."""
    leaves: frozenset[str] = frozenset()
    """Members that are hidden, with nothing hidden in them: most are."""
    others: tuple[tuple[str, _Step], ...] = ()

    def settle(self) -> int:
        """Works the levels out; answers the highest, this one's own included."""
        within = [one.settle() for one in (*self.members.values(), *([self.each] if self.each else []))]
        self.inner = max(within, default=-1)
        self.level = self.inner + 1
        self.leaves = frozenset(name for name, one in self.members.items() if one.hidden and one.inner < 0)
        self.others = tuple((name, one) for name, one in self.members.items() if one.inner >= 0)
        return self.level if self.hidden else self.inner


@dataclass(frozen=True, slots=True)
class Filling:
    """What one credential says: its claims, by the type's names, and what is in the open beside what all have."""

    claims: Mapping[str, Any]
    open: Mapping[str, Any]
    """`status`, one at least; and `cnf`, where the holder's key is known."""


class Mould:
    """A type of credential, by the patterns of what can be kept back (None is every element of an array)."""

    def __init__(self, patterns: Sequence[tuple[str | None, ...]], *, decoys: int = 0) -> None:
        """Raises ValueError for a pattern that hides what must stand in the open, or that leads nowhere."""
        self._top = _Step()
        self._decoys = decoys
        for pattern in patterns:
            if not pattern or pattern[0] is None or (len(pattern) == 1 and pattern[0] in IN_THE_OPEN):
                raise ValueError("what says whose credential it is stands in the open")
            _step_of(self._top, pattern).hidden = True
        self._levels = self._top.settle() + 1

    def cast(
        self,
        common: Mapping[str, Any],
        each: Sequence[Filling],
        key: SigningKey,
        *,
        random: Callable[[int], bytes] = os.urandom,
    ) -> Iterator[bytes]:
        """The credentials, in their order. `common` is what all say in the open: `iss`, `vct`, times.

        Raises ValueError for a claim named `_sd`, `...` or, at the top, as one of the host's (RFC 9901 §4.2.1). Within
        values to which no pattern leads the caller has looked for such names.
        """
        opening = orjson.dumps({**common, HASH_NAME: HASH})[:-1] + b","
        opening += b" " * (-len(opening) % 3)  # JSON minds no space, and base64 goes by threes
        reserved = frozenset({*common, HASH_NAME})
        head = head_of(key.kid, TYPE).encode("ascii") + b"." + _packed(opening)
        sign = key.private.sign
        for first in range(0, len(each), AT_ONCE):
            casting = _Casting(self._levels, self._decoys, random)
            with _uncollected():
                payloads = casting.payloads(each[first : first + AT_ONCE], self._top, reserved)
                rests = _encoded([payload[1:] for payload in _written(payloads)])
            for rest, disclosures in zip(rests, casting.disclosures(), strict=True):
                signed = head + rest
                yield b"~".join((signed + b"." + _packed(_raw(sign(signed, _ECDSA))), *disclosures, b""))


class _Casting:
    """One turn of a :class:`Mould`: its disclosures by level, and where their digests go."""

    def __init__(self, levels: int, decoys: int, random: Callable[[int], bytes]) -> None:
        self._decoys, self._random = decoys, random
        self._salt = _salts(random).__next__
        self._parts: list[list[tuple[Any, ...]]] = [[] for _ in range(levels)]
        self._into: list[list[tuple[list[Any], int, bool]]] = [[] for _ in range(levels)]
        """For the parts of a level, in their order: the digests of an object, or an array (True) whose elements are
        hidden, and how many parts are theirs."""
        self._lists: list[list[list[str]]] = [[] for _ in range(levels)]
        """Digests of an object, by the level at which the last of them is known."""
        self._ends: list[list[int]] = [[0] * levels]
        """How many parts each level has, before and after each credential."""
        self._lines: list[list[bytes]] = []

    def payloads(self, each: Sequence[Filling], top: _Step, reserved: frozenset[str]) -> list[dict[str, Any]]:
        """What each signs, beside what is common."""
        made = []
        for filling in each:
            if not reserved.isdisjoint(filling.claims) or not filling.open.keys().isdisjoint(filling.claims):
                raise ValueError("a claim has a name that is the host's")
            payload = self._members(filling.claims, top)
            payload.update(filling.open)
            self._ends.append([len(parts) for parts in self._parts])
            made.append(payload)
        self._hash()
        return made

    def disclosures(self) -> Iterator[list[bytes]]:
        """Of each credential, those first that hold others."""
        highest_first = range(len(self._lines) - 1, -1, -1)
        for begins, ends in pairwise(self._ends):
            yield [line for level in highest_first for line in self._lines[level][begins[level] : ends[level]]]

    def _members(self, claims: Mapping[str, Any], step: _Step) -> dict[str, Any]:
        if not RESERVED.isdisjoint(claims):
            raise ValueError("a claim has a name that the format needs")
        salt, leaves = self._salt, step.leaves
        hidden = [(salt(), name, value) for name, value in claims.items() if name in leaves]
        if len(hidden) == len(claims):
            made: dict[str, Any] = {}
        else:
            made = {name: value for name, value in claims.items() if name not in leaves}
        digests: list[str] = []
        if hidden:
            self._parts[0] += hidden
            self._into[0].append((digests, len(hidden), False))
        for name, inner in step.others:
            if name in made:
                told = self._value(made[name], inner)
                if inner.hidden:
                    del made[name]
                    self._parts[inner.level].append((salt(), name, told))
                    self._into[inner.level].append((digests, 1, False))
                else:
                    made[name] = told
        if hidden or len(made) < len(claims):
            made[DIGESTS] = digests
            self._lists[step.inner].append(digests)
        return made

    def _value(self, value: Any, step: _Step) -> Any:
        if isinstance(value, dict):
            return self._members(value, step) if step.members else value
        each = step.each
        if each is None or not isinstance(value, list):
            return value
        told = [self._value(one, each) for one in value] if each.inner >= 0 else value
        if not each.hidden:
            return told
        salt = self._salt
        digests: list[Any] = []
        self._parts[each.level] += [(salt(), one) for one in told]
        self._into[each.level].append((digests, len(told), True))
        return digests

    def _hash(self) -> None:
        for parts, into, lists in zip(self._parts, self._into, self._lists, strict=True):
            lines = _encoded(_written(parts))
            digests = _in_43(b"\x00".join([_sha256(line).digest() for line in lines]) + b"\x00") if lines else []
            at = 0
            for place, count, is_array in into:
                found = digests[at : at + count]
                place.extend([{ELEMENT: digest} for digest in found] if is_array else found)
                at += count
            self._lines.append(lines)
            self._finish(lists)

    def _finish(self, lists: list[list[str]]) -> None:
        """Decoys, digests of nothing, and an order that tells nothing of the claims' own."""
        wanted = self._decoys * len(lists)
        drawn = bytearray(self._random((_DIGEST_BYTES + 1) * wanted))
        drawn[_DIGEST_BYTES :: _DIGEST_BYTES + 1] = bytes(wanted)  # as a digest ends, or it could be told from one
        nothing, at = _in_43(drawn), 0
        for digests in lists:
            digests.extend(nothing[at : at + self._decoys])
            digests.sort()
            at += self._decoys


@contextmanager
def _uncollected() -> Iterator[None]:
    """For a few milliseconds in which thousands of small objects are made that hold no cycles: the collector would look
    at each of them, and at whatever else the process holds, for nothing."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _step_of(top: _Step, pattern: Sequence[str | None]) -> _Step:
    found = top
    for name in pattern:
        if name is None:
            if found.each is None:
                found.each = _Step()
            found = found.each
        else:
            found = found.members.setdefault(name, _Step())
    return found


def _written(what: Sequence[Any]) -> list[bytes]:
    """Each as JSON, by one call."""
    if not what:
        return []
    return orjson.dumps(list(chain.from_iterable(zip(what, repeat(_BREAK)))))[1:-3].split(_APART)


def _encoded(each: Sequence[bytes]) -> list[bytes]:
    """Each in base64url without padding; the lines that the encoder ends keep them apart."""
    return b"".join(map(b2a_base64, each)).replace(b"=", b"").translate(_URL_SAFE).split(b"\n")[:-1]


def _in_43(padded: bytes | bytearray) -> list[str]:
    """Digests in base64url, each of which a zero follows: so all are as long, and without padding."""
    text = _packed(padded).decode("ascii")
    return [text[at : at + _DIGEST_CHARACTERS] for at in range(0, len(text), _DIGEST_STEP)]


def _salts(random: Callable[[int], bytes]) -> Iterator[str]:
    """Of 132 bits each: more than the 128 that RFC 9901 §9.3 asks for."""
    while True:
        drawn = _packed(random(_SALT_BYTES * _SALTS_DRAWN)).decode("ascii")
        yield from [drawn[at : at + _SALT_CHARACTERS] for at in range(0, len(drawn), _SALT_STEP)]


def _packed(data: bytes | bytearray) -> bytes:
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def _raw(signature: bytes) -> bytes:
    """Both halves in 32 bytes (RFC 7518 §3.4) of an ECDSA signature in DER: a sequence of two integers, each at most 33
    bytes long, so that every length stands in one byte."""
    end = 4 + signature[3]
    first, second = signature[4:end], signature[end + 2 :]
    return first[-_HALF_BYTES:].rjust(_HALF_BYTES, b"\x00") + second[-_HALF_BYTES:].rjust(_HALF_BYTES, b"\x00")
