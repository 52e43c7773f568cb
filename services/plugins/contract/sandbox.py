"""The stand-in of an agency's own system, which a folder brings with it: `sandbox.py`, with `SANDBOX = Sandbox(…)`.

Outside production nobody asks a real agency. The sandboxes' population writes what the agency would know of its made-up
people into the agency's `tables`, a file of its own; its `answers`, by path, read that file. They are served under the
agency's slug, behind the same tokens and with the same faults on demand as every other's (docs/sandbox.md). All that is
about a person follows from the person: the same people make the same rows.

A registry of people answers :func:`no_such_person` for one whom it has no record of. A register of things answers with
an empty list or null: that there is none is an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any, Final, Protocol

from core.text import Text
from core.thai_dates import to_be_yyyymmdd
from services.plugins.contract.people import Household, Person

Row = tuple[Any, ...]
Rows = Iterable[Row]
Record = dict[str, Any]

MALFORMED: Final = Text(th="คำขอไม่ถูกต้อง", en="The request does not have the form it must have.")
NO_SUCH_PERSON: Final = Text(th="ไม่พบข้อมูลบุคคล", en="There is no record of this person.")


class Refusal(Exception):
    """What the system answers instead of data: a code and a text in both languages, never the number asked for."""

    def __init__(self, status: int, code: str, text: Text) -> None:
        super().__init__(code)
        self.status, self.code, self.text = status, code, text


def malformed() -> Refusal:
    return Refusal(400, "BAD_REQUEST", MALFORMED)


def no_such_person() -> Refusal:
    return Refusal(404, "PERSON_NOT_FOUND", NO_SUCH_PERSON)


class Province(Protocol):
    @property
    def name_th(self) -> str: ...

    @property
    def name_en(self) -> str: ...


class Desk(Protocol):
    """What an answer is given: the agency's own file, and what everybody knows."""

    def all(self, sql: str, *values: Any) -> list[Record]:
        """The rows of a query of the agency's own tables."""
        ...

    def one(self, sql: str, *values: Any) -> Record | None:
        """The first of them."""
        ...

    @property
    def as_of(self) -> date:
        """The day that the population was made for."""
        ...

    def province(self, code: str) -> Province:
        """By its two digits. Raises KeyError."""
        ...


Answer = Callable[[Desk, str, Mapping[str, Any]], Record]
"""The desk, the national ID asked for, and the whole of the request's body → what is answered about that person."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the agency's file."""

    name: str
    columns: str
    """Names, with commas between."""
    indexes: tuple[str, ...]
    """Columns of each index; the first index is how the agency looks things up."""
    rows: Callable[[Household, Person, date], Rows] | None = None
    """The rows of one person, on the day that the population is made for."""
    of_household: Callable[[Household], Rows] | None = None
    """The rows of a household as a whole, instead."""

    @property
    def width(self) -> int:
        return self.columns.count(",") + 1

    def rows_of(self, home: Household, as_of: date) -> Iterator[Row]:
        if self.of_household is not None:
            return iter(self.of_household(home))
        rows = self.rows
        assert rows is not None, f"{self.name} has no rows"
        return chain.from_iterable(rows(home, person, as_of) for person in home.members)


@dataclass(frozen=True, slots=True)
class Feed:
    """What others report to an agency whose plugin keeps records of its own: it goes to the plugin's operation of kind
    `ingest`, as they would send it (docs/sandbox-agencies.md)."""

    operation: str
    record: Callable[[Desk, Record], Record | None]
    """A row of `table`, as the record that is sent; None: nothing is reported of it."""
    table: str = ""
    """Of the agency's file; its rows in the order in which they were written."""
    rows: tuple[Record, ...] = ()
    """Instead of a table's."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The stand-in of one agency."""

    tables: tuple[Table, ...]
    answers: Mapping[str, Answer]
    feeds: tuple[Feed, ...] = ()
    """One after the other."""


def drawn(person: Person, what: str, below: int) -> int:
    """A number from 0 to below `below`, by chance as it looks, and always the same of this person and matter.

    For what the population does not say of its people.
    """
    digest = hashlib.sha256(f"{what}:{person.national_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


__all__ = [
    "Answer",
    "Desk",
    "Feed",
    "Household",
    "Person",
    "Province",
    "Record",
    "Refusal",
    "Row",
    "Rows",
    "Sandbox",
    "Table",
    "drawn",
    "malformed",
    "no_such_person",
    "to_be_yyyymmdd",
]
