"""The front channel as tests go it: a browser in which somebody is signed in, and a client that asks."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final
from urllib.parse import urlencode

import httpx2

from core.database import Database
from identity.provider.models import SignInSession
from identity.provider.sessions import SignInSessions
from tests.identity.conftest import House, query_of
from tests.identity.people_of_tests import name_of, national_id
from tests.identity.provider.key_holders import KeyHolder, changed, register

VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
BANK: Final = "bank"
CALLBACK: Final = "https://bank.example/callback"
ASKED: Final = {
    "response_type": "code",
    "client_id": BANK,
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "state": "a state",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class Bank:
    """A confidential client held to FAPI 2.0, with a key for itself and one for its tokens."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.holder = KeyHolder.make()
        self.proofs = KeyHolder.make()

    @classmethod
    async def registered(cls, house: House, database: Database, **fields: Any) -> Bank:
        bank = cls(house)
        await register(database, house.clock, **{"id": BANK, "jwks": bank.holder.registered, **fields})
        return bank

    def assertion(self, **claims: Any) -> dict[str, Any]:
        return {**self.holder.assertion(self.house.clock, BANK, self.house.issuer, **claims)}

    def proof(self, path: str, **claims: Any) -> dict[str, str]:
        return {"DPoP": self.proofs.proof(self.house.clock, "POST", self.house.issuer + path, **claims)}

    async def push(
        self, browser: httpx2.AsyncClient, *, headers: dict[str, str] | None = None, **changes: Any
    ) -> httpx2.Response:
        """What it is answered at /oauth/par; `changes` are of the parameters."""
        fields = changed({**ASKED, **self.assertion()}, changes)
        return await browser.post("/oauth/par", data=fields, headers=headers or {})

    async def pushed(self, browser: httpx2.AsyncClient, **changes: Any) -> str:
        """The address to send a browser to, of a request that was taken."""
        answer = await self.push(browser, **changes)
        assert answer.status_code == 201, answer.text
        return self.address(answer.json()["request_uri"])

    def address(self, request_uri: str, client: str = BANK) -> str:
        return f"/oauth/authorize?{urlencode({'client_id': client, 'request_uri': request_uri})}"

    async def redeem(self, browser: httpx2.AsyncClient, code: str, **changes: Any) -> httpx2.Response:
        """What it is answered at /oauth/token."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **self.assertion(),
        }
        headers = changes.pop("headers", None)
        proof = self.proof("/oauth/token") if headers is None else headers
        return await browser.post("/oauth/token", data=changed(fields, changes), headers=proof)


async def sign_in(
    house: House,
    browser: httpx2.AsyncClient,
    who: str = "elder",
    *,
    acr: str = "ial2.3-aal2.1",
    for_request: str = "",
) -> None:
    """Somebody is signed in in the browser from now on, as if they had come by the pages."""
    sessions = SignInSessions(house.identity.keys, house.clock)
    async with house.identity.db.write() as session:
        people = await house.identity.people.resolve(session, [national_id(who)])
        secret = await sessions.begin(
            session,
            people[national_id(who).digits],
            method="thaid",
            acr=acr,
            amr=("fed",),
            name=name_of(who),
            device="Chrome · Android",
            for_request=for_request,
        )
    browser.cookies.set("sitthi_session", secret, domain="localhost.local")


async def session_of(house: House, browser: httpx2.AsyncClient) -> SignInSession | None:
    sessions = SignInSessions(house.identity.keys, house.clock)
    async with house.identity.db.read() as session:
        return await sessions.find(session, browser.cookies.get("sitthi_session"))


async def went(browser: httpx2.AsyncClient, address: str) -> dict[str, str]:
    """What the client is told in the redirect to it."""
    answer = await browser.get(address)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{CALLBACK}?"), answer.headers["location"]
    return query_of(answer.headers["location"])


async def refused_on_a_page(browser: httpx2.AsyncClient, address: str) -> str:
    """The error shown to the person, who is sent nowhere."""
    answer = await browser.get(address)
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
    return answer.text.partition("<code>")[2].partition("</code>")[0]
