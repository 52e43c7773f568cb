"""The schema's history: where the migrations lie, and how a database is brought up to date or back.

Everything here is synchronous: it runs at start-up and from commands, before the first request.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from core.database_faults import told_as_unavailable


def location() -> Path:
    """The folder with `env.py`: in the installed package (`force-include` in pyproject.toml), else the tree's."""
    packaged = Path(__file__).with_name("_migrations")
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "alembic"


def exist() -> bool:
    """Whether a first migration is written. Until then only the models know the tables."""
    return any((location() / "versions").glob("[0-9]*.py"))


def synchronous(url: str) -> str:
    """The same database through the driver that blocks: alembic runs outside the event loop."""
    parsed = make_url(url)
    driver = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    backend = parsed.drivername.partition("+")[0]
    return parsed.set(drivername=driver.get(backend, parsed.drivername)).render_as_string(hide_password=False)


def configuration(url: str) -> Config:
    """What alembic needs to work on the database at `url`, whichever driver that names."""
    config = Config()
    config.set_main_option("script_location", str(location()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = synchronous(url)
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Brings the database up to `revision`. Does nothing when it is there; two processes at once take turns.

    Raises :class:`core.database_faults.DatabaseUnavailable`.
    """
    with told_as_unavailable():
        command.upgrade(configuration(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Takes the database back to `revision`; `base` is an empty one."""
    command.downgrade(configuration(url), revision)
