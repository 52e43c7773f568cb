"""What alembic runs for every command, through drivers that block.

The database comes from the caller (`core.migrations`), from `-x url=…`, or from the settings, in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic import context
from sqlalchemy import JSON, Connection, create_engine, event, pool, text
from sqlalchemy.types import TypeDecorator

from core.database import load_models, synchronous

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

ADVISORY_LOCK = 0x5172_7469
"""Held on PostgreSQL while migrating: of two servers that start at once, the second waits and finds nothing to do."""


def database_url() -> str:
    url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    if url is None:
        from core.settings import Settings  # noqa: PLC0415 - only the bare command line needs it

        url = Settings().sqlalchemy_url
    return synchronous(url)


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | bool:
    """A migration is history: it names SQLAlchemy's own types, never a class of ours or SQLModel's that may change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    if kind == "type" and isinstance(item, JSON) and "postgresql" in item._variant_mapping:  # noqa: SLF001
        autogen.imports.add(
            "from sqlalchemy.dialects import postgresql"
        )  # by itself alembic writes a bare `Text()` here
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=load_models(),
        render_item=render_item,
        # SQLite alters a table by making it anew. The first migration only creates, and reads better without.
        render_as_batch=sqlite and "first" not in context.get_x_argument(as_dictionary=True),
        compare_type=True,
    )
    with context.begin_transaction():
        if not sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        context.run_migrations()


def main() -> None:
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def wait_for_the_writer(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA busy_timeout=30000")

    with engine.connect() as connection:
        run(connection)
    engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database: give one with -x url=… or SITTHI_DATABASE_URL.")
main()
