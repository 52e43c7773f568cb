"""The sandbox of the agencies on a port of its own, and our plugins run against it as the server runs them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from core.clock import Clock
from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Host, Manifest
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.runner import (
    AnswerCache,
    Credentials,
    HttpAgencyClient,
    LaneLimits,
    PluginSource,
    Runner,
    sources_of,
)
from services.sandbox.agencies.access import SANDBOX_CREDENTIALS
from services.sandbox.agencies.app import agencies_app
from tests.support.plugins import AGENCIES, HOST

CREDENTIALS = Credentials(*next(iter(SANDBOX_CREDENTIALS.items())))


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """The agencies of this population over HTTP; the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(agencies_app(data), log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listener.close()


class CountingClient:
    """An agency's client that remembers what it was asked."""

    def __init__(self, client: HttpAgencyClient, asked: list[tuple[str, dict[str, Any]]]) -> None:
        self._client, self._asked = client, asked

    async def ask(self, path: str, body: Any, *, on_behalf_of: str) -> Any:
        self._asked.append((path, dict(body)))
        return await self._client.ask(path, body, on_behalf_of=on_behalf_of)

    async def send(self, path: str, body: Any, *, on_behalf_of: str, key: str) -> Any:
        return await self._client.send(path, body, on_behalf_of=on_behalf_of, key=key)


class Agencies:
    """Our own plugins over one base URL, with a runner of their own."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        base_url: str,
        clock: Clock,
        limits: LaneLimits | None = None,
        *,
        time_limit_seconds: float | None = None,
        kept: AnswerCache | None = None,
    ) -> None:
        """With `time_limit_seconds` every operation has this limit, instead of the manifest's whole seconds."""
        self.http, self.base_url, self.clock = http, base_url, clock
        self.asked: list[tuple[str, dict[str, Any]]] = []
        owned = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}
        registry = Registry(HOST, owned)
        self.plugins = [_within(plugin, time_limit_seconds) for plugin in registry.load_all(AGENCIES)]
        self.runner = Runner(self._host, limits or LaneLimits(failures_max=1_000), kept=kept)

    def _host(self, manifest: Manifest) -> Host:
        client = HttpAgencyClient(self.http, f"{self.base_url}/{manifest.agency.slug}", CREDENTIALS)
        return Host(clock=self.clock, agency=CountingClient(client, self.asked))

    @property
    def sources(self) -> Collection[PluginSource]:
        return sources_of(self.runner, self.plugins)

    def plugin(self, slug: str) -> Plugin:
        return next(plugin for plugin in self.plugins if plugin.slug == slug)

    async def fault(self, agency: str, mode: str, **order: Any) -> None:
        answer = await self.http.post(f"{self.base_url}/{agency}/_faults", json={"mode": mode, **order})
        assert answer.status_code == 200, answer.text


def _within(plugin: Plugin, seconds: float | None) -> Plugin:
    if seconds is None:
        return plugin
    operations = {
        name: spec.model_copy(update={"time_limit_seconds": seconds})
        for name, spec in plugin.manifest.operations.items()
    }
    manifest = plugin.manifest.model_copy(update={"operations": operations})
    return Plugin(manifest, plugin.graph, plugin.functions, plugin.examples)
