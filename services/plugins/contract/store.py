"""Tables of a plugin's own, for one of our own tree that is a system of record.

Its folder holds `store/0001_name.sql`, `store/0002_…`: they make its tables, in order, each once, and never change
again once they have run anywhere. It reaches its own tables and no others; nobody else reaches them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NoReturn, Protocol, TypeAlias

Plain: TypeAlias = str | int | bool | bytes | None
"""What a statement is given and a row holds: a date is its ISO 8601 text, money a whole number of satang."""
_NONE: Final = "the plugin has no store: its folder holds no store/0001_….sql"


class StoreReading(Protocol):
    """What is committed when each statement begins, to be looked at.

    Values are given by name (`:name`), never written into SQL. A statement is one SELECT, WITH or VALUES. Raises
    `ValueError` for another, for values that are not plain, and for more than 10,000 rows.
    """

    async def fetch(self, sql: str, values: Mapping[str, Plain] | None = None) -> list[dict[str, Any]]:
        """Its rows, by the names of their columns."""
        ...


class StoreTransaction(StoreReading, Protocol):
    """One transaction: whole, or as if it had never been.

    A statement may be an INSERT, UPDATE or DELETE, too.
    """

    async def execute(self, sql: str, values: Mapping[str, Plain] | None = None) -> int:
        """How many rows it changed."""
        ...


class Store(Protocol):
    """The plugin's own tables: `async with host.store.transaction() as tx`."""

    def transaction(self) -> AbstractAsyncContextManager[StoreTransaction]:
        """It is committed when its block ends well, and undone otherwise. Ask no agency within it."""
        ...

    def reading(self) -> AbstractAsyncContextManager[StoreReading]:
        """For what only looks: it waits for nobody who writes, and changes nothing."""
        ...


class NoStore:
    """Of a plugin whose folder has no `store/`, of a package and of a remote one: their databases are their own."""

    def transaction(self) -> NoReturn:
        """Raises `LookupError`."""
        raise LookupError(_NONE)

    def reading(self) -> NoReturn:
        """Raises `LookupError`."""
        raise LookupError(_NONE)
