"""How long personal data are kept (data/retention.yaml), and the job that deletes what is over (PDPA 2562 s.37(3))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Date,
    Table,
    delete,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.personal_data import PersonalData
from core.personal_rows import blanked
from core.strict_yaml import read_any
from core.text import Text
from services.exchange.privacy.holds import LegalHolds
from services.exchange.privacy.states import Step
from services.exchange.privacy.trail import Trail

FILE: Final = "retention.yaml"
THIS: Final = "this"
ERASURE: Final = "erasure"
BATCH: Final = 500
_JOB: Final = "job"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Words(_Strict):
    th: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Rule(_Strict):
    """What is done with rows of a table once their time is over."""

    table: str
    from_: str = Field(alias="from")
    do: Literal["delete", "blank"]
    when: Mapping[str, list[str]] = Field(default_factory=dict)


class _Class(_Strict):
    id: Annotated[str, Field(alias="class", pattern=r"^[a-z]+(-[a-z]+)*$")]
    days: int = Field(ge=0, le=36_500)
    by: str
    th: str = Field(min_length=1)
    en: str = Field(min_length=1)
    law: _Words
    rules: list[Rule]


@dataclass(frozen=True, slots=True)
class RetentionClass:
    id: str
    kept: timedelta | None
    """None: as long as the account."""
    by: str
    text: Text
    law: Text
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Over:
    """Rows whose time is over."""

    retention: str
    table: str
    do: str
    rows: int


@cache
def retention_classes() -> Mapping[str, RetentionClass]:
    """By id. Raises :class:`core.strict_yaml.FileError` or ValueError for a file that is not right."""
    return read((files(__package__) / "data" / FILE).read_text(encoding="utf-8"))


def read(written: str) -> Mapping[str, RetentionClass]:
    found: dict[str, RetentionClass] = {}
    for one in TypeAdapter(list[_Class]).validate_python(read_any(written, FILE)):
        if one.id in found:
            raise ValueError(f"{FILE}: the class {one.id} stands there twice")
        if bool(one.rules) != (one.by == THIS):
            raise ValueError(f"{FILE}: {one.id} has rules if this job carries it out, and else none")
        if one.by == THIS and one.days == 0:
            raise ValueError(f"{FILE}: {one.id} would delete at once")
        kept = timedelta(days=one.days) if one.days else None
        text_, law = Text(th=one.th, en=one.en), Text(th=one.law.th, en=one.law.en)
        found[one.id] = RetentionClass(one.id, kept, one.by, text_, law, tuple(one.rules))
    return found


class Retention:
    """The job. Any process may run it; rows go in batches, so that nobody waits for it."""

    def __init__(self, db: Database, clock: Clock, keys: KeyRing, stores: Sequence[PersonalData]) -> None:
        self._db, self._clock, self._keys = db, clock, keys
        self._holds, self._trail = LegalHolds(keys, clock, stores), Trail(clock)
        self._rows = {rows.table: rows for store in stores for rows in store.about.rows}

    async def run(self, *, dry: bool = False) -> list[Over]:
        """Deletes or blanks what is over; with `dry`, only counts it."""
        found: list[Over] = []
        for kind in retention_classes().values():
            for rule in kind.rules:
                rows = await (self._count(kind, rule) if dry else self._carry_out(kind, rule))
                if rows:
                    found.append(Over(kind.id, rule.table, rule.do, rows))
        return found

    async def _count(self, kind: RetentionClass, rule: Rule) -> int:
        async with self._db.read() as session:
            over = await self._over(session, kind, rule)
            return int(await session.scalar(select(func.count()).select_from(_table(rule)).where(*over)) or 0)

    async def _carry_out(self, kind: RetentionClass, rule: Rule) -> int:
        table, total = _table(rule), 0
        key = list(table.primary_key.columns)
        while True:
            async with self._db.write() as session:
                if self._db.is_sqlite:
                    await session.execute(text("PRAGMA secure_delete=ON"))
                over = await self._over(session, kind, rule)
                some = select(table).where(*over).limit(BATCH).with_for_update(skip_locked=True)
                rows = (await session.execute(some)).mappings().all()
                if rows and rule.do == "delete":
                    chosen = tuple_(*key).in_([tuple(row[c.name] for c in key) for row in rows])
                    await session.execute(delete(table).where(chosen))
                else:
                    for row in rows:
                        values = blanked(self._rows[rule.table], dict(row), self._keys)
                        await session.execute(update(table).where(*(c == row[c.name] for c in key)).values(values))
                total += len(rows)
                if rows:
                    await self._trail.note(
                        session,
                        Step.RETENTION,
                        person=None,
                        subject=None,
                        by=_JOB,
                        retention=kind.id,
                        table=table.name,
                        rows=len(rows),
                    )
            if len(rows) < BATCH:
                return total

    async def _over(self, session: AsyncSession, kind: RetentionClass, rule: Rule) -> list[ColumnElement[bool]]:
        """Past its time, in no hold, and nothing else hangs on it."""
        table, rows = _table(rule), self._rows[rule.table]
        assert kind.kept is not None, "a class with rules has a time"
        before = self._clock.now() - kind.kept
        counted = table.c[rule.from_]
        over = [counted < (bangkok_day(before) if isinstance(counted.type, Date) else before)]
        over += [table.c[name].in_(values) for name, values in rule.when.items()]
        held = (await self._holds.held_tables(session)).get(rule.table, set())
        if None in held:
            over.append(literal(False))  # noqa: FBT003 - a value
        over += [not_(table.c[name].in_([one for one in held if one is not None])) for name in rows.of if held - {None}]
        if rule.do == "delete":
            over += [not_(exists(query)) for query in _hanging_on(table)]
        else:
            over.append(or_(*(_not_blank(table, name, value) for name, value in rows.blank.items())))
        return over


def _not_blank(table: Table, name: str, value: Any) -> ColumnElement[bool]:
    """Whether a plain column still says something. A sealed one does not show it: its row is told by the others."""
    if callable(value):
        return not_(table.c[name].like("erased:%"))
    return literal(False) if value is not None else table.c[name].is_not(None)  # noqa: FBT003 - SQL's own false


def _hanging_on(table: Table) -> list[Any]:
    """A query for each table whose rows point at this one."""
    found = []
    for other in SQLModel.metadata.tables.values():
        for constraint in other.foreign_key_constraints:
            if constraint.referred_table is table:
                pairs = [element.parent == element.column for element in constraint.elements]
                found.append(select(1).select_from(other).where(*pairs))
    return found


def _table(rule: Rule) -> Table:
    return SQLModel.metadata.tables[rule.table]
