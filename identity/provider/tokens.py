"""The tokens of a grant: an access token (RFC 9068) and, with scope `openid`, an ID token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from core.ids import new_id
from core.jose import half_hash
from core.text import Text
from core.viewer import Acting
from identity.provider.models import TokenFamily
from identity.provider.sessions import SessionNames
from identity.provider.signing import Signer
from identity.provider.subjects import Subjects
from identity.provider.verifier import ACCESS_TOKEN_TYPE

ID_TOKEN_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client gets tokens for, on behalf of a person."""

    family: TokenFamily
    scope: str
    audiences: Sequence[str]
    """Whole addresses (RFC 8707)."""
    seconds: int
    """How long an access token lives, as long as its family does."""
    jkt: str | None
    """The key the access token is bound to (RFC 9449 §6)."""
    nonce: str | None = None
    name_sealed: bytes | None = None
    """The person's name, as the row of the family's session has it (:class:`SessionNames`)."""
    acting: Acting | None = None


@dataclass(frozen=True, slots=True)
class MachineGrant:
    """What a client gets tokens for in its own name (RFC 6749 §4.4)."""

    client: str
    agency: str | None
    scope: str
    audiences: Sequence[str]
    seconds: int
    jkt: str | None


class TokenMaker:
    def __init__(self, issuer: str, signer: Signer, subjects: Subjects, names: SessionNames, now: datetime) -> None:
        self._issuer, self._signer, self._subjects, self._names, self._now = issuer, signer, subjects, names, now

    def response(self, grant: Grant) -> dict[str, Any]:
        """The token response of RFC 6749 §5.1, without a refresh token."""
        family = grant.family
        expires_at = min(self._now + timedelta(seconds=grant.seconds), family.expires_at)
        claims = {**self._about(family, expires_at), "client_id": family.client, "family": family.id.hex}
        acting = grant.acting
        if acting is not None:
            claims["act"] = {"sub": self._subjects.of(acting.person, family.client)}
            claims["delegation"] = {"id": acting.delegation.hex, "scopes": sorted(acting.scopes)}
        answer = self._answer(claims, grant.scope, grant.audiences, expires_at, grant.jkt)
        if "openid" in grant.scope.split():
            answer["id_token"] = self._id_token(grant, answer["access_token"])
        return answer

    def machine_response(self, grant: MachineGrant) -> dict[str, Any]:
        """The same for a client itself, which is then the subject too (RFC 9068 §2.2)."""
        expires_at = self._now + timedelta(seconds=grant.seconds)
        claims = {**self._common(expires_at), "sub": grant.client, "client_id": grant.client}
        if grant.agency is not None:
            claims["agency"] = grant.agency
        return self._answer(claims, grant.scope, grant.audiences, expires_at, grant.jkt)

    def _answer(
        self, claims: dict[str, Any], scope: str, audiences: Sequence[str], expires_at: datetime, jkt: str | None
    ) -> dict[str, Any]:
        whole = {
            **claims,
            "aud": audiences[0] if len(audiences) == 1 else list(audiences),
            "scope": scope,
            "jti": new_id().hex,
        }
        if jkt is not None:
            whole["cnf"] = {"jkt": jkt}
        return {
            "access_token": self._signer.sign(whole, typ=ACCESS_TOKEN_TYPE),
            "token_type": "Bearer" if jkt is None else "DPoP",
            "expires_in": _seconds(expires_at) - _seconds(self._now),
            "scope": scope,
        }

    def _id_token(self, grant: Grant, access: str) -> str:
        """`sid` is the family: a client's name for this one sign-in (OpenID Connect Front-Channel Logout 1.0 §3)."""
        family = grant.family
        claims = self._about(family, self._now + timedelta(seconds=ID_TOKEN_SECONDS))
        claims |= {"aud": family.client, "at_hash": half_hash(access), "sid": family.id.hex}
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        name = self._name(grant) if "profile" in grant.scope.split() else None
        return self._signer.sign({**claims, **name_claims(name)}, typ="JWT")

    def _about(self, family: TokenFamily, expires_at: datetime) -> dict[str, Any]:
        return {
            **self._common(expires_at),
            "sub": self._subjects.of(family.person, family.client),
            "auth_time": _seconds(family.auth_time),
            "acr": family.acr,
            "amr": list(family.amr),
        }

    def _common(self, expires_at: datetime) -> dict[str, Any]:
        return {"iss": self._issuer, "iat": _seconds(self._now), "exp": _seconds(expires_at)}

    def _name(self, grant: Grant) -> Text | None:
        session = grant.family.session
        return None if session is None or grant.name_sealed is None else self._names.open(grant.name_sealed, session)


def name_claims(name: Text | None) -> dict[str, str]:
    """The name in Thai, and in English under its language tag (OpenID Connect Core §5.2)."""
    return {} if name is None else {"name": name.th, "name#en": name.en}


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
