"""Access tokens, verified; and those that were, remembered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from core.clock import Clock
from core.jose import Expired, NotVerified, key_id, verified_claims
from core.viewer import Acting, Viewer
from identity.provider.endings import client_mark
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.revocations import Revocations, RevocationsUnknown
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects

ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type (RFC 9068 §2.1)
REMEMBERED_MAX: Final = 10_000
"""Of each of two generations; some 2 KB each."""
CLOCKS_DIFFER: Final = timedelta(seconds=10)
"""Between two machines of ours: the newest token of one is not from the future at the other."""
_REQUIRED: Final = ("iss", "sub", "aud", "client_id", "iat", "jti", "scope")
_OF_A_PERSON: Final = ("acr", "auth_time", "family")


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What an access token of a person says, all of it believed."""

    person: UUID
    subject: str
    client: str
    audience: str
    """Which of the verifier's audiences it is for."""
    scopes: frozenset[str]
    acr: str
    authenticated_at: datetime
    id: UUID
    issued_at: datetime
    expires_at: datetime
    amr: tuple[str, ...]
    family: UUID
    jkt: str | None
    """Thumbprint of the key it is bound to (RFC 9449 §6); None for a bearer token."""
    act: Acting | None
    audiences: tuple[str, ...]

    @property
    def ended_by(self) -> tuple[UUID, UUID, UUID]:
        """The ids under which it may be revoked."""
        return self.family, self.id, client_mark(self.client)


@dataclass(frozen=True, slots=True)
class MachineToken:
    """What an access token says that a client got in its own name (RFC 6749 §4.4), all of it believed."""

    client: str
    agency: str | None
    audience: str
    scopes: frozenset[str]
    id: UUID
    issued_at: datetime
    expires_at: datetime
    jkt: str | None
    audiences: tuple[str, ...]

    @property
    def ended_by(self) -> tuple[UUID, UUID]:
        return self.id, client_mark(self.client)


class _Known:
    """A token that was verified by the signing keys of version `keys`; `version` is that of the revocations among which
    it was not."""

    __slots__ = ("expires_at", "keys", "told", "version", "viewer")

    def __init__(self, told: VerifiedToken | MachineToken, keys: int) -> None:
        self.told, self.expires_at, self.keys = told, told.expires_at, keys
        self.version: int | None = None
        self.viewer = _viewer(told) if isinstance(told, VerifiedToken) else None


class TokenVerifier:
    """Verifies access tokens (RFC 9068 §4) that are for one of `audiences`, without asking the database.

    Without `audiences`, for any resource of ours: for those who are asked about tokens, and open nothing by them.

    The first token after a start, and one under a key this process has not met, read the keys. A verified token is
    remembered until it expires or is revoked. Every method raises :class:`TokenExpired`, :class:`TokenInvalid`, and
    `RevocationsUnknown` while nobody can tell what was revoked.
    """

    def __init__(
        self,
        issuer: str,
        audiences: Collection[str] | None,
        signing: SigningKeys,
        subjects: Subjects,
        clock: Clock,
        revocations: Revocations,
        *,
        remembered_max: int = REMEMBERED_MAX,
    ) -> None:
        self._issuer, self._audiences = issuer, None if audiences is None else tuple(audiences)
        self._signing, self._subjects, self._clock, self._revocations = signing, subjects, clock, revocations
        self._young: dict[str, _Known] = {}
        self._old: dict[str, _Known] = {}
        self._remembered_max = remembered_max

    async def verify(self, token: str, *, jkt: str | None = None) -> Viewer:
        """Who asks. `jkt` is the key that the request proves; None for one that came as a bearer token."""
        known = await self._known(token)
        viewer = known.viewer
        if viewer is None or known.told.jkt != jkt:
            raise TokenInvalid
        return viewer

    def remembered(self, token: str) -> Viewer | None:
        """Who asks by a bearer token that was verified before and holds still; None: :meth:`verify` tells."""
        known = self._young.get(token) or self._from_old(token)
        if known is None or known.told.jkt is not None or known.keys != self._signing.version:
            return None
        try:
            holds = known.version is not None and known.version == self._revocations.version()
        except RevocationsUnknown:
            return None
        return known.viewer if holds and self._clock.now() < known.expires_at else None

    async def read(self, token: str, *, jkt: str | None = None) -> VerifiedToken:
        """All that the token of a person says; `jkt` as for :meth:`verify`."""
        told = await self.inspect(token)
        if told.jkt != jkt:
            raise TokenInvalid
        return told

    async def inspect(self, token: str) -> VerifiedToken:
        """The same, whatever key it is bound to: for whoever does not use the token, but is asked about it."""
        told = (await self._known(token)).told
        if not isinstance(told, VerifiedToken):
            raise TokenInvalid
        return told

    async def machine(self, token: str, *, jkt: str | None = None) -> MachineToken:
        """What the token of a client in its own name says; a person's is invalid here, as this one is elsewhere."""
        told = (await self._known(token)).told
        if not isinstance(told, MachineToken) or told.jkt != jkt:
            raise TokenInvalid
        return told

    async def inspect_any(self, token: str) -> VerifiedToken | MachineToken:
        """Of either kind, whatever key it is bound to."""
        return (await self._known(token)).told

    async def _known(self, token: str) -> _Known:
        known = self._young.get(token) or self._from_old(token)
        keys = self._signing.version
        if known is None or known.keys != keys:  # a key was withdrawn: it may be this token's
            known = _Known(await self._verified(token), keys)
            self._remember(token, known)
        version = self._revocations.version()
        if version is None or known.version != version:
            if await self._revocations.any(known.told.ended_by):
                raise TokenInvalid
            known.version = version
        if self._clock.now() >= known.expires_at:
            self._young.pop(token, None)
            raise TokenExpired
        return known

    def _from_old(self, token: str) -> _Known | None:
        known = self._old.get(token)
        if known is not None:
            self._remember(token, known)
        return known

    def _remember(self, token: str, known: _Known) -> None:
        """Two generations: what was used lately is in the younger one, and the elder is dropped whole."""
        if len(self._young) >= self._remembered_max:
            self._old, self._young = self._young, {}
        self._young[token] = known

    async def _verified(self, token: str) -> VerifiedToken | MachineToken:
        try:
            key = await self._signing.verifying(key_id(token))
            if key is None:
                raise TokenInvalid
            claims = verified_claims(
                token,
                key,
                types=(ACCESS_TOKEN_TYPE,),
                issuer=self._issuer,
                audiences=self._audiences,
                now=self._clock.now(),
                required=_REQUIRED,
                ahead=CLOCKS_DIFFER,
            )
        except Expired:
            raise TokenExpired from None
        except NotVerified:
            raise TokenInvalid from None
        try:
            return self._understood(claims)
        except (KeyError, ValueError, TypeError, AttributeError):
            raise TokenInvalid from None

    def _understood(self, claims: Mapping[str, Any]) -> VerifiedToken | MachineToken:
        """Raises :class:`TokenInvalid`, or whatever comes of claims that we never make."""
        if not all(isinstance(claims[name], str) for name in ("sub", "client_id", "scope", "jti")):
            raise TokenInvalid
        audiences = _texts([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
        if not all(one.startswith(f"{self._issuer}/") for one in audiences):
            raise TokenInvalid
        client = claims["client_id"]
        common = {
            "client": client,
            "audience": next(one for one in audiences if self._audiences is None or one in self._audiences),
            "audiences": audiences,
            "scopes": _scopes(claims["scope"]),
            "id": UUID(hex=claims["jti"]),
            "issued_at": _instant(claims["iat"]),
            "expires_at": _instant(claims["exp"]),
            "jkt": _bound_to(claims),
        }
        if claims["sub"] == client:
            return MachineToken(agency=claims.get("agency"), **common)
        if not all(name in claims for name in _OF_A_PERSON) or not isinstance(claims["acr"], str):
            raise TokenInvalid
        return VerifiedToken(
            person=self._subjects.person(claims["sub"], client),
            subject=claims["sub"],
            acr=claims["acr"],
            amr=_texts(claims.get("amr", ())),
            authenticated_at=_instant(claims["auth_time"]),
            family=UUID(hex=claims["family"]),
            act=self._acting(claims, client),
            **common,
        )

    def _acting(self, claims: Mapping[str, Any], client: str) -> Acting | None:
        """Whoever acts is never taken for nobody: a token with `act` that we do not understand is invalid."""
        if "act" not in claims and "delegation" not in claims:
            return None
        delegation = claims["delegation"]
        return Acting(
            person=self._subjects.person(claims["act"]["sub"], client),
            delegation=UUID(hex=delegation["id"]),
            scopes=frozenset(_texts(delegation["scopes"])),
        )


@lru_cache(maxsize=256)
def _scopes(text: str) -> frozenset[str]:
    """One for all tokens that say the same: many are remembered, and each object of theirs is the collector's work."""
    return frozenset(text.split())


def _bound_to(claims: Mapping[str, Any]) -> str | None:
    """Raises :class:`TokenInvalid` for a token that is bound by anything that we do not check (RFC 7800 §3.1)."""
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    if not isinstance(bound, dict) or set(bound) != {"jkt"} or not isinstance(bound["jkt"], str):
        raise TokenInvalid
    return bound["jkt"]


def _viewer(told: VerifiedToken) -> Viewer:
    return Viewer(
        person=told.person,
        client=told.client,
        scopes=told.scopes,
        acr=told.acr,
        expires_at=told.expires_at,
        authenticated_at=told.authenticated_at,
        acting=told.act,
        family=told.family,
        ended_by=told.ended_by,
    )


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    if isinstance(values, str) or not all(isinstance(one, str) for one in values):
        raise TypeError("not a list of texts")
    return tuple(values)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
