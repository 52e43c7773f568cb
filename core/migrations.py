"""The schema's history: where the migrations lie, and how a database is brought up to date or back.

Everything here is synchronous: it runs at start-up and from commands, before the first request.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config

from core.crypto import KeyRing, load_keys
from core.database import synchronous
from core.database_faults import told_as_unavailable


def location() -> Path:
    """The folder with `env.py`: in the installed package (`force-include` in pyproject.toml), else the tree's."""
    packaged = Path(__file__).with_name("_migrations")
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "alembic"


def exist() -> bool:
    """Whether a first migration is written. Until then only the models know the tables."""
    return any((location() / "versions").glob("[0-9]*.py"))


def configuration(url: str, keys: Callable[[], KeyRing] | None = None) -> Config:
    """What alembic needs to work on the database at `url`, whichever driver that names.

    `keys` are asked for by a step that must read or make seals; by default they are those of the settings.
    """
    config = Config()
    config.set_main_option("script_location", str(location()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = synchronous(url)
    config.attributes["keys"] = keys or _keys_of_the_settings
    return config


def upgrade(url: str, revision: str = "head", *, keys: Callable[[], KeyRing] | None = None) -> None:
    """Brings the database up to `revision`. Does nothing when it is there; two processes at once take turns.

    Raises :class:`core.database_faults.DatabaseUnavailable`.
    """
    with told_as_unavailable():
        command.upgrade(configuration(url, keys), revision)


def downgrade(url: str, revision: str) -> None:
    """Takes the database back to `revision`; `base` is an empty one."""
    command.downgrade(configuration(url), revision)


def _keys_of_the_settings() -> KeyRing:
    from core.settings import Settings  # noqa: PLC0415 - few steps need them

    return load_keys(Settings())
