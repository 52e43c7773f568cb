"""The processes of a run: the outside, Sitthi on each of its footings, and the bare floor. Each has its CPU's clock."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from bench.load import cpu_seconds, family_cpu_seconds
from services.sandbox.population.store import ensure
from tests.support.postgres import Postgres
from tests.support.server import ROOT, START_SECONDS, Process, free_port, running
from tests.support.valkey import Valkey

SEED: Final = 1
Cpu = Callable[[], float]
"""CPU seconds so far."""


@dataclass(frozen=True)
class System:
    """One Sitthi to be measured, and who works for it beside."""

    name: str
    process: Process
    helpers: Mapping[str, Cpu] = field(default_factory=dict)
    postgres: Postgres | None = None
    """The server that has its database, where that is one."""


class Site:
    """A temporary folder with one population; every system gets a data folder of its own with a copy of it."""

    def __init__(self, folder: Path, citizens: int, today: date) -> None:
        self.folder, self._citizens, self._today = folder, citizens, today
        self.population = self.data("population")

    def data(self, name: str) -> Path:
        """A new folder of that name; where there is one already, of that name and a number."""
        taken = len(list(self.folder.glob(f"{name}*")))
        data = self.folder / (name if not taken else f"{name}-{taken}")
        data.mkdir()
        if name == "population":
            ensure(data, self._citizens, SEED, self._today)
        else:
            shutil.copytree(self.folder / "population" / "sandbox", data / "sandbox")
        return data


@contextmanager
def systems(site: Site, wanted: list[str], workers: int = 1, **settings: str) -> Iterator[list[System]]:
    """Sitthi on each footing. The agencies and the bank are another process, as in life: their CPU is not ours."""
    with ExitStack() as stack:
        outside = stack.enter_context(running(site.data("outside")))
        settings = {"SITTHI_SANDBOX_URL": f"http://127.0.0.1:{outside.port}/sandbox", **settings}
        yield [stack.enter_context(FOOTINGS[name](site, settings, workers)) for name in wanted]


@contextmanager
def on_sqlite(site: Site, settings: Mapping[str, str], _workers: int = 1) -> Iterator[System]:
    with running(site.data("sqlite"), port=None, **settings) as process:
        yield System("sqlite", process)


@contextmanager
def on_postgresql(site: Site, settings: Mapping[str, str], workers: int = 1) -> Iterator[System]:
    """With the disk's safety as in production."""
    with Postgres.running(durable=True) as postgres, Valkey.running() as valkey:
        master = _pid_in(postgres.data / "postmaster.pid")
        cache = _pid_in(valkey.folder / "valkey.pid")
        with running(
            site.data("postgresql"),
            workers,
            port=None,
            SITTHI_DATABASE_URL=postgres.create("sitthi"),
            SITTHI_REDIS_URL=valkey.url,
            **settings,
        ) as process:
            helpers = {"PostgreSQL": lambda: family_cpu_seconds(master), "Valkey": lambda: cpu_seconds(cache)}
            yield System("postgresql", process, helpers, postgres)


FOOTINGS: Final = {"sqlite": on_sqlite, "postgresql": on_postgresql}


@contextmanager
def bare(site: Site, body: bytes) -> Iterator[tuple[int, int]]:
    """Port and pid of a server that only answers these bytes."""
    file, port = site.folder / "answer.json", free_port()
    file.write_bytes(body)
    process = subprocess.Popen([sys.executable, "-m", "bench.bare", str(port), str(file)], cwd=ROOT)
    try:
        _wait_for(process, port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    """Returns when something answers at the port. Raises RuntimeError when the process ends, TimeoutError."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the bare server ended with {process.returncode}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError("the bare server did not become ready")


def _pid_in(file: Path) -> int:
    return int(file.read_text().split()[0])
