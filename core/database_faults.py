"""What the drivers say when the database cannot serve just now, in the one form that callers see.

Only what another attempt may mend is translated; a wrong statement or a broken constraint stays what it is. Whether a
commit that was cut off took place is not known: the same idempotency key, sent again, tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from sqlalchemy import Engine, event
from sqlalchemy import exc as sa

from core.errors import ServiceUnavailable
from core.text import Text

_DATABASE: Final = Text(th="ฐานข้อมูล", en="The database")
_SQLSTATES: Final = ("08", "25006", "40", "53", "55P03", "57", "58")
"""PostgreSQL: connection lost; read-only (a standby took over); rolled back for others' sake; disk, memory or
connections used up; lock not available; stopped by an operator; the system failed."""
_SQLITE_CODES: Final = frozenset({5, 6, 7, 8, 10, 13, 14})
"""SQLite, primary codes: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN."""
_TWINS: Final = "sqlalchemy.dialects.postgresql.asyncpg"

log = structlog.get_logger(__name__)


class DatabaseUnavailable(ServiceUnavailable):
    """Nothing was stored, unless the commit itself was cut off; then it may have been."""

    def __init__(self) -> None:
        super().__init__(_DATABASE)


@contextmanager
def told_as_unavailable() -> Iterator[None]:
    """Raises :class:`DatabaseUnavailable` in place of a driver's error that says so, and logs which it was."""
    try:
        yield
    except Exception as error:
        if not _cannot_serve(error):
            raise
        original = getattr(error, "orig", None)
        log.error("database_unavailable", error=type(original or error).__name__, code=_code(original))  # noqa: TRY400 - the trace may hold people's data
        raise DatabaseUnavailable from error


@contextmanager
def driver_told_as_unavailable() -> Iterator[None]:
    """The same around what asyncpg itself is asked (:meth:`core.database.Database.driver`)."""
    try:
        yield
    except Exception as error:
        if not _driver_cannot_serve(error):
            raise
        log.error("database_unavailable", error=type(error).__name__, code=_code(error))  # noqa: TRY400 - the trace may hold people's data
        raise DatabaseUnavailable from error


def translate_connecting(engine: Engine) -> None:
    """A connection that cannot be made raises :class:`DatabaseUnavailable`: drivers raise anything there."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        try:
            return dialect.connect(*arguments, **options)
        except Exception as error:
            log.error("database_unavailable", error=type(error).__name__, code=_code(error))  # noqa: TRY400 - the trace may hold people's data
            raise DatabaseUnavailable from error


def _cannot_serve(error: Exception) -> bool:
    if isinstance(error, sa.TimeoutError):
        return True
    if not isinstance(error, sa.DBAPIError):
        return _unready(error)
    if error.connection_invalidated:
        return True
    code = _code(error.orig)
    if code == "" and isinstance(error, sa.OperationalError):  # psycopg, where it cannot connect
        return True
    return code in _SQLITE_CODES if isinstance(code, int) else code.startswith(_SQLSTATES)


def _unready(error: Exception) -> bool:
    """What asyncpg says while a new connection is made ready, which SQLAlchemy hands on as it is, or as its own twin
    of the driver's error."""
    is_twin = type(error).__module__ == _TWINS
    original = error.__cause__ if is_twin else error
    if not isinstance(original, Exception) or not type(original).__module__.startswith("asyncpg."):
        return False
    return _driver_cannot_serve(original)


def _driver_cannot_serve(error: Exception) -> bool:
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - who has no PostgreSQL need not load it

    if isinstance(error, asyncpg.PostgresError):
        return str(_code(error)).startswith(_SQLSTATES)
    if isinstance(error, asyncpg.InterfaceError):  # one about an argument is a value that no database would take
        return not isinstance(error, ValueError)
    return isinstance(error, OSError)


def _code(error: BaseException | None) -> str | int:
    """SQLite's primary result code, or PostgreSQL's SQLSTATE; empty where there is none."""
    sqlite = getattr(error, "sqlite_errorcode", None)
    return sqlite & 0xFF if isinstance(sqlite, int) else str(getattr(error, "sqlstate", None) or "")
