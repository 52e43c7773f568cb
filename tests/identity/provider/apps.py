"""A public client of tests and a browser in which somebody is signed in: how tokens are got, renewed and given back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import httpx2
import jwt
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from identity.provider.delegated import Delegated
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.models import TokenFamily
from tests.identity.conftest import House, query_of
from tests.identity.people_of_tests import national_id
from tests.identity.provider.front import CHALLENGE, VERIFIER, sign_in
from tests.identity.provider.key_holders import KeyHolder, changed, register

SHOP: Final = "shop"
CALLBACK: Final = "https://shop.example/callback"
REFRESH_SECONDS: Final = 30 * 86_400
TOKEN_SECONDS: Final = 600
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
DELEGATION: Final = "urn:sitthi:params:oauth:token-type:delegation"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"


async def register_app(house: House, client: str = SHOP, **fields: Any) -> None:
    """A public client that may refresh and act for others, for the graph and two more resources."""
    good = {
        "id": client,
        "auth_method": "none",
        "fapi": False,
        "dpop_bound": False,
        "grant_types": ["authorization_code", "refresh_token", EXCHANGE],
        "redirect_uris": [CALLBACK],
        "scopes": ["openid", "profile", "citizen"],
        "resources": ["/graphql", "/resource/bank", "/resource/clinic"],
        "token_seconds": TOKEN_SECONDS,
        "refresh_seconds": REFRESH_SECONDS,
    }
    await register(house.identity.db, house.clock, **{**good, **fields})


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@dataclass
class App:
    """The client, in a browser of its own. `key` signs its proofs, where a call says `bound=True`."""

    house: House
    browser: httpx2.AsyncClient
    client: str = SHOP
    key: KeyHolder = field(default_factory=KeyHolder.make)

    async def signed_in(self, who: str = "elder") -> App:
        await sign_in(self.house, self.browser, who)
        return self

    def address(self, **changes: Any) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": CALLBACK,
            "scope": "openid profile citizen",
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"/oauth/authorize?{urlencode(changed(asked, changes), doseq=True)}"

    async def asked(self, **changes: Any) -> dict[str, str]:
        """What the client is told at its callback."""
        return query_of((await self.browser.get(self.address(**changes))).headers["location"])

    async def code(self, **changes: Any) -> str:
        return (await self.asked(**changes))["code"]

    async def post(self, path: str, fields: dict[str, Any], *, bound: bool = False) -> httpx2.Response:
        headers = {"DPoP": self.proof(path)} if bound else {}
        return await self.browser.post(path, data=fields, headers=headers)

    def proof(self, path: str, method: str = "POST", **given: Any) -> str:
        return self.key.proof(self.house.clock, method, self.house.issuer + path, **given)

    async def redeem(self, code: str, *, bound: bool = False, **changes: Any) -> httpx2.Response:
        good = {
            "grant_type": "authorization_code",
            "client_id": self.client,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return await self.post("/oauth/token", changed(good, changes), bound=bound)

    async def tokens(self, *, bound: bool = False, **asked: Any) -> dict[str, Any]:
        answer = await self.redeem(await self.code(**asked), bound=bound)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def refresh(self, token: str, *, bound: bool = False, **changes: Any) -> httpx2.Response:
        good = {"grant_type": "refresh_token", "client_id": self.client, "refresh_token": token}
        return await self.post("/oauth/token", changed(good, changes), bound=bound)

    async def exchange(
        self, delegation: str, actor_token: str, /, *, bound: bool = False, **changes: Any
    ) -> httpx2.Response:
        good = {
            "grant_type": EXCHANGE,
            "client_id": self.client,
            "subject_token": delegation,
            "subject_token_type": DELEGATION,
            "actor_token": actor_token,
            "actor_token_type": ACCESS_TOKEN,
        }
        return await self.post("/oauth/token", changed(good, changes), bound=bound)

    async def revoke(self, token: str, **changes: Any) -> httpx2.Response:
        return await self.post("/oauth/revoke", changed({"client_id": self.client, "token": token}, changes))

    async def works(self, token: str, jkt: str | None = None) -> bool:
        """At the graph."""
        try:
            await self.house.identity.verifier.verify(token, jkt=jkt)
        except (TokenInvalid, TokenExpired):
            return False
        return True

    async def family(self, token: str) -> TokenFamily:
        async with self.house.identity.db.read() as session:
            found = await session.scalar(
                select(TokenFamily).where(col(TokenFamily.id) == UUID(hex=claims_of(token)["family"]))
            )
        assert found is not None
        return found


class DelegationsOfTests:
    """As identity/delegation would answer; `granted` maps a delegation and its delegate to what it gives."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.granted: dict[tuple[UUID, UUID], Delegated] = {}

    async def live(self, session: AsyncSession, delegation: UUID, delegate: UUID) -> Delegated | None:
        found = self.granted.get((delegation, delegate))
        return found if found is not None and self.clock.now() < found.ends_at else None

    def grant(self, delegation: UUID, delegate: UUID, person: UUID, ends_at: datetime, *scopes: str) -> None:
        self.granted[delegation, delegate] = Delegated(person, frozenset(scopes or ("VIEW",)), ends_at)


async def person(house: House, who: str) -> UUID:
    number = national_id(who)
    async with house.identity.db.write() as session:
        return (await house.identity.people.resolve(session, [number]))[number.digits]


def proven(holder: KeyHolder, house: House, client: str) -> dict[str, Any]:
    """The parameters with which a confidential client shows who it is."""
    return dict(holder.assertion(house.clock, client, house.issuer))


def error_of(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert "access_token" not in body
    return answer.status_code, body["error"]
