"""What ThaID speaks: OpenID Connect's code flow with its scopes and quirks, for registered clients."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.clock import Clock
from core.ids import NationalId
from services.sandbox.thaid.changes import Barred, Changes
from services.sandbox.thaid.citizens import Citizens
from services.sandbox.thaid.keys import Keys

CODE_SECONDS: Final = 120
ID_TOKEN_SECONDS: Final = 600
ENGLISH: Final = ("name", "given_name", "middle_name", "family_name", "title")
SCOPES: Final = (
    "openid", "pid", *ENGLISH, *(f"{name}_en" for name in ENGLISH), "birthdate", "gender", "address", "ial",
)  # fmt: skip
IN_THE_RESPONSE: Final = ("pid", "name", "name_en")
"""The quirk: these come beside the ID token, in the token response itself, and not in it."""


@dataclass(frozen=True, slots=True, repr=False)
class Registration:
    """A client as it was registered with ThaID: redirect URIs must match exactly."""

    id: str
    secret: str
    redirect_uris: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A valid authorization request."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str


class Refused(Exception):
    """An error by its OAuth name. `redirect_uri` is set once client and address were found to be right."""

    def __init__(self, error: str, redirect_uri: str | None = None, state: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.error, self.redirect_uri, self.state, self.status = error, redirect_uri, state, status


class SandboxThaID:
    """`quirk` puts pid and name into the token response; without it they are in the ID token, as other providers do."""

    def __init__(
        self,
        issuer: str,
        clients: Mapping[str, Registration],
        citizens: Citizens,
        keys: Keys,
        clock: Clock,
        *,
        quirk: bool = True,
    ) -> None:
        self.issuer, self.citizens, self.keys = issuer, citizens, keys
        self.changes = Changes()
        self._clients, self._clock, self._quirk = clients, clock, quirk
        self._used: dict[str, int] = {}

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": list(SCOPES),
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "at_hash", *SCOPES[1:]],
        }

    def wanted(self, given: Mapping[str, str]) -> Wanted:
        """Raises :class:`Refused`."""
        client = self._clients.get(given.get("client_id", ""))
        redirect_uri = given.get("redirect_uri", "")
        if client is None or redirect_uri not in client.redirect_uris:
            raise Refused("invalid_request")
        state = given.get("state", "")
        scope = given.get("scope", "")
        if given.get("response_type") != "code":
            raise Refused("unsupported_response_type", redirect_uri, state)
        if "openid" not in scope.split() or not set(scope.split()) <= set(SCOPES):
            raise Refused("invalid_scope", redirect_uri, state)
        if given.get("code_challenge") and given.get("code_challenge_method") != "S256":
            raise Refused("invalid_request", redirect_uri, state)
        return Wanted(client.id, redirect_uri, scope, state, given.get("nonce", ""), given.get("code_challenge", ""))

    def code(self, wanted: Wanted, national_id: NationalId) -> str | None:
        """A code for the person; None when there is no such person. It is sealed: it says nothing to its bearer.

        Raises :class:`Refused` for somebody who died, or whose app was blocked: ThaID tells the client no more than
        that the person was not let in.
        """
        try:
            if self._claims(national_id) is None:
                return None
        except Barred:
            raise Refused("access_denied", wanted.redirect_uri, wanted.state) from None
        return self.keys.seal(
            {
                "pid": national_id.digits,
                "client": wanted.client_id,
                "redirect_uri": wanted.redirect_uri,
                "scope": wanted.scope,
                "nonce": wanted.nonce,
                "challenge": wanted.code_challenge,
                "at": self._now,
            }
        )

    def token(self, given: Mapping[str, str], client_id: str, secret: str) -> dict[str, Any]:
        """The token response. Raises :class:`Refused`."""
        client = self._clients.get(client_id)
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise Refused("invalid_client", status=401)
        if given.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type")
        code = self.keys.open(given.get("code", ""))
        if code is None or code["client"] != client.id or given.get("redirect_uri") != code["redirect_uri"]:
            raise Refused("invalid_grant")
        if self._now >= code["at"] + CODE_SECONDS or not _proves(given.get("code_verifier", ""), code["challenge"]):
            raise Refused("invalid_grant")
        self._use_once(given["code"])
        try:
            claims = self._claims(NationalId(code["pid"]))
        except Barred:
            claims = None
        if claims is None:
            raise Refused("invalid_grant")
        return self._response(code, client, {n: v for n, v in claims.items() if n in code["scope"].split()})

    def _claims(self, national_id: NationalId) -> Mapping[str, Any] | None:
        """Raises :class:`Barred`."""
        found = self.citizens.claims(national_id)
        return None if found is None else self.changes.applied(national_id, found)

    def _response(self, code: dict[str, Any], client: Registration, claims: dict[str, Any]) -> dict[str, Any]:
        access = self.keys.seal({"at": self._now})
        beside: dict[str, Any] = {name: claims.pop(name) for name in IN_THE_RESPONSE if self._quirk and name in claims}
        digest = hashlib.sha256(access.encode()).digest()
        id_token: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.keys.pseudonym(code["pid"]),
            "aud": client.id,
            "iat": self._now,
            "exp": self._now + ID_TOKEN_SECONDS,
            "auth_time": code["at"],
            "at_hash": _base64url(digest[:16]),
            **claims,
        }
        if code["nonce"]:
            id_token["nonce"] = code["nonce"]
        answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": ID_TOKEN_SECONDS}
        return {**answer, "scope": code["scope"], "id_token": self.keys.sign(id_token), **beside}

    def _use_once(self, code: str) -> None:
        """Within this process, which is as much as a stand-in promises; a code is over after two minutes anyway."""
        self._used = {used: at for used, at in self._used.items() if at + CODE_SECONDS > self._now}
        if code in self._used:
            raise Refused("invalid_grant")
        self._used[code] = self._now

    @property
    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _proves(verifier: str, challenge: str) -> bool:
    if not challenge:
        return not verifier
    return _base64url(hashlib.sha256(verifier.encode()).digest()) == challenge


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
