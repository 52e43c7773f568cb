"""The ways to agencies' systems in this house: the operator's file, and in development the sandbox for the others."""

from __future__ import annotations

import ssl
from typing import Final

import httpx2

from core.clock import Clock
from core.settings import Environment, Settings
from services.plugins.connections import Agency, Connections, Named, NotConnected, Rules, SecretUnusable
from services.plugins.contract import Manifest
from services.plugins.runner import Credentials, HttpAgencyClient
from services.sandbox.agencies.access import SANDBOX_CREDENTIALS

NOWHERE: Final = "https://not-connected.invalid"
"""No host ever has this name (RFC 2606 §2): what is sent there reaches nobody."""


def named_by(settings: Settings) -> Named:
    """What the operator's file says. Raises ConnectionsUnusable."""
    rules = Rules(
        loopback=settings.plugins_on_loopback,
        is_production=settings.environment is Environment.PRODUCTION,
        known_to_all=frozenset(SANDBOX_CREDENTIALS.values()),
    )
    return Named(settings.agencies_file, rules)


def connections_of(
    settings: Settings, clock: Clock, http: httpx2.AsyncClient, outside: str, authorities: ssl.SSLContext
) -> Connections:
    """`outside` is where the sandboxes are, or :data:`NOWHERE`. Raises ConnectionsUnusable."""
    [(key, secret)] = SANDBOX_CREDENTIALS.items()

    def stand_in(slug: str) -> Agency | None:
        return None if outside == NOWHERE else Agency(f"{outside}/{slug}", Credentials(key, secret))

    return Connections(named_by(settings), clock, http, stand_in, authorities)


def client_of(connections: Connections, http: httpx2.AsyncClient, agency: str) -> HttpAgencyClient:
    """For code in this process."""
    try:
        return connections.client(agency)
    except NotConnected:
        return HttpAgencyClient(http, NOWHERE, None)


def agency_of(connections: Connections, manifest: Manifest) -> Agency:
    """For a package's host process. A server does not start without a secret that it was told of; a command beside it
    may well not have it, and asks nobody."""
    try:
        return connections.agency(manifest.agency.slug)
    except (NotConnected, SecretUnusable):
        return Agency(NOWHERE)
