"""Where personal data lie, why, for how long, and how a room tells and erases them (PDPA 2562 s.30-s.33, s.39).

Each room lists what it holds as stores (`personal_data.py`); `api/house.py` hands all of them to the room that answers
people's requests (services/exchange/privacy). A table that names a person belongs to exactly one store, or to
:data:`NOBODYS` with the reason why it is nobody's: `tests/laws/test_personal_data.py` finds one that was forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.text import Text

Record: TypeAlias = tuple[str, dict[str, Any]]
"""A table's name and one row of it, as JSON values."""


class Fate(StrEnum):
    """What an erasure does to the rows of the person."""

    DELETED = "DELETED"
    BLANKED = "BLANKED"
    """The row stays, because rows that never change point at it; what it says of the person is overwritten."""
    UNREADABLE = "UNREADABLE"
    """The row never changes. What it says is sealed under the person's data key, and that key is destroyed."""
    UNNAMED = "UNNAMED"
    """The row never changes and says nothing but what happened when. It names the person by a random key, which leads
    to nobody once the person's row and data key are gone."""


class LegalBasis(StrEnum):
    """PDPA 2562: on which ground data are held."""

    CONSENT = "s.19"
    CONTRACT = "s.24(3)"
    PUBLIC_TASK = "s.24(4)"
    LEGITIMATE_INTEREST = "s.24(5)"
    LEGAL_OBLIGATION = "s.24(6)"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table that are about a person."""

    table: str
    of: tuple[str, ...]
    """Columns by which a row is the person's own: those rows are told to them and erased. Empty for a table that names
    people only in what they do for others, officers for instance."""
    fate: Fate
    names: Mapping[str, str] = field(default_factory=dict)
    """Other columns that name a person, each with who that is. They are never told: they are about somebody else."""
    hidden: frozenset[str] = frozenset()
    """Columns that are not told, because they are secrets or say nothing (hashes, salts)."""
    blank: Mapping[str, Any] = field(default_factory=dict)
    """With :attr:`Fate.BLANKED`: what is written over a column; of a sealed column, the plain bytes."""
    alone: bool = False
    """Whether the person can have just this erased and stay."""

    @property
    def people(self) -> frozenset[str]:
        return frozenset(self.of) | frozenset(self.names)


@dataclass(frozen=True, slots=True)
class Store:
    """An entry of the record of processing (s.39)."""

    name: str
    """Stable; `messages` for instance."""
    title: Text
    description: Text
    purpose: Text
    basis: LegalBasis
    retention: str
    """A class of services/exchange/privacy/data/retention.yaml."""
    rows: tuple[Rows, ...]
    """In the order in which they can be erased."""
    recipients: tuple[Text, ...] = ()
    """Who is told of it outside Sitthi."""
    sensitive: bool = False
    """Whether it may hold data of s.26."""
    elsewhere: tuple[Text, ...] = ()
    """Copies that are in no table: the cache, for instance."""

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(rows.table for rows in self.rows)

    @property
    def alone(self) -> bool:
        return all(rows.alone for rows in self.rows)


@dataclass(frozen=True, slots=True)
class Stay:
    """What the law keeps of a person who asked for erasure, and until when. It is erased when that has come."""

    store: str
    hold: str
    """The name of the hold: a stable code, `ACCOUNTING` for instance."""
    law: Text
    reason: Text
    until: datetime | None
    """None while nobody can tell: until a benefit ends, for instance. It is looked at again every day."""
    tables: frozenset[str]
    identity: bool = False
    """Whether it takes the person's national ID too: one cannot be paid without."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did in one store. Rows that only became unreadable are in neither number."""

    store: str
    deleted: int = 0
    blanked: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a store is asked to erase."""

    person: UUID
    at: datetime
    spared: frozenset[str] = frozenset()
    """Tables that a hold keeps."""
    whole: bool = True
    """Whether the person leaves; else they have this store alone erased."""
    end_benefits: bool = False
    """Whether the person gives up what they are being paid; without it, that goes on and is a :class:`Stay`."""


class PersonalData(Protocol):
    """One store of one room."""

    @property
    def about(self) -> Store: ...

    def export(self, session: AsyncSession, person: UUID) -> AsyncIterator[Record]:
        """All that the store holds of the person, but for secrets and what is about others. Reads page by page."""
        ...

    async def check(self, session: AsyncSession, person: UUID) -> None:
        """Raises a :class:`core.errors.SitthiError` where this person cannot leave as things stand."""
        ...

    async def stays(self, session: AsyncSession, erasure: Erasure) -> Sequence[Stay]:
        """What the law keeps for now; `spared` is not asked. It may change until the erasure begins."""
        ...

    async def prepare(self, session: AsyncSession, erasure: Erasure) -> None:
        """Ends what still works (sessions, delegations, applications), before anything is erased. Twice is as once."""
        ...

    async def erase(self, session: AsyncSession, erasure: Erasure) -> Erased:
        """Erases what is not spared, in the caller's transaction. Twice is as once."""
        ...


class Outside(Protocol):
    """Copies of a person's data outside the database."""

    async def forget(self, person: UUID) -> None:
        """Raises :class:`core.errors.ServiceUnavailable` when it cannot; then the erasure is tried again."""
        ...


@dataclass(frozen=True, slots=True)
class Nobodys:
    """Why a table is nobody's."""

    reason: str
    names: Mapping[str, str] = field(default_factory=dict)
    """Columns that look like a person's key, and why they are none, or whose they are."""


def store_of(stores: Collection[PersonalData], name: str) -> PersonalData | None:
    return next((store for store in stores if store.about.name == name), None)


SUBJECT_KEY: Final = "subject_key"
PERSON: Final = "person"
