"""Tables of determinations over whole populations, and of who was told that they are newly entitled."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json

_UNTOLD: Final = text("told_at IS NULL AND ended_on IS NULL")


class DeterminationRun(SQLModel, table=True):
    """What two officers decided to find out about a population. Its id is their proposal's, and the gate's run's."""

    __tablename__ = "determination_run"
    __table_args__ = (
        CheckConstraint("state IN ('APPROVED', 'READING', 'DECIDED', 'DELETED')", name="state_known"),
        CheckConstraint("maker <> checker", name="two_officers"),
        Index("ix_determination_run_keep_until", "keep_until"),
    )

    id: UUID = Field(primary_key=True)
    agency: str
    maker: UUID
    checker: UUID
    purpose: str
    kind: str
    """One of :class:`welfare.determination.purposes.Kind`."""
    programmes: list[str] = Field(sa_type=Json)
    attributes: list[str] = Field(sa_type=Json)
    population: str
    """One of :class:`welfare.determination.purposes.Whom`."""
    tells: bool
    """Whether people who are newly entitled are told."""
    candidate: dict[str, Any] | None = Field(sa_type=Json)
    """Of a rule that is tried: `{"version": frozen, "on": day}`."""
    state: str
    approved_at: datetime = Field(sa_type=Instant)
    keep_until: datetime = Field(sa_type=Instant)
    """When everything that was found out is deleted; set by the officers, within what the purpose allows."""
    decided_on: date | None = None
    """The day as of which it was last decided."""
    followed_at: datetime | None = Field(default=None, sa_type=Instant)
    """Up to when corrections of facts were followed."""
    evaluated: dict[str, int] = Field(sa_type=Json)
    """By programme: so many times its rules were put to somebody."""
    people: int = 0
    tally: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """While a rule is tried: the figures so far, and of children how far. Emptied when the report is written."""
    report: str | None = None
    """Signed: a compact JWS of type `sitthi-rule-impact+jwt`."""


class DeterminationAnswer(SQLModel, table=True):
    """Who is entitled, or would be if a fact were known. Whoever is not entitled has no row."""

    __tablename__ = "determination_answer"
    __table_args__ = (
        CheckConstraint("outcome IN ('MET', 'UNKNOWN')", name="outcome_known"),
        Index("ix_determination_answer_run", "run", "programme", "outcome"),
    )

    person: UUID = Field(primary_key=True)
    run: UUID = Field(sa_column_args=(ForeignKey("determination_run.id"),), primary_key=True)
    programme: str = Field(primary_key=True, max_length=100)
    beneficiary: UUID = Field(primary_key=True)
    """The person, or the child whom it is for. The person as well, where nobody could say whom they have."""
    outcome: str = Field(max_length=10)
    decided_on: date


class EntitlementSpell(SQLModel, table=True):
    """A time in which somebody was found entitled to a programme without having applied; the first has number 1."""

    __tablename__ = "entitlement_spell"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number_counts"),
        Index("ix_entitlement_spell_untold", "began_on", postgresql_where=_UNTOLD, sqlite_where=_UNTOLD),
        Index("ix_entitlement_spell_ended_on", "ended_on"),
    )

    person: UUID = Field(primary_key=True)
    programme: str = Field(primary_key=True, max_length=100)
    beneficiary: UUID = Field(primary_key=True)
    """The person, or the child whom it is for."""
    number: int = Field(primary_key=True)
    began_on: date
    ended_on: date | None = None
    """The first day on which the rules said no. Unknown ends nothing."""
    purpose: str = Field(max_length=100)
    """For which the facts were read; who had that stopped is not told."""
    told_at: datetime | None = Field(default=None, sa_type=Instant)
