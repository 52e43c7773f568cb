"""The ways to agencies' systems: what the operator's file says, and the sandbox for whoever it does not name."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx2

from core.clock import Clock
from services.plugins.connections.agency import Agency
from services.plugins.connections.document import Connection
from services.plugins.connections.errors import NotConnected
from services.plugins.connections.named import Named
from services.plugins.runner.client import HttpAgencyClient
from services.plugins.runner.egress import agency_client
from services.plugins.runner.errors import AddressRefused, MalformedReply, trouble_of
from services.plugins.runner.tokens import TokenRefused


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of a try. `why` is for an operator, and repeats nothing that the agency answered."""

    answers: bool
    seconds: float
    why: str


class Connections:
    """`sandbox_of` is the way to the stand-in of an agency that is not named, None where there are no stand-ins. `http`
    is the client that reaches those; it is not closed here."""

    def __init__(
        self,
        named: Named,
        clock: Clock,
        http: httpx2.AsyncClient,
        sandbox_of: Callable[[str], Agency | None],
        authorities: ssl.SSLContext | None = None,
    ) -> None:
        self.named, self._clock, self._http = named, clock, http
        self._sandbox_of, self._authorities = sandbox_of, authorities
        self._clients: dict[str, httpx2.AsyncClient] = {}
        self._asking: dict[str, HttpAgencyClient] = {}

    def agency(self, slug: str) -> Agency:
        """The way there, with its secrets, for whoever asks from another process.

        Raises :class:`NotConnected`, and :class:`SecretUnusable`.
        """
        connection = self.named.connections.get(slug)
        if connection is None:
            if (stand_in := self._sandbox_of(slug)) is None:
                raise NotConnected(agency=slug)
            return stand_in
        return replace(self._reach(connection), way=self.named.way_of(slug))

    def client(self, slug: str) -> HttpAgencyClient:
        """One for all who ask the agency, with one token. Raises :class:`NotConnected`."""
        if slug not in self._asking:
            self._asking[slug] = self._new_client(slug)
        return self._asking[slug]

    async def probe(self, slug: str) -> Probe:
        """Signs in anew at the agency, or where it asks for no token, sees whether anything answers there.

        Raises :class:`NotConnected`, and :class:`SecretUnusable`.
        """
        agency, began = self.agency(slug), time.monotonic()
        http = self._http_of(slug)
        try:
            async with asyncio.timeout(agency.connect_seconds + agency.answer_seconds):  # all of it, however it drips
                why = await self._try(slug, agency, http)
        except (TokenRefused, AddressRefused, MalformedReply, TimeoutError, httpx2.HTTPError) as error:
            return Probe(answers=False, seconds=time.monotonic() - began, why=_why(error))
        return Probe(answers=True, seconds=time.monotonic() - began, why=why)

    async def _try(self, slug: str, agency: Agency, http: httpx2.AsyncClient) -> str:
        if agency.way is not None:
            await self._new_client(slug).sign_in()
            return "it gave a token"
        async with http.stream("GET", agency.base_url) as reply:  # what it sends is not read: it may never end
            return f"something answers there with status {reply.status_code}; it asks for no token"

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
        self._asking.clear()

    def _new_client(self, slug: str) -> HttpAgencyClient:
        connection, http = self.named.connections.get(slug), self._http_of(slug)
        if connection is None:
            agency = self.agency(slug)
            return HttpAgencyClient(http, agency.base_url, agency.way, clock=self._clock)
        return HttpAgencyClient(http, connection.base_url, lambda: self.named.way_of(slug), clock=self._clock)

    def _http_of(self, slug: str) -> httpx2.AsyncClient:
        connection = self.named.connections.get(slug)
        if connection is None:
            return self._http
        if slug not in self._clients:
            self._clients[slug] = http_of(self._reach(connection), self._authorities)
        return self._clients[slug]

    def _reach(self, connection: Connection) -> Agency:
        limits = connection.limits
        return Agency(
            connection.base_url,
            is_guarded=True,
            loopback=self.named.rules.loopback,
            connect_seconds=limits.connect_seconds,
            answer_seconds=limits.answer_seconds,
        )


def http_of(agency: Agency, authorities: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """The client for an agency that is guarded, with its time limits."""
    http = agency_client(loopback=agency.loopback, authorities=authorities)
    http.timeout = httpx2.Timeout(agency.answer_seconds, connect=agency.connect_seconds)
    return http


def _why(error: Exception) -> str:
    """In words of ours alone: a stranger's would be printed at an operator's terminal."""
    if isinstance(error, TokenRefused):
        return f"it gave no token, and answered with status {error.answered}"
    if isinstance(error, AddressRefused):
        return "its name leads to an address that no agency may be at (ADDRESS_REFUSED); nothing was connected to"
    if isinstance(error, MalformedReply):
        return f"what it answered is no token ({trouble_of(error)})"
    return f"no answer came ({trouble_of(error)})"
