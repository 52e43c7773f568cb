"""Which columns are sealed, and to what: declared on the column, so that one program can re-seal every table.

A room declares it in one line of its model and seals with the same words::

    class Contact(SQLModel, table=True):
        person: UUID = Field(primary_key=True)
        email_sealed: bytes = sealed("contact.email", by="person")

    keys.seal(plain, bound_to=bound_to(Contact.email_sealed, person))   # "contact.email:<hex of the person's key>"

`tests/laws/test_sealed.py` finds a `*_sealed` column that declares nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, MetaData, Table
from sqlmodel import Field

_INFO: Final = "sealed"


@dataclass(frozen=True, slots=True)
class Binding:
    """What a column's seals are bound to: a label, and columns of the same row that never change."""

    label: str
    by: tuple[str, ...]
    subject: str | None = None
    """The column with the person under whose own data key it is sealed (core/envelope.py); None: under the ring's."""

    def of(self, *key: object) -> str:
        """The `bound_to` of the row whose columns `by` hold these values."""
        if len(key) != len(self.by):
            raise ValueError(f"{self.label} is bound to {', '.join(self.by)}")
        return ":".join((self.label, *map(_plain, key)))

    def of_row(self, row: Mapping[str, Any]) -> str:
        return self.of(*(row[name] for name in self.by))


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A declared column of a table."""

    table: Table
    column: Column[Any]
    binding: Binding

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"


def sealed(label: str, *, by: str | tuple[str, ...], subject: str | None = None, **more: Any) -> Any:
    """A field for a sealed column. `label` is `table.column` and unlike every other; `by` names columns of the row.

    `subject` names the column with the person under whose data key it is sealed: for tables whose rows never change.
    What else a field takes (`default=None` for one that may be empty) goes through.
    """
    names = (by,) if isinstance(by, str) else by
    return Field(sa_column_kwargs={"info": {_INFO: Binding(label, names, subject)}}, **more)


def binding_of(column: Any) -> Binding:
    """The declaration of a model's attribute (`Person.national_id_sealed`) or of a table's column."""
    found = column.info.get(_INFO)
    if not isinstance(found, Binding):
        raise TypeError(f"{column} does not say what it is bound to")
    return found


def bound_to(column: Any, *key: object) -> str:
    """What a seal in this column of the row with that key is bound to."""
    return binding_of(column).of(*key)


def sealed_columns(metadata: MetaData) -> list[SealedColumn]:
    """Every declared column, by table and column."""
    return [
        SealedColumn(table, column, column.info[_INFO])
        for table in sorted(metadata.tables.values(), key=lambda one: one.name)
        for column in table.columns
        if _INFO in column.info
    ]


def _plain(value: object) -> str:
    """Without a colon, so that no two rows are bound to the same words."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes):
        return value.hex()
    text = str(value)
    if ":" in text or not text:
        raise ValueError("a row is bound by keys without a colon in them")
    return text
