"""Identity and the stand-in of ThaID as a server of their own, for tests over real HTTP and real processes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
from fastapi import FastAPI

from core.cache import open_redis
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.settings import Settings
from identity.provider.clients import seed_clients
from identity.routes import THAID_SANDBOX_PATH, Identity
from services.sandbox.thaid import Keys, Registration, SandboxThaID, thaid_app
from tests.identity.people_of_tests import TestCitizens
from tests.support.server import Running, start

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


def create_app() -> FastAPI:
    """From the environment, as the real one."""
    settings, clock = Settings(), SystemClock()
    db, keys, http = Database(settings.sqlalchemy_url), load_keys(settings), httpx2.AsyncClient(trust_env=False)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with db.write() as session:
            await seed_clients(session, clock)
        async with identity.serving():
            yield
        await http.aclose()
        await redis.aclose()
        await db.close()

    redis = open_redis(settings.redis_url)
    identity = Identity(settings, db, clock, keys, http, redis=redis)
    upstream = identity.upstream
    registration = Registration(upstream.client_id, upstream.secret, frozenset({upstream.redirect_uri}))
    sandbox_keys = Keys(settings.data / "sandbox" / "thaid.pem")
    thaid = SandboxThaID(upstream.issuer, {upstream.client_id: registration}, TestCitizens(), sandbox_keys, clock)
    app = FastAPI(lifespan=lifespan)
    app.include_router(identity.router())
    app.mount(THAID_SANDBOX_PATH, thaid_app(thaid))
    return app


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(environment: dict[str, str], *ports: int) -> Iterator[None]:
    """Server processes on these ports, ready when the block begins, gone when it ends."""
    command = ["uvicorn", "--factory", "tests.identity.served:create_app", "--log-level=warning"]
    processes = [
        start([*command, f"--port={port}"], {**os.environ, **environment, "PORT": str(port)}) for port in ports
    ]
    try:
        for port, process in zip(ports, processes, strict=True):
            _wait_for(port, process)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _wait_for(port: int, process: Running) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/oauth/jwks", trust_env=False)
        except httpx2.TransportError:
            if time.monotonic() > until or process.poll() is not None:
                raise
            time.sleep(0.1)
        else:
            return
