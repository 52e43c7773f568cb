"""The words of OAuth 2.0 as Authlib wants them handed in, and what it answers, before HTTP."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error, OAuth2Payload, OAuth2Request

if TYPE_CHECKING:
    from identity.provider.clients import RegisteredClient
    from identity.provider.delegated import Delegated
    from identity.provider.verifier import VerifiedToken

_PARAMETER_LENGTH_MAX: Final = 2_048
_LONG_PARAMETERS: Final = {
    "client_assertion": 4_096,
    "actor_token": 8_192,
    "subject_token": 8_192,
    "token": 8_192,
    "id_token_hint": 8_192,
}
_REPEATABLE: Final = "resource"
_RESOURCES_MAX: Final = 10


class InvalidTargetError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """A resource that this client may not ask tokens for, or that was not granted (RFC 8707 §2)."""

    error = "invalid_target"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the protocol answers, before HTTP: a redirect with `location`, or a JSON `body`."""

    status: int
    body: dict[str, Any] | str
    headers: Sequence[tuple[str, str]]

    @property
    def location(self) -> str | None:
        return next((value for name, value in self.headers if name == "Location"), None)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person who is signed in in the browser, as far as a code needs it."""

    person: UUID
    session: UUID
    acr: str
    amr: Sequence[str]
    auth_time: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a token exchange brought, looked up and found good (RFC 8693 §2.1)."""

    delegation: UUID
    actor: VerifiedToken
    delegated: Delegated


class Parameters(OAuth2Payload):  # type: ignore[misc]
    """The parameters of a request, each with every value it came with."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._list: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._list[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._list.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._list

    @property
    def resources(self) -> list[str]:
        """What the tokens are to be for, in the order asked (RFC 8707 §2); empty when nothing is said."""
        return list(dict.fromkeys(self._list.get(_REPEATABLE, ())))

    def check(self) -> None:
        """Once each, but for `resource`; printable ASCII (RFC 6749 §3.1, appendix A).

        Raises `InvalidRequestError`, never redirecting.
        """
        for name, values in self._list.items():
            if len(values) > (_RESOURCES_MAX if name == _REPEATABLE else 1):
                raise InvalidRequestError("A parameter is repeated.")
            if not name.isascii() or not all(value.isascii() and value.isprintable() for value in values):
                raise InvalidRequestError("A parameter has characters that it may not have.")
            if any(len(value) > _LONG_PARAMETERS.get(name, _PARAMETER_LENGTH_MAX) for value in values):
                raise InvalidRequestError("A parameter is too long.")


class Request(OAuth2Request):  # type: ignore[misc]
    """A request to the provider. Its address is built from the issuer: the Host header steers nothing.

    What could not be found out synchronously is put on it before the transaction begins.
    """

    def __init__(self, method: str, address: str, parameters: Parameters, headers: dict[str, str]) -> None:
        super().__init__(method, address, headers=headers)
        self.payload = parameters
        self.client_authenticated: RegisteredClient | None = None
        """At the token endpoint: who asks, proven."""
        self.dpop_jkt: str | None = None
        """At the token endpoint, the key proven (RFC 9449 §5); at authorize, the key the code is to be bound to."""
        self.resources: list[str] = []
        """At authorize: what was asked for and may be granted, whole addresses."""
        self.exchange: Exchange | None = None

    @property
    def args(self) -> dict[str, str]:
        return self.form

    @property
    def form(self) -> dict[str, str]:
        data: dict[str, str] = self.payload.data
        return data


def hash_of(secret: str) -> bytes:
    """Of a random secret with 256 bits: a plain hash is enough to keep a leaked table useless."""
    return hashlib.sha256(secret.encode()).digest()
