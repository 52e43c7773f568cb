"""Access tokens of other issuers, verified and understood: who it is, through which client, and what they may."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
import jwt
import orjson
import structlog

from core.clock import Clock
from core.database import Database
from core.ids import NationalId
from core.issuers import TrustedIssuer
from core.jose import TOKEN_LENGTH_MAX, Expired, NotVerified, key_id, verified_claims
from core.viewer import Viewer
from identity.people import PeopleRegister
from identity.provider.endings import OTHERS_TOKEN_SECONDS_MAX
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.revocations import Revocations
from identity.trusted import claims as told
from identity.trusted.keys import IssuerKeys

LEEWAY: Final = timedelta(seconds=10)
"""How far another machine's clock may go ahead of ours. None is given at the end: what has expired has expired."""
LIFETIME_MAX: Final = timedelta(seconds=OTHERS_TOKEN_SECONDS_MAX)
"""Of a token: we cannot hear that its issuer revoked it."""
REMEMBERED_MAX: Final = 10_000
_REQUIRED: Final = ("iss", "sub", "aud", "iat")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Believed:
    """What a token says, all of it believed."""

    viewer: Viewer
    thumbprint: str | None
    """Of the key it is bound to: who sent it must prove to hold that key (RFC 9449 §7). None for a bearer token."""


@dataclass(slots=True)
class _Remembered:
    believed: Believed
    issuer: _Issuer
    kid: str
    key: jwt.PyJWK
    version: int | None = None
    """Of the revocations among which the person was not."""


@dataclass(frozen=True, slots=True)
class _Issuer:
    trusted: TrustedIssuer
    keys: IssuerKeys


class TrustedIssuers:
    """Those of the settings. It opens its own transactions: a new person is entered whatever becomes of the request.

    A token that was verified is remembered until it expires, as long as its issuer keeps the key that signed it and the
    person the number that it names (`Endings.part_from_number`).
    """

    def __init__(
        self,
        trusted: Sequence[TrustedIssuer],
        *,
        db: Database,
        people: PeopleRegister,
        clock: Clock,
        http: httpx2.AsyncClient,
        revocations: Revocations,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._people, self._clock, self._revocations = db, people, clock, revocations
        self._issuers = {
            one.issuer: _Issuer(one, IssuerKeys(one.name, one.issuer, one.algorithms, http, monotonic))
            for one in trusted
        }
        self._remembered: dict[bytes, _Remembered] = {}

    def know(self, issuer: str | None) -> bool:
        return issuer in self._issuers

    async def read(self, token: str) -> Believed:
        """Raises :class:`TokenExpired` and :class:`TokenInvalid`.

        `ServiceUnavailable` while its issuer is silent, or nobody can tell whether the person's number was corrected.
        """
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and await self._still_holds(remembered):
            if remembered.believed.viewer.expires_at <= self._clock.now():
                del self._remembered[digest]
                raise TokenExpired
            return remembered.believed
        self._remembered.pop(digest, None)
        issuer = self._issuers.get(issuer_of(token) or "")
        if issuer is None:
            raise TokenInvalid
        try:
            kid = key_id(token)
            key = await issuer.keys.find(kid)
            if key is None:
                raise TokenInvalid
            believed = await self._understood(self._verified(token, issuer.trusted, key), issuer.trusted)
        except Expired:
            raise TokenExpired from None
        except NotVerified:
            raise TokenInvalid from None
        person = believed.viewer.person
        if not await self._revocations.any(
            [person]
        ):  # else the number was corrected lately, and is looked up each time
            believed = replace(believed, viewer=replace(believed.viewer, ended_by=(person,)))
            self._remember(digest, _Remembered(believed, issuer, kid, key))
        return believed

    async def _still_holds(self, remembered: _Remembered) -> bool:
        if await remembered.issuer.keys.find(remembered.kid) is not remembered.key:
            return False
        version = self._revocations.version()
        if version is None or remembered.version != version:
            if await self._revocations.any([remembered.believed.viewer.person]):
                return False
            remembered.version = version
        return True

    def _verified(self, token: str, trusted: TrustedIssuer, key: jwt.PyJWK) -> dict[str, Any]:
        """The claims. Raises :class:`NotVerified`, :class:`Expired`, :class:`TokenInvalid`."""
        claims = verified_claims(
            token,
            key,
            types=(trusted.token_type,),
            issuer=trusted.issuer,
            audiences=trusted.audiences,
            now=self._clock.now(),
            required=_REQUIRED,
            leeway=LEEWAY,
        )
        expires_at, now = _instant(claims["exp"]), self._clock.now()
        if expires_at <= now:
            raise Expired
        if expires_at - _instant(claims["iat"]) > LIFETIME_MAX or told.is_id_token(claims):
            raise TokenInvalid
        if "auth_time" in claims and _instant(claims["auth_time"]) > now + LEEWAY:
            raise TokenInvalid
        return claims

    async def _understood(self, claims: dict[str, Any], trusted: TrustedIssuer) -> Believed:
        """Raises :class:`TokenInvalid`."""
        try:
            thumbprint = told.thumbprint(claims)
        except ValueError:
            raise TokenInvalid from None
        client, national_id = told.client(claims, trusted), told.national_id(claims, trusted)
        if client is None or national_id is None or (trusted.dpop_required and thumbprint is None):
            lacks = {"client": client is None, "person": national_id is None}
            log.warning(
                "trusted_token_lacks", issuer=trusted.name, lacks=[what for what, is_so in lacks.items() if is_so]
            )
            raise TokenInvalid
        viewer = Viewer(
            person=await self._person(national_id),
            client=client,
            scopes=told.scopes(claims, trusted),
            acr=told.acr(claims, trusted),
            expires_at=_instant(claims["exp"]),
            authenticated_at=_instant(claims["auth_time"]) if "auth_time" in claims else None,
        )
        return Believed(viewer, thumbprint)

    async def _person(self, national_id: NationalId) -> UUID:
        async with self._db.read() as session:
            person = await self._people.find(session, national_id)
        if person is not None:
            return person
        async with self._db.write() as session:
            return (await self._people.resolve(session, [national_id]))[national_id.digits]

    def _remember(self, digest: bytes, remembered: _Remembered) -> None:
        while len(self._remembered) >= REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = remembered


def issuer_of(token: str) -> str | None:
    """The issuer that a token names, unverified; None for what is no token.

    Every request with a token comes by here, ours too: it costs 3 microseconds, and PyJWT would take 60 for it.
    """
    parts = token.split(".", 3)
    if len(token) > TOKEN_LENGTH_MAX or len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.b64decode(parts[1] + "==", altchars=b"-_"))
    except ValueError:
        return None
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else None


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
