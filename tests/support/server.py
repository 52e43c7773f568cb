"""Sitthi as people run it: a server process of its own, and the command `sitthi` beside it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from tests.support import prepared

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 120
END_SECONDS: Final = 60
Running: TypeAlias = subprocess.Popen[bytes] | prepared.Forked


@dataclass
class _Ways:
    prepared: bool = False


_ways: Final = _Ways()


@dataclass(frozen=True)
class Process:
    """A running server."""

    port: int
    pid: int
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def command(self, *words: str, ok: bool = True, given: str | None = None) -> str:
        """Runs `sitthi …` beside the server, and answers what it printed; with `ok=False`, of one that fails."""
        code, out, err = run_program(["api.cli", *words], self.environment, given)
        assert (code == 0) is ok, f"sitthi {' '.join(words)}: {out}{err}"
        return out + err


def start(words: Sequence[str], environment: Mapping[str, str], *, quiet: bool = False) -> Running:
    """`python -m WORDS`; `quiet` lets nothing that it prints be seen."""
    if _is_prepared(environment):
        with Path(os.devnull).open("r+b") as nowhere:
            files = (nowhere.fileno(),) * 3 if quiet else None
            return prepared.NURSERY.start(words, environment=environment, files=files)
    where = subprocess.DEVNULL if quiet else None
    return subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env=dict(environment), stdout=where, stderr=where)


def _is_prepared(environment: Mapping[str, str]) -> bool:
    """What is prepared has its imports behind it, and would not see a path of its own."""
    return _ways.prepared and "PYTHONPATH" not in environment


def run_program(words: Sequence[str], environment: Mapping[str, str], given: str | None = None) -> tuple[int, str, str]:
    """`python -m WORDS` to its end: exit code, output and errors."""
    if _is_prepared(environment):
        return prepared.run(words, environment=environment, given=given)
    command = [sys.executable, "-m", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(environment), input=given, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def prepare_processes(*, wanted: bool) -> None:
    """Whether what is started from now on is a fork of a process that has imported everything (on Linux)."""
    _ways.prepared = wanted and sys.platform == "linux"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(data: Path, workers: int = 1, /, *, port: int | None = None, **settings: str) -> Iterator[Process]:
    """`sitthi serve` (on a free port, if none is given) over this data folder, ready when the block begins."""
    port = port or free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SITTHI_")}
    environment = {**kept, "SITTHI_DATA": str(data), "PORT": str(port), "LANG": "C.UTF-8", **settings}
    process = start(["api.cli", "serve", *(["--workers", str(workers)] if workers > 1 else [])], environment)
    try:
        _wait_until_ready(process, port)
        yield Process(port, process.pid, environment)
    finally:
        process.terminate()
        process.wait(END_SECONDS)


def _wait_until_ready(process: Running, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready") as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise TimeoutError("the server did not become ready")
