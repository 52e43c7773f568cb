"""Every plugin's own tables, in the place that our own database suggests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import make_url

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from services.plugins.contract.store import NoStore, Store
from services.plugins.plugin import Plugin
from services.plugins.store.migrations import Migration
from services.plugins.store.store import PLACES, READERS, DatabaseStore, Reading, Transaction

_ROUNDS: Final = 4_096
_LIMITS: Final = {"statement_timeout": "10s", "idle_in_transaction_session_timeout": "15s", "lock_timeout": "5s"}


class Stores:
    """`database` is ours, beside which they stand; `folder` is where files of SQLite go."""

    def __init__(self, database: Database, keys: KeyRing, clock: Clock, folder: Path) -> None:
        self._ours, self._keys, self._clock, self._folder = database, keys, clock, folder
        self._stores: dict[str, _Standing] = {}

    def of(self, plugin: Plugin | None) -> Store:
        """The plugin's own; nothing is connected before it is used."""
        if plugin is None or not plugin.migrations:
            return NoStore()
        if plugin.slug not in self._stores:
            self._stores[plugin.slug] = _Standing(self, plugin.slug, plugin.migrations)
        return self._stores[plugin.slug]

    async def open(self, plugins: Iterable[Plugin]) -> None:
        """Makes their tables before anybody asks for them. Raises `StoreUnusable`."""
        for plugin in plugins:
            if isinstance(store := self.of(plugin), _Standing):
                await store.opened()

    async def close(self) -> None:
        for store in self._stores.values():
            await store.close()

    async def connected(self, slug: str, migrations: Sequence[Migration]) -> DatabaseStore:
        if self._ours.is_sqlite:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            url = f"sqlite+aiosqlite:///{self._folder / slug}.db"
        else:
            url = await self._schema(slug)
        places = PLACES + READERS if self._ours.is_sqlite else PLACES
        return DatabaseStore(slug, Database(url, pool_size=places), migrations, self._clock)

    async def _schema(self, slug: str) -> str:
        """The address by which the plugin's role reaches its schema; both are made where they are missing.

        Our own role needs CREATEROLE for it, and CREATE on the database. A role is the cluster's, so its name is of
        this database; nothing granted to our role or to others is granted to it.
        """
        ours = self._ours.engine.url
        schema = f"plugin_{slug.replace('-', '_')}"
        role = f"{schema}_{hashlib.sha256(str(ours.database).encode()).hexdigest()[:8]}"
        password = self._keys.blind_index(role, domain="plugin.store").hex()
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT"
        async with self._ours.write() as session:
            connection = await session.connection()
            await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:role))"), {"role": role})
            there = await session.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
            act = "ALTER" if there else "CREATE"
            await connection.exec_driver_sql(f"{act} ROLE {role} {rights} PASSWORD '{_verifier(password, role)}'")
            for name, value in {"search_path": schema, **_LIMITS}.items():
                await connection.exec_driver_sql(f"ALTER ROLE {role} SET {name} = '{value}'")
            await connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            await connection.exec_driver_sql(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}")
        return make_url(ours).set(username=role, password=password).render_as_string(hide_password=False)


class _Standing:
    """A store that connects when it is first used."""

    def __init__(self, stores: Stores, slug: str, migrations: Sequence[Migration]) -> None:
        self._stores, self._slug, self._migrations = stores, slug, migrations
        self._store: DatabaseStore | None = None
        self._first = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with (await self.opened()).transaction() as transaction:
            yield transaction

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        async with (await self.opened()).reading() as reading:
            yield reading

    async def opened(self) -> DatabaseStore:
        async with self._first:
            if self._store is None:
                self._store = await self._stores.connected(self._slug, self._migrations)
        await self._store.open()
        return self._store

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()


def _verifier(password: str, salt_of: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), so that no log of statements ever holds the password."""
    salt = hashlib.sha256(salt_of.encode()).digest()[:16]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored, server))
    salt_64, stored_64, server_64 = parts
    return f"SCRAM-SHA-256${_ROUNDS}:{salt_64}${stored_64}:{server_64}"
