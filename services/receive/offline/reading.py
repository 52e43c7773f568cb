"""Reads a bundle, and verifies by it alone: no network, no database, no keys of ours but those in the file.

The file is the root of trust: it was downloaded over TLS from Sitthi, or somebody compared the thumbprint of the key
that signed it (`pinned`) with one that they have from elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from core.jose import thumbprint
from services.receive.credentials import jws
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.keys import was_its_time
from services.receive.credentials.sd_jwt import SdJwt
from services.receive.credentials.showing import Checked, holder_of, must_be_good, of_its_own_type
from services.receive.credentials.status import Status, read_status
from services.receive.credentials.verifying import LEEWAY, Asked, StatusReference, verify
from services.receive.offline.errors import AHEAD, NOT_IN_FORM, NOT_SIGNED, OTHER_KEY, OVER, BundleRefused
from services.receive.offline.making import BUNDLE_TYPE, VERSION
from services.receive.papers.checking import Genuine, Known, check
from services.receive.standing.register import judge

BUNDLE_BYTES_MAX: Final = 64 * 1024 * 1024
_SETTLES: Final = timedelta(minutes=2)
"""A server that does not know yet of the next key may sign with the former one so long after its end."""
_BROKEN: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)


@dataclass(frozen=True, slots=True)
class _Key:
    public: ec.EllipticCurvePublicKey
    signs_from: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A :class:`~services.receive.credentials.verifying.Trust`, with status lists and certificates of its moment."""

    signed_by: str
    """Thumbprint (RFC 7638) of the key."""
    made_at: datetime
    until: datetime
    titles: Mapping[str, Mapping[str, str]]
    """Of agencies, by their slugs."""
    issuers: Mapping[str, Mapping[str, _Key]]
    lists: Mapping[str, str]
    certificates: Mapping[int, Known]
    papers: Mapping[str, Status]
    """Those that are not good, by SHA-256."""

    @classmethod
    def read(cls, content: bytes, now: datetime, *, pinned: str | None = None) -> Bundle:
        """Raises :class:`BundleRefused`."""
        try:
            if len(content) > BUNDLE_BYTES_MAX:
                raise BundleRefused(NOT_IN_FORM)
            document = orjson.loads(content)
            keys = {str(key["kid"]): key for key in document["keys"]}
            signed = jws.read(document["bundle"])
            if signed.typ != BUNDLE_TYPE or signed.payload["v"] != VERSION:
                raise BundleRefused(NOT_IN_FORM)
            key = keys[signed.header["kid"]]
            _check_signature(signed, key)
            name = thumbprint(key)
            if pinned is not None and name != pinned:
                raise BundleRefused(OTHER_KEY)
            found = cls._of(name, signed.payload)
        except _BROKEN:
            raise BundleRefused(NOT_IN_FORM) from None
        if found.made_at > now + LEEWAY:
            raise BundleRefused(AHEAD)
        if found.until <= now:
            raise BundleRefused(OVER)
        return found

    @classmethod
    def _of(cls, name: str, told: Mapping[str, Any]) -> Bundle:
        issuers = {str(one["issuer"]): {str(key["kid"]): _key(key) for key in one["keys"]} for one in told["issuers"]}
        certificates = {}
        for one in told["certificates"]:
            certificate = x509.load_der_x509_certificate(base64.b64decode(one["certificate"], validate=True))
            known = Known(str(one["agency"]), certificate, _at(one["revoked_at"]))
            certificates[certificate.serial_number] = known
        lists = {str(uri): str(token) for uri, token in told["lists"].items()}
        papers = {str(sha256): Status[status] for sha256, status in told["papers"].items()}
        titles = {str(one["agency"]): dict(one["title"]) for one in told["issuers"]}
        made, until = datetime.fromtimestamp(told["iat"], UTC), _instant(told["until"])
        return cls(name, made, until, titles, issuers, lists, certificates, papers)

    def key(self, issuer: str, kid: str | None, at: datetime | None) -> ec.EllipticCurvePublicKey:
        keys = self.issuers.get(issuer)
        if keys is None:
            raise CredentialRefused(Why.ISSUER_UNKNOWN)
        key = keys.get(kid or "")
        if key is None or at is None or not was_its_time(key.signs_from, key.ended_at, at):
            raise CredentialRefused(Why.KEY_UNKNOWN)
        return key.public

    def credential(self, text: str, now: datetime, asked: Asked | None = None) -> Checked:
        """As `Showings.check`, of the moment at which the bundle was made. Whether the nonce of `asked` is new, whoever
        asked has to see to. Without it a proof proves nothing. Raises :class:`CredentialRefused`."""
        has_proof = SdJwt.parse(text).proof is not None
        if asked is not None and not has_proof:
            raise CredentialRefused(Why.HOLDER_UNPROVEN)
        verified = of_its_own_type(verify(text, self, now, asked=asked, unproven=asked is None))
        status = None if verified.status is None else self._status(verified.status, verified.issuer, now)
        return Checked(verified, holder_of(verified), status)

    def paper(self, pdf: bytes, now: datetime) -> Genuine:
        """Raises a :class:`~services.receive.papers.errors.PaperNotGenuine`."""
        found = check(pdf, self.certificates.get, now)
        judge(self.papers.get(found.sha256, Status.VALID))
        return found

    def _status(self, reference: StatusReference, issuer: str, now: datetime) -> Status:
        token = self.lists.get(reference.uri)
        if token is None:
            raise CredentialRefused(Why.STATUS_UNREACHABLE)
        return must_be_good(read_status(token, reference, issuer, self, now))


def _check_signature(signed: jws.Jws, key: Mapping[str, Any]) -> None:
    try:
        signed.verify(jws.public_key(key))
    except jws.NotSigned:
        raise BundleRefused(NOT_SIGNED) from None
    at, begins = datetime.fromtimestamp(signed.payload["iat"], UTC), _instant(key["signs_from"])
    ended = _at(key["ended_at"])
    if at < begins.replace(microsecond=0) or (ended is not None and at >= ended + _SETTLES):
        raise BundleRefused(NOT_SIGNED)


def _key(told: Mapping[str, Any]) -> _Key:
    return _Key(jws.public_key(dict(told)), _instant(told["signs_from"]), _at(told["ended_at"]))


def _at(told: str | None) -> datetime | None:
    return None if told is None else _instant(told)


def _instant(told: str) -> datetime:
    """Raises ValueError, TypeError for what is no time, or has no zone."""
    at = datetime.fromisoformat(told)
    if at.tzinfo is None:
        raise ValueError("a time has its zone")
    return at
