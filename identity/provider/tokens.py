"""The tokens of a redeemed code: an access token (RFC 9068) and, with scope `openid`, an ID token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from core.text import Text
from identity.provider.jose import half_hash
from identity.provider.models import SignInSession
from identity.provider.sessions import SessionNames
from identity.provider.signing import Signer
from identity.provider.subjects import Subjects
from identity.provider.verifier import ACCESS_TOKEN_TYPE

ID_TOKEN_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Grant:
    """What was granted to a client by redeeming a code."""

    person: UUID
    client: str
    audience: str
    seconds: int
    scope: str
    nonce: str | None
    acr: str
    auth_time: datetime
    token_id: UUID


class TokenMaker:
    def __init__(self, issuer: str, signer: Signer, subjects: Subjects, names: SessionNames, now: datetime) -> None:
        self._issuer, self._signer, self._subjects, self._names, self._now = issuer, signer, subjects, names, now

    def response(self, grant: Grant, session: Session, sign_in: UUID) -> dict[str, Any]:
        """The token response of RFC 6749 §5.1."""
        access = self._signer.sign(
            {
                **self._common(grant, grant.seconds),
                "aud": self._issuer + grant.audience,
                "client_id": grant.client,
                "scope": grant.scope,
                "jti": grant.token_id.hex,
            },
            typ=ACCESS_TOKEN_TYPE,
        )
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": grant.seconds, "scope": grant.scope}
        scopes = grant.scope.split()
        if "openid" in scopes:
            name = self._name(session, grant.person, sign_in) if "profile" in scopes else None
            answer["id_token"] = self._id_token(grant, access, name)
        return answer

    def _id_token(self, grant: Grant, access: str, name: Text | None) -> str:
        claims = {**self._common(grant, ID_TOKEN_SECONDS), "aud": grant.client, "at_hash": half_hash(access)}
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        return self._signer.sign({**claims, **name_claims(name)}, typ="JWT")

    def _common(self, grant: Grant, seconds: int) -> dict[str, Any]:
        return {
            "iss": self._issuer,
            "sub": self._subjects.of(grant.person, grant.client),
            "iat": _seconds(self._now),
            "exp": _seconds(self._now + timedelta(seconds=seconds)),
            "auth_time": _seconds(grant.auth_time),
            "acr": grant.acr,
        }

    def _name(self, session: Session, person: UUID, sign_in: UUID) -> Text | None:
        sealed = session.scalar(
            select(col(SignInSession.name_sealed)).where(
                col(SignInSession.person) == person, col(SignInSession.id) == sign_in
            )
        )
        return None if sealed is None else self._names.open(sealed, sign_in)


def name_claims(name: Text | None) -> dict[str, str]:
    """The name in Thai, and in English under its language tag (OpenID Connect Core §5.2)."""
    return {} if name is None else {"name": name.th, "name#en": name.en}


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
