"""The whole application in the test's own process, and a client that asks it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import uuid4

import httpx2
from fastapi import FastAPI
from fastapi.dependencies import models

from api.app import create_app
from api.commands.walk import sign_in
from api.house import House
from core.clock import FixedClock
from core.settings import Settings
from tests.support.patience import patient
from tests.support.remembered import remember_adapters
from tests.support.reports import reported_when_asked

Variables: TypeAlias = Mapping[str, Any] | None


class Served:
    """An application and a client of it. `graph` asks a question as whoever `token` says."""

    def __init__(self, app: FastAPI, http: httpx2.AsyncClient, clock: FixedClock) -> None:
        self.app, self.http, self.clock = app, http, clock
        self._tokens: dict[str, str] = {}

    @property
    def house(self) -> House:
        house: House = self.app.state.house
        return house

    def know(self, name: str, token: str) -> None:
        """From now on `persona=name` asks with that token."""
        self._tokens[name] = token

    def forget_tokens(self) -> None:
        """Everybody signs in anew when they next ask."""
        self._tokens.clear()

    async def token(self, persona: str) -> str:
        """An access token of that persona, by the forms a person would see; asked for once."""
        if persona not in self._tokens:
            transport = httpx2.ASGITransport(app=self.app)
            answer = await sign_in(self.house.settings, persona, transport=transport)
            self._tokens[persona] = answer["access_token"]
        return self._tokens[persona]

    async def post(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        persona: str | None = None,
        language: str = "en",
    ) -> httpx2.Response:
        headers = {"accept-language": language}
        if persona is not None:
            headers["authorization"] = f"Bearer {await self.token(persona)}"
        body = {"query": query, "variables": dict(variables or {})}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def graph(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        persona: str | None = None,
        language: str = "en",
    ) -> dict[str, Any]:
        """`data` of an answer without errors."""
        answer = (await self.post(query, variables, persona=persona, language=language)).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def do(self, field: str, selection: str, persona: str, **given: Any) -> dict[str, Any]:
        """One mutation field with a key of its own (or `idempotencyKey`), and its payload with problems."""
        given = {"idempotencyKey": uuid4().hex, **given}
        kind = field[0].upper() + field[1:] + "Input"
        query = (
            f"mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} problems {{ code message path }} }} }}"
        )
        payload: dict[str, Any] = (await self.graph(query, {"input": given}, persona=persona))[field]
        return payload


@asynccontextmanager
async def served(settings: Settings, clock: FixedClock) -> AsyncIterator[Served]:
    """The application as a server would run it, started and stopped, without a socket; it is patient with agencies, and
    their registers are filled when they are asked."""
    remember_adapters()
    with patient(), reported_when_asked():
        async with _served(create_app(settings, clock), settings, clock) as made:
            yield made


@asynccontextmanager
async def _served(app: FastAPI, settings: Settings, clock: FixedClock) -> AsyncIterator[Served]:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as http,
    ):
        try:
            yield Served(app, http, clock)
        finally:
            _forget_endpoints()


def _forget_endpoints() -> None:
    """FastAPI remembers what kind of function each endpoint is, and with it the endpoint and all that it holds: the
    application. One is enough for a server; here they would stay until the test process is full of them."""
    for remembered in vars(models).values():
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()
