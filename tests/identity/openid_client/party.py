"""A relying party on `openid-client`, and what it needs: keys, and a browser for the person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from api.commands.code_flow import CodeFlow
from api.commands.walk import DEMO_SCOPE, NO_LISTENER, walk
from identity.provider.clients import DEMO_APP
from tests.support import node
from tests.support.server import Process

VIEWER: Final = {"query": "{ viewer { id } }"}
WEB: Final = "https://app.example/callback"
"""Where the clients that have a server are called back. Nobody goes there: a walk ends before."""
SIGNED_OUT: Final = "https://app.example/signed-out"


@dataclass(frozen=True)
class Sitthi:
    """A server as people run it, and clients that are registered there."""

    server: Process
    database_url: str
    clients: Mapping[str, Client]


@dataclass(frozen=True)
class Client:
    """What a client knows of itself."""

    id: str
    redirect_uri: str = NO_LISTENER
    key: dict[str, Any] | None = None
    """Its private JWK."""
    scope: str = DEMO_SCOPE


DEMO: Final = Client(DEMO_APP)


def private_key(kid: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    return {**document, "kid": kid, "alg": "ES256"}


def public_keys(key: dict[str, Any]) -> dict[str, Any]:
    return {"keys": [{name: value for name, value in key.items() if name != "d"}]}


@dataclass
class Party:
    """A relying party, and the server it relies on. `browser` is that of the person in front of it."""

    program: node.Program
    sitthi: Sitthi
    browser: httpx2.AsyncClient
    client: Client = field(default=DEMO)

    @property
    def issuer(self) -> str:
        return self.sitthi.server.url

    async def discover(self, client: Client | str = DEMO, **given: Any) -> dict[str, Any]:
        """The party becomes this client; answers the server's metadata."""
        self.client = self.sitthi.clients[client] if isinstance(client, str) else client
        asked = {"issuer": self.issuer, "client_id": self.client.id, "key": self.client.key}
        found: dict[str, Any] = await self.program.ask("discover", **{**asked, **given})
        return found

    async def authorize(self, *, scope: str | None = None, pushed: bool = False, **extra: str) -> str:
        """Where the browser begins."""
        asked = await self.program.ask(
            "authorize",
            redirect_uri=self.client.redirect_uri,
            scope=scope or self.client.scope,
            pushed=pushed,
            extra=extra,
        )
        return str(asked["url"])

    async def walked(self, who: str = "elder", **given: Any) -> str:
        """The address that the person's browser comes back at."""
        return await self.walk(await self.authorize(**given), who)

    async def walk(self, address: str, who: str = "elder") -> str:
        return await walk(self.browser, cast("CodeFlow", _Address(address, self.client.redirect_uri)), who)

    async def callback(self, url: str, **given: Any) -> dict[str, Any]:
        """The token response, with the ID token's checked `claims`."""
        answer: dict[str, Any] = await self.program.ask("callback", url=url, **given)
        return answer

    async def signed_in(self, who: str = "elder", **given: Any) -> dict[str, Any]:
        return await self.callback(await self.walked(who, **given))

    async def refresh(self, tokens: Mapping[str, Any], **extra: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self.program.ask("refresh", refresh_token=tokens["refresh_token"], extra=extra)
        return answer

    async def viewer(self, tokens: Mapping[str, Any], **given: Any) -> Any:
        """What the graph answers to who holds these tokens: status and body."""
        return await self.program.ask(
            "resource", access_token=tokens["access_token"], url=f"{self.issuer}/graphql", body=VIEWER, **given
        )


@dataclass(frozen=True)
class _Address:
    """What a walk through the pages needs of a client: where it begins, and where it may end."""

    address: str
    redirect_uri: str
