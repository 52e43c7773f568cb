"""A host process: `python -m services.plugins.hosting SLUG`, started by the server alone (see `process.py`).

SLUG is for whoever looks at the list of processes. All that it works with comes on the standard input.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import sys
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import uvicorn

from core.clock import SystemClock
from services.plugins.connections import Agency
from services.plugins.connections.service import http_of
from services.plugins.contract import Access, Call, Host, Manifest, Operation, OperationKind, parse_manifest
from services.plugins.contract.keys import SigningKey, verifying_keys
from services.plugins.contract.names import function_name
from services.plugins.hosting.confinement import confine, die_with, limit, stay_alone
from services.plugins.hosting.handover import ALIVE_PATH, LINE_BYTES_MAX, SOCKET, Handover
from services.plugins.kit import ServiceKit, kit_app
from services.plugins.runner import HttpAgencyClient
from services.plugins.runner.subjects import SubjectClient

NAME_SERVICE: Final = 53
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
TIMEOUT_SECONDS: Final = 10.0
BACKLOG: Final = 1_024


def main() -> None:
    told = os.dup(1)
    os.dup2(2, 1)  # what the package prints is no word of ours
    line = sys.stdin.buffer.readline(LINE_BYTES_MAX)
    if not line:
        return
    handover = Handover.of(line)
    die_with(handover.parent)
    work = Path.cwd()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(work.parent / SOCKET))
    listener.listen(BACKLOG)  # from now on whoever connects waits until we serve
    http = _http(handover.agency)
    limit(handover.limits)
    version = _confine(handover, work)
    os.write(told, b"shut %d %d\n" % (version, stay_alone()))  # while nobody else's code runs, which could say so too
    app = _app(handover, http)
    os.write(told, b"ready\n")
    os.close(told)
    _fall_silent()
    asyncio.run(_serve(app, listener))
    os._exit(0)  # whatever threads the package may have left


def _http(agency: Agency) -> httpx2.AsyncClient:
    """Made before the process is shut in: the list of authorities is read now."""
    if not agency.is_guarded:  # a sandbox of ours
        return httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
    return http_of(agency, httpx2.create_ssl_context(trust_env=False))


def _port_of(url: str) -> int:
    address = urlsplit(url)
    return address.port or DEFAULT_PORTS[address.scheme]


def _confine(handover: Handover, work: Path) -> int:
    ports = {_port_of(url) for url in handover.agency.urls}
    ours = [Path(place) for place in handover.ours]
    roots = {place.parent for place in ours}
    path = [Path(place) for place in sys.path]
    reads = [place for place in (*path, Path(sys.prefix), Path(sys.base_prefix)) if place not in roots]
    return confine(reads=[*reads, *ours], lists=roots, writes=work, connects=(*ports, NAME_SERVICE))


def _fall_silent() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _app(handover: Handover, http: httpx2.AsyncClient) -> _Alive:
    manifest = parse_manifest(handover.manifest, plugin=handover.module)
    module = importlib.import_module(f"{handover.module}.plugin")
    functions = {operation: _function(module, manifest, operation) for operation in manifest.operations}
    trusted, key = verifying_keys([handover.calls_by]), SigningKey.of(handover.answering_key)
    host = _host(handover.agency, http)
    kit = kit_app(manifest, functions, url=handover.url, host=host, trusted_keys=trusted, signing_key=key)
    return _Alive(kit)


def _function(module: ModuleType, manifest: Manifest, operation: str) -> Operation:
    """The package's own, which gets of its agency only answers about whom it was asked about."""
    function: Operation = getattr(module, function_name(operation))
    spec = manifest.operations[operation]
    if spec.access is Access.PUBLIC:
        return function

    async def call(host: Host, call: Call) -> Any:
        client = SubjectClient(host.agency, required=spec.kind is OperationKind.SOURCE)
        return await function(replace(host, agency=client), call)

    return call


def _host(agency: Agency, http: httpx2.AsyncClient) -> Host:
    return Host(SystemClock(), HttpAgencyClient(http, agency.base_url, agency.way), agency.config)


class _Alive:
    """The kit, and beside it the sign of life that the server asks for."""

    def __init__(self, app: ServiceKit) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != ALIVE_PATH:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": int(HTTPStatus.NO_CONTENT), "headers": []})
        await send({"type": "http.response.body"})


async def _serve(app: _Alive, listener: socket.socket) -> None:
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False)
    server = uvicorn.Server(config)
    asyncio.get_running_loop().add_reader(0, _orphaned)
    await server.serve(sockets=[listener])


def _orphaned() -> None:
    """The server holds the other end of the standard input; when it can be read, the server is gone."""
    if not os.read(0, 1):
        os._exit(0)


if __name__ == "__main__":
    main()
