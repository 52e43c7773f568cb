"""Many credentials of one type at once, such as :func:`~.sd_jwt.issue` makes one by one.

What is done for each disclosure alone (JSON, two encodings, a hash) costs more in calls than in work. So a batch goes
by levels: of all its credentials first the disclosures that hold no others, then those that hold these, and so on; each
level is written and encoded in few calls. What is hidden of an object is worked out once for all that have the same
names, and what all have in common is written once.
"""

from __future__ import annotations

import gc
import hashlib
import struct
from binascii import b2a_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from operator import itemgetter
from ssl import RAND_bytes
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from services.receive.credentials.disclosures import DIGESTS, ELEMENT, HASH, HASH_NAME, RESERVED
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.sd_jwt import IN_THE_OPEN, TYPE, head_of

AT_ONCE: Final = 200
"""Credentials that go through the levels together: enough that calls cost little, few enough to lie in a cache."""
_SHAPES_MAX: Final = 1_000
_SALT_BYTES: Final = 18
_SALT_CHARACTERS: Final = 24
_OPENING: Final = b'["'
"""Before each salt, in place of its first two letters: with the 22 that are left, eight times three bytes."""
_SALTED: Final = struct.Struct("32s" * 64)
"""Openings and salts as they stand in disclosures, so many at once."""
_DIGEST_BYTES: Final = 32
_DIGEST_CHARACTERS: Final = 43
_HALF_BYTES: Final = 32
_SIGNATURE_STEP: Final = 88
_SIGNATURE_CHARACTERS: Final = 86
_BREAK: Final = orjson.Fragment(b"\n")
"""Between what is written in one call: no JSON that orjson writes holds a line break, so it comes apart there."""
_APART: Final = b",\n,"
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_sha256: Final = hashlib.sha256


def _head(after_salt: bytes) -> bytes:
    """What stands between a salt and a value, in base64. JSON minds no space, and base64 goes by threes: so what is
    before the value and what is after it are encoded apart, and of a name once."""
    return _packed(after_salt + b" " * (-len(after_salt) % 3))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is done with objects at one place that have the same names."""

    told: tuple[str, ...]
    """In the open, whatever is hidden within."""
    pick: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """The values that are hidden, with nothing hidden in them: most are."""
    heads: tuple[bytes, ...]
    """Theirs, in their order."""
    others: tuple[tuple[str, _Step], ...]
    """In which, or about which, something else is hidden."""
    conceals: bool


@dataclass(slots=True)
class _Step:
    """A place in the claims: whether what stands there is hidden, and what is within it."""

    hidden: bool = False
    members: dict[str, _Step] = field(default_factory=dict)
    each: _Step | None = None
    head: bytes = b""
    level: int = 0
    """Of the disclosure: how many others can be within it, one in the other."""
    inner: int = -1
    """The highest level of what is within; -1 where nothing is hidden."""
    shapes: dict[tuple[str, ...], _Shape] = field(default_factory=dict)

    def settle(self, head: bytes) -> int:
        """Works the levels out; answers the highest, this one's own included."""
        self.head = head
        within = [one.settle(_head(b'",' + orjson.dumps(name) + b",")) for name, one in self.members.items()]
        if self.each is not None:
            within.append(self.each.settle(_head(b'",')))
        self.inner = max(within, default=-1)
        self.level = self.inner + 1
        return self.level if self.hidden else self.inner

    def shape(self, names: tuple[str, ...]) -> _Shape:
        """Raises ValueError for a name that the format needs."""
        if not RESERVED.isdisjoint(names):
            raise ValueError("a claim has a name that the format needs")
        steps = {name: self.members[name] for name in names if name in self.members}
        leaves = [name for name, one in steps.items() if one.hidden and one.inner < 0]
        made = _Shape(
            told=tuple(name for name in names if name not in steps or not steps[name].hidden),
            pick=_picker(leaves),
            heads=tuple(steps[name].head for name in leaves),
            others=tuple((name, one) for name, one in steps.items() if one.inner >= 0),
            conceals=any(one.hidden for one in steps.values()),
        )
        if len(self.shapes) >= _SHAPES_MAX:
            self.shapes.clear()
        self.shapes[names] = made
        return made


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) < 2:
        return lambda claims: tuple([claims[name] for name in names])
    return itemgetter(*names)


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
        self._levels = self._top.settle(b"") + 1

    def cast(
        self,
        common: Mapping[str, Any],
        each: Sequence[Filling],
        key: SigningKey,
        *,
        random: Callable[[int], bytes] = RAND_bytes,
    ) -> Iterator[bytes]:
        """The credentials, in their order. `common` is what all say in the open: `iss`, `vct`, times.

        Raises ValueError for a claim named `_sd`, `...` or, at the top, as one of the host's (RFC 9901 §4.2.1). Within
        values to which no pattern leads the caller has looked for such names. Salts and decoys come from OpenSSL's
        generator, as the nonces of the signatures do: to ask the system for so many bytes takes ten times as long.
        """
        opening = orjson.dumps({**common, HASH_NAME: HASH})[:-1] + b","
        opening += b" " * (-len(opening) % 3)
        reserved = frozenset({*common, HASH_NAME})
        head = head_of(key.kid, TYPE).encode("ascii") + b"." + _packed(opening)
        for first in range(0, len(each), AT_ONCE):
            with _uncollected():
                made = self._turn(head, reserved, each[first : first + AT_ONCE], key, random)
            yield from made

    def _turn(
        self,
        head: bytes,
        reserved: frozenset[str],
        each: Sequence[Filling],
        key: SigningKey,
        random: Callable[[int], bytes],
    ) -> list[bytes]:
        casting = _Casting(self._levels, self._decoys, random)
        payloads = casting.payloads(each, self._top, reserved)
        # without the brace that each begins with: it stands in what all have
        rests = _in_lines(b"".join(map(b2a_base64, _written(payloads, b"{"))))
        signed = [head + rest for rest in rests]
        sign = key.private.sign
        signatures = _packed(b"\x00\x00".join([_raw(sign(one, _ECDSA)) for one in signed]) + b"\x00\x00")
        return [
            b"%b.%b~%b~" % (one, signatures[at : at + _SIGNATURE_CHARACTERS], b"~".join(disclosures))
            if disclosures
            else b"%b.%b~" % (one, signatures[at : at + _SIGNATURE_CHARACTERS])
            for one, at, disclosures in zip(
                signed, range(0, len(signatures), _SIGNATURE_STEP), casting.disclosures(), strict=True
            )
        ]


class _Level:
    """Disclosures that hold as many others, one in the other, as each other."""

    __slots__ = ("heads", "into", "lines", "lists", "values")

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.values: list[Any] = []
        self.into: list[tuple[list[Any], int, bool]] = []
        """For the values, in their order: the digests of an object, or an array (True) whose elements are hidden, and
        how many values are theirs."""
        self.lists: list[list[str]] = []
        """Digests of objects, of which the last are of this level."""
        self.lines: list[bytes] = []


class _Casting:
    """One turn of a :class:`Mould`: its disclosures by level, and where their digests go."""

    def __init__(self, levels: int, decoys: int, random: Callable[[int], bytes]) -> None:
        self._decoys, self._random = decoys, random
        self._levels = [_Level() for _ in range(levels)]
        self._lowest = self._levels[0] if levels else _Level()
        self._ends: list[list[int]] = [[0] * levels]
        """How many values each level has, before and after each credential."""

    def payloads(self, each: Sequence[Filling], top: _Step, reserved: frozenset[str]) -> list[dict[str, Any]]:
        """What each signs, beside what is common."""
        made = []
        heads = [level.heads for level in self._levels]
        for filling in each:
            if not reserved.isdisjoint(filling.claims) or not filling.open.keys().isdisjoint(filling.claims):
                raise ValueError("a claim has a name that is the host's")
            payload = self._members(filling.claims, top)
            payload.update(filling.open)
            self._ends.append([*map(len, heads)])
            made.append(payload)
        self._hash()
        return made

    def disclosures(self) -> Iterator[list[bytes]]:
        """Of each credential, those first that hold others."""
        lines = [level.lines for level in self._levels]
        highest_first = range(len(lines) - 1, -1, -1)
        for begins, ends in pairwise(self._ends):
            yield [line for level in highest_first for line in lines[level][begins[level] : ends[level]]]

    def _members(self, claims: Mapping[str, Any], step: _Step) -> dict[str, Any]:
        names = tuple(claims)
        shape = step.shapes.get(names) or step.shape(names)
        made = {name: claims[name] for name in shape.told} if shape.told else {}
        digests: list[str] = []
        if shape.heads:
            level = self._lowest
            level.heads += shape.heads
            level.values += shape.pick(claims)
            level.into.append((digests, len(shape.heads), False))
        for name, inner in shape.others:
            told = self._value(claims[name], inner)
            if inner.hidden:
                level = self._levels[inner.level]
                level.heads.append(inner.head)
                level.values.append(told)
                level.into.append((digests, 1, False))
            else:
                made[name] = told
        if shape.conceals:
            made[DIGESTS] = digests
            self._levels[step.inner].lists.append(digests)
        return made

    def _value(self, value: Any, step: _Step) -> Any:
        each = step.each
        if each is not None and isinstance(value, list):
            told = value if each.inner < 0 else [self._value(one, each) for one in value]
            if not each.hidden:
                return told
            digests: list[Any] = []
            level = self._levels[each.level]
            level.heads += [each.head] * len(told)
            level.values += told
            level.into.append((digests, len(told), True))
            return digests
        return self._members(value, step) if step.members and isinstance(value, dict) else value

    def _hash(self) -> None:
        salts, nothing = self._salts(sum(self._ends[-1])), self._nothing()
        decoys = self._decoys
        for level in self._levels:
            level.lines = _lines(salts, level)
            digested, at = b"\x00".join([_sha256(line).digest() for line in level.lines]), 0
            told = _in_43(digested + b"\x00", len(level.lines)) if digested else []
            for place, count, is_array in level.into:
                if is_array:
                    place.extend([{ELEMENT: digest} for digest in told[at : at + count]])
                elif count == 1:
                    place.append(told[at])
                else:
                    place.extend(told[at : at + count])
                at += count
            for digests in level.lists:
                digests.extend(islice(nothing, decoys))
                digests.sort()  # an order that tells nothing of the claims' own

    def _salts(self, wanted: int) -> Iterator[bytes]:
        """Of 132 bits each: more than the 128 that RFC 9901 §9.3 asks for. As they stand in disclosures, after what
        every disclosure begins with."""
        count = -(-wanted // 64) * 64
        text = bytearray(_packed(self._random(_SALT_BYTES * count)))
        for at, letter in enumerate(_OPENING):
            text[at::_SALT_CHARACTERS] = bytes((letter,)) * count
        return chain.from_iterable(_SALTED.iter_unpack(b2a_base64(text, newline=False)))

    def _nothing(self) -> Iterator[str]:
        """Decoys: digests of nothing."""
        wanted = self._decoys * sum(len(level.lists) for level in self._levels)
        drawn = bytearray(self._random((_DIGEST_BYTES + 1) * wanted))
        drawn[_DIGEST_BYTES :: _DIGEST_BYTES + 1] = bytes(wanted)  # as after a digest, or it could be told from one
        return iter(_in_43(drawn, wanted))


def _lines(salts: Iterator[bytes], level: _Level) -> list[bytes]:
    """Disclosures as they are given: each value, and the bracket that ends it, in base64url after a salt and a head."""
    count = len(level.values)
    if not count:
        return []
    parts: list[Any] = [None] * (3 * count)
    parts[0::3] = islice(salts, count)
    parts[1::3] = level.heads
    parts[2::3] = map(b2a_base64, _written(list(zip(level.values)), b"["))
    return _in_lines(b"".join(parts))


def _written(each: Sequence[Any], opening: bytes) -> list[bytes]:
    """Each as JSON, by one call, without the bracket or brace that it begins with."""
    parts = [_BREAK] * (2 * len(each))
    parts[0::2] = each
    return orjson.dumps(parts)[1 + len(opening) : -3].split(_APART + opening)


def _in_lines(encoded: bytes) -> list[bytes]:
    """In base64url without padding; the lines that the encoder ends keep them apart."""
    return encoded.replace(b"=", b"").translate(_URL_SAFE).split(b"\n")[:-1]


def _in_43(padded: bytes | bytearray, count: int) -> list[str]:
    """So many digests in base64url. A zero byte after each makes it 44 letters, the last of which is nobody's."""
    text = bytearray(_packed(padded))
    text[_DIGEST_CHARACTERS :: _DIGEST_CHARACTERS + 1] = b"\n" * count
    return text.decode("ascii").split("\n")[:count]


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


def _packed(data: bytes | bytearray) -> bytes:
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def _raw(signature: bytes) -> bytes:
    """Both halves in 32 bytes (RFC 7518 §3.4) of an ECDSA signature in DER: a sequence of two integers, each at most 33
    bytes long, so that every length stands in one byte."""
    end = 4 + signature[3]
    first, second = signature[4:end], signature[end + 2 :]
    return first[-_HALF_BYTES:].rjust(_HALF_BYTES, b"\x00") + second[-_HALF_BYTES:].rjust(_HALF_BYTES, b"\x00")
