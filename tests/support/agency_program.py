"""Agencies' programs, in whatever language, running beside a test; and the keys of a host that calls them."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.exchange.catalogue import load_catalogue
from services.plugins.conformance.line import Line
from services.plugins.contract.keys import SigningKey, verifying_keys
from services.plugins.plugin import Plugin
from services.plugins.registry.documents import Documents, Ground, load_documents
from services.plugins.runner.egress import agency_client, endpoint_faults
from tests.support.plugins import HOST

ATTRIBUTES = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}


class HostKeys:
    """A host's signing key; `url` publishes its public half as Sitthi does."""

    def __init__(self) -> None:
        self.current = SigningKey.of(Ed25519PrivateKey.generate())
        self.url = ""

    @asynccontextmanager
    async def line_of(self, plugin: Plugin) -> AsyncIterator[Line]:
        """The way to the plugin's endpoint, for the conformance suite."""
        endpoint = plugin.manifest.endpoint
        assert endpoint is not None
        async with agency_client(loopback=True) as http:
            yield Line(endpoint.url, http, self.current, verifying_keys(endpoint.keys))

    @contextmanager
    def published(self) -> Iterator[None]:
        told = json.dumps({"keys": [self.current.jwk]}).encode()

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_keys = self.path == "/.well-known/service-keys.json"
                self.send_response(200 if is_keys else 404)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(told if is_keys else b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name for it
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            try:
                yield
            finally:
                server.shutdown()
                thread.join()


@contextmanager
def program(command: Sequence[str], folder: Path, ready: str, **environment: str) -> Iterator[None]:
    """The program, from the moment at which it prints a line with `ready` in it."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "NODE_NO_WARNINGS": "1", "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if ready in line:
                break
        else:
            raise RuntimeError("".join(said))
        drain = threading.Thread(target=said.extend, args=(process.stdout,))
        drain.start()
        yield
    finally:
        process.terminate()
        process.wait(20)
        if process.returncode not in (0, -15):
            raise RuntimeError("".join(said))
        drain.join()
        process.stdout.close()


def loaded(folder: Path, functions: Mapping[str, Any] | None = None) -> Plugin:
    """The remote plugin of the folder, as the registry reads it on a machine where loopback is allowed."""
    faults_of = partial(endpoint_faults, loopback=True)
    return load_documents(Documents.of_folder(folder), Ground(HOST, ATTRIBUTES, faults_of, lambda _: functions or {}))
