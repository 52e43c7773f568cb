"""The clients there are, as every endpoint asks for them.

A client's row changes when two officers say so, and is asked for by each request. So a serving process remembers it for
half a second. What changes in it, or ends it, counts everywhere within a second, as revocations do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from core.database import Database
from identity.provider.clients import RegisteredClient
from identity.provider.models import Client

REMEMBERED_SECONDS: Final = 0.5
CLIENT_ID_LENGTH_MAX: Final = 64


class KnownClients:
    """Inside :meth:`remembering` a client that was found is not looked up again for :data:`REMEMBERED_SECONDS`.

    Outside, as in a command, each question is one to the table. Who is not found is never remembered: a new client
    works at once, and ids that somebody makes up take no room.
    """

    def __init__(self, db: Database, issuer: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db, self._issuer, self._monotonic = db, issuer, monotonic
        self._is_remembering = False
        self._found: dict[str, tuple[float, RegisteredClient]] = {}

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """While the block runs."""
        self._is_remembering = True
        try:
            yield
        finally:
            self._is_remembering = False
            self._found.clear()

    async def find(self, client_id: str | None) -> RegisteredClient | None:
        """The client, unless it was ended. Opens a read of its own: call it before any transaction."""
        if not client_id or len(client_id) > CLIENT_ID_LENGTH_MAX or not client_id.isprintable():
            return None
        now = self._monotonic()
        read_at, found = self._found.get(client_id, (float("-inf"), None))
        if now - read_at < REMEMBERED_SECONDS:
            return found
        async with self._db.read() as session:
            row = await session.get(Client, client_id)
        if row is None or row.ended_at is not None:
            self._found.pop(client_id, None)
            return None
        found = RegisteredClient(row, self._issuer)
        if self._is_remembering:
            self._found[client_id] = (now, found)
        return found
