"""What the catalogue says of how services run; `api/house.py` hands in whoever knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from core.text import Text


class Window(Protocol):
    """A time of announced maintenance."""

    @property
    def begins_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def words(self) -> Text: ...
    @property
    def operations(self) -> Collection[str]:
        """Those that are not asked; none of them: all."""
        ...

    def is_on(self, now: datetime) -> bool: ...


class Maintenance(Protocol):
    """In memory: asked for each service of a page."""

    def of(self, slug: str) -> Sequence[Window]:
        """Those that are on or to come, the next one first."""
        ...

    def is_on(self, slug: str) -> bool:
        """Whether any of the service's operations is not asked now."""
        ...


class Availability(Protocol):
    """How a service answered lately."""

    @property
    def days(self) -> int: ...
    @property
    def percent(self) -> float: ...
    @property
    def p95_milliseconds(self) -> int | None: ...


class Answering(Protocol):
    """In memory, as :class:`Maintenance`."""

    def of(self, slug: str) -> Availability | None:
        """None for a service that was asked too seldom to say anything."""
        ...


class CredentialTypes(Protocol):
    """What wallets and verifiers know credentials by."""

    def vct(self, agency: str, service: str, name: str, version: int) -> str: ...
