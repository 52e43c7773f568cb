"""Signatures of calls and answers: HTTP Message Signatures (RFC 9421) in the one profile of :mod:`.wire`, and
Content-Digest (RFC 9530).

RFC 9421 lets a signer choose what a signature covers, and warns that a verifier who accepts any choice verifies nothing
(§7.2.1). Here nothing is chosen: a message carries one signature, labelled `sitthi`, over exactly the components of the
profile in their order, with exactly its parameters, each once and written canonically (RFC 8941 §4.1). All else is
:class:`NotSigned`. A text is compared before it is understood, so what is refused costs little.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final

from services.plugins.contract.keys import KeysOf, SigningKey
from services.plugins.contract.wire import (
    ANSWER_COMPONENTS,
    ANSWER_TAG,
    CALL_COMPONENTS,
    CALL_HEADERS,
    CALL_TAG,
    CONTENT_DIGEST,
    CONTENT_TYPE,
    FRESH_SECONDS,
    LABEL,
    SIGNATURE,
    SIGNATURE_INPUT,
)

Fields = Iterable[tuple[bytes, bytes]]
"""The header fields of a message as they came: a name may stand twice."""

INPUT_LENGTH_MAX: Final = 1_000
FIELD_LENGTH_MAX: Final = 8_192
_OF_THE_CALL: Final = f'"{SIGNATURE}";req;key="{LABEL}"'
"""The call's own signature, as a component of its answer (RFC 9421 §2.4, §2.1.2)."""
_CALL_PARAMETERS: Final = frozenset({"created", "nonce", "keyid", "alg", "tag"})
_ANSWER_PARAMETERS: Final = frozenset({"created", "keyid", "alg", "tag"})
_PARAMETER: Final = re.compile(
    r';(?:(created)=(0|[1-9][0-9]{0,11})|(nonce|keyid|alg|tag)="([\x20-\x21\x23-\x5b\x5d-\x7e]{1,128})")'
)
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_SIGNATURE: Final = re.compile(rf"{LABEL}=(:[A-Za-z0-9+/]{{86}}==:)")
"""64 bytes, which signatures of both algorithms have."""
_READ: Final = frozenset({CONTENT_TYPE, CONTENT_DIGEST, SIGNATURE, SIGNATURE_INPUT, *CALL_HEADERS})


class Refusal(StrEnum):
    """Why a message does not count as signed; stable, also the `why` in the body of a 401."""

    MISSING = "MISSING"
    """No signature, or no digest."""
    REPEATED = "REPEATED"
    """A header field that belongs to the profile stands twice."""
    MALFORMED = "MALFORMED"
    """A field is not in the profile's form, or too long."""
    PROFILE = "PROFILE"
    """It covers other components, or has other parameters, than the profile says."""
    DIGEST = "DIGEST"
    """The body is not the one that was signed."""
    KEY = "KEY"
    """The key is unknown, or is one of another algorithm."""
    STALE = "STALE"
    """Made too long ago, or in the future."""
    WRONG = "WRONG"
    """The signature does not fit."""
    REPLAYED = "REPLAYED"
    """The nonce was used before."""


class NotSigned(Exception):
    """The message is not signed as the profile says. Carries nothing of it."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class SignedCall:
    """What a verified call was signed with."""

    keyid: str
    nonce: str
    created: int
    """Seconds since 1970."""
    signature: str
    """The value under the label, `:…:`; its answer is signed over it."""


def content_digest(body: bytes) -> str:
    """`sha-256=:…:`, the value of `Content-Digest`; the profile has no other algorithm."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_call(
    url: str, headers: Mapping[str, str], body: bytes, key: SigningKey, *, at: datetime, nonce: str | None = None
) -> dict[str, str]:
    """The headers to send: those given (names in lower case; `content-type` at least), with digest and signature.

    `url` is the target as the agency knows it: its endpoint's URL as it stands in the manifest, and the operation's
    path. A nonce is made where none is given.
    """
    told = {**headers, CONTENT_DIGEST: content_digest(body)}
    components = _call_components(tuple(name in told for name in CALL_HEADERS))
    made = nonce or secrets.token_urlsafe(18)
    parameters = (
        f'{components.list};created={int(at.timestamp())};nonce="{made}"'
        f';keyid="{key.keyid}";alg="{key.algorithm}";tag="{CALL_TAG}"'
    )
    return _sealed(told, components.call_base("POST", url, told, parameters), parameters, key)


def verify_call(method: str, url: str, fields: Fields, body: bytes, keys: KeysOf, *, now: datetime) -> SignedCall:
    """What the call was signed with. Raises :class:`NotSigned`. Whether the nonce is new, the caller sees to."""
    told = _read(fields)
    components = _call_components(tuple(name in told for name in CALL_HEADERS))
    parameters, given = _parameters(told, components, _CALL_PARAMETERS, CALL_TAG)
    if not _NONCE.fullmatch(given["nonce"]):
        raise NotSigned(Refusal.MALFORMED)
    base = components.call_base(method, url, told, parameters)
    signature = _verified(told, given, base, body, keys, now)
    return SignedCall(given["keyid"], given["nonce"], int(given["created"]), signature)


def sign_answer(
    status: int, headers: Mapping[str, str], body: bytes, call: str, key: SigningKey, *, at: datetime
) -> dict[str, str]:
    """The headers of the answer to the call whose signature is `call` (:attr:`SignedCall.signature`)."""
    told = {**headers, CONTENT_DIGEST: content_digest(body)}
    parameters = (
        f'{_ANSWER.list};created={int(at.timestamp())};keyid="{key.keyid}";alg="{key.algorithm}";tag="{ANSWER_TAG}"'
    )
    return _sealed(told, _ANSWER.answer_base(status, told, call, parameters), parameters, key)


def verify_answer(status: int, fields: Fields, body: bytes, call: str, keys: KeysOf, *, now: datetime) -> None:
    """Raises :class:`NotSigned` unless a key of `keys` signed this answer to this very call."""
    told = _read(fields)
    parameters, given = _parameters(told, _ANSWER, _ANSWER_PARAMETERS, ANSWER_TAG)
    _verified(told, given, _ANSWER.answer_base(status, told, call, parameters), body, keys, now)


def signature_of(headers: Mapping[str, str]) -> str:
    """The value under our label of headers that :func:`sign_call` made."""
    return headers[SIGNATURE].partition("=")[2]


def signature_base(lines: Iterable[tuple[str, str]], parameters: str) -> bytes:
    """What is signed (RFC 9421 §2.5). `lines` are component identifiers, as they are written, and their values."""
    written = [f"{component}: {value}" for component, value in lines]
    return "\n".join([*written, f'"@signature-params": {parameters}']).encode("ascii")


@dataclass(frozen=True, slots=True)
class _Components:
    """What a signature covers: identifiers as they are written, and which headers are among them."""

    written: tuple[str, ...]
    headers: tuple[str, ...]
    list: str

    def call_base(self, method: str, url: str, told: Mapping[str, str], parameters: str) -> bytes:
        values = [method, url, *(told[name] for name in self.headers)]
        return signature_base(zip(self.written, values, strict=True), parameters)

    def answer_base(self, status: int, told: Mapping[str, str], call: str, parameters: str) -> bytes:
        values = [str(status), *(told[name] for name in self.headers), call]
        return signature_base(zip(self.written, values, strict=True), parameters)


def _components(names: tuple[str, ...], *more: str) -> _Components:
    written = (*(f'"{name}"' for name in names), *more)
    return _Components(written, tuple(name for name in names if name[0] != "@"), f"({' '.join(written)})")


@cache
def _call_components(which: tuple[bool, ...]) -> _Components:
    return _components(CALL_COMPONENTS + tuple(name for name, there in zip(CALL_HEADERS, which, strict=True) if there))


_ANSWER: Final = _components(ANSWER_COMPONENTS, _OF_THE_CALL)


def _sealed(told: dict[str, str], base: bytes, parameters: str, key: SigningKey) -> dict[str, str]:
    signature = base64.b64encode(key.sign(base)).decode()
    return {**told, SIGNATURE_INPUT: f"{LABEL}={parameters}", SIGNATURE: f"{LABEL}=:{signature}:"}


def _read(fields: Fields) -> dict[str, str]:
    """The fields of the profile; a reader who took the first of two, and one who took the last, would differ."""
    told: dict[str, str] = {}
    for raw_name, raw in fields:
        name = raw_name.decode("latin-1").lower()
        if name not in _READ:
            continue
        if name in told:
            raise NotSigned(Refusal.REPEATED)
        value = raw.decode("latin-1").strip(" \t")
        if len(value) > FIELD_LENGTH_MAX or not _VALUE.fullmatch(value):
            raise NotSigned(Refusal.MALFORMED)
        told[name] = value
    if not {CONTENT_TYPE, CONTENT_DIGEST, SIGNATURE, SIGNATURE_INPUT} <= told.keys():
        raise NotSigned(Refusal.MISSING)
    return told


def _parameters(
    told: Mapping[str, str], components: _Components, names: frozenset[str], tag: str
) -> tuple[str, dict[str, str]]:
    """The member's value as it is written, which is a line of the base, and its parameters."""
    label, _, written = told[SIGNATURE_INPUT].partition("=")
    if len(written) > INPUT_LENGTH_MAX or label != LABEL:
        raise NotSigned(Refusal.MALFORMED)
    if not written.startswith(components.list):
        raise NotSigned(Refusal.PROFILE)
    given: dict[str, str] = {}
    at = len(components.list)
    while at < len(written):
        found = _PARAMETER.match(written, at)
        if found is None:
            raise NotSigned(Refusal.MALFORMED)
        name = found[1] or found[3]
        if name in given:
            raise NotSigned(Refusal.PROFILE)
        given[name], at = found[2] or found[4], found.end()
    if given.keys() != names or given["tag"] != tag:
        raise NotSigned(Refusal.PROFILE)
    return written, given


def _verified(
    told: Mapping[str, str], given: Mapping[str, str], base: bytes, body: bytes, keys: KeysOf, now: datetime
) -> str:
    """The signature, which fits. What costs most comes last."""
    if abs(now.timestamp() - int(given["created"])) > FRESH_SECONDS:
        raise NotSigned(Refusal.STALE)
    key = keys.get(given["keyid"])
    if key is None or key.algorithm != given["alg"]:
        raise NotSigned(Refusal.KEY)
    signature = _SIGNATURE.fullmatch(told[SIGNATURE])
    if signature is None:
        raise NotSigned(Refusal.MALFORMED)
    if told[CONTENT_DIGEST] != content_digest(body):
        raise NotSigned(Refusal.DIGEST)
    try:
        fits = key.verify(base64.b64decode(signature[1][1:-1], validate=True), base)
    except binascii.Error:
        raise NotSigned(Refusal.MALFORMED) from None
    if not fits:
        raise NotSigned(Refusal.WRONG)
    return signature[1]
