"""A house with nothing but identity and the stand-in of ThaID in it, answering in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from api.commands.code_flow import CodeFlow
from api.commands.walk import DEMO_SCOPE, walk
from core.clock import FixedClock
from core.crypto import KeyRing, load_keys
from core.database import Database
from core.settings import Settings
from identity.provider.clients import DEMO_APP, seed_clients
from identity.routes import THAID_SANDBOX_PATH, Identity
from services.sandbox.thaid import Keys, Registration, SandboxThaID, thaid_app
from tests.identity.people_of_tests import TestCitizens

LOOPBACK = "http://127.0.0.1:45123/callback"


@dataclass
class Recorder:
    """Facts of sign-ins, as the exchange would get them."""

    told: list[tuple[UUID, dict[str, Any], datetime]] = field(default_factory=list)

    async def record(self, person: UUID, claims: Mapping[str, Any], at: datetime) -> None:
        self.told.append((person, dict(claims), at))


@dataclass
class House:
    identity: Identity
    app: FastAPI
    thaid: SandboxThaID
    facts: Recorder
    clock: FixedClock

    @property
    def issuer(self) -> str:
        return self.identity.settings.issuer

    def browser(self) -> httpx2.AsyncClient:
        """Keeps cookies, follows nothing by itself."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url=self.issuer)

    def flow(self, client: str = DEMO_APP, scope: str = DEMO_SCOPE, redirect_uri: str = LOOPBACK) -> CodeFlow:
        return CodeFlow(self.issuer, client, scope, redirect_uri)

    async def tokens(self, who: str = "elder", **of_flow: str) -> dict[str, Any]:
        flow = self.flow(**of_flow)
        async with self.browser() as browser:
            return await flow.redeem(browser, await walk(browser, flow, who))


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
def keys(settings: Settings) -> KeyRing:
    return load_keys(settings)


@pytest.fixture
async def house(settings: Settings, database: Database, clock: FixedClock, keys: KeyRing) -> AsyncIterator[House]:
    async with opened(settings, database, clock, keys) as house:
        yield house


@asynccontextmanager
async def opened(settings: Settings, database: Database, clock: FixedClock, keys: KeyRing) -> AsyncIterator[House]:
    """The house, for tests that have a loop of their own."""
    async with database.write() as session:
        await seed_clients(session, clock)
    app = FastAPI()
    facts = Recorder()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as back_channel:
        identity = Identity(settings, database, clock, keys, back_channel, facts=facts)
        upstream = identity.upstream
        registration = Registration(upstream.client_id, upstream.secret, frozenset({upstream.redirect_uri}))
        thaid = SandboxThaID(
            upstream.issuer,
            {upstream.client_id: registration},
            TestCitizens(),
            Keys(settings.data / "sandbox" / "thaid.pem"),
            clock,
        )
        app.include_router(identity.router())
        app.mount(THAID_SANDBOX_PATH, thaid_app(thaid))
        yield House(identity, app, thaid, facts, clock)
