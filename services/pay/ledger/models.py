"""Tables of the ledger. All three are append-only: triggers of migration 0002 refuse UPDATE and DELETE.

The database proves the balance by itself (migrations 0002 and, for PostgreSQL, 0028): a transaction's postings are
written first, in one statement, then its head, which is refused unless there are two postings or more and they sum to
zero; and no posting joins a transaction that is there. Neither half of a transaction can be stored alone.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Uuid, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json

_UNDECIDED = text("outcome IS NULL")


class AccountKind(StrEnum):
    ASSET = "ASSET"
    LIABILITY = "LIABILITY"
    EXPENSE = "EXPENSE"
    BUDGET = "BUDGET"
    """What may be spent, and what of it is: beside the money itself (services/pay/budget)."""


class LedgerAccount(SQLModel, table=True):
    """One account of one agency. `id` follows from agency and code (:func:`services.pay.ledger.service.account_id`)."""

    __tablename__ = "ledger_account"
    __table_args__ = (Index("uq_ledger_account_agency_code", "agency", "code", unique=True),)

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    code: str = Field(max_length=40)
    kind: str = Field(max_length=10)


class LedgerTransaction(SQLModel, table=True):
    """The head of a transaction. `id` follows from `key`, the business key: what happened, to what."""

    __tablename__ = "ledger_transaction"

    id: UUID = Field(primary_key=True)
    key: str = Field(max_length=100, unique=True)
    booked_at: datetime = Field(sa_type=Instant, index=True)


class LedgerPosting(SQLModel, table=True):
    """One line: an amount in satang on one account, debit positive, credit negative."""

    __tablename__ = "ledger_posting"
    __table_args__ = (CheckConstraint("satang <> 0", name="not_zero"),)

    transaction_id: UUID = Field(
        sa_column=Column(
            Uuid(), ForeignKey("ledger_transaction.id", deferrable=True, initially="DEFERRED"), primary_key=True
        )
    )
    line: int = Field(primary_key=True)
    """From 1, in the order of the transaction."""
    account: UUID = Field(foreign_key="ledger_account.id", index=True)
    satang: int = Field(sa_type=BigInteger)


class LedgerPeriod(SQLModel, table=True):
    """A closed month: nothing is booked any more into it, nor into one before it. Append-only.

    Triggers of migration 0025 refuse every transaction whose Bangkok month is closed for an agency of its postings.
    """

    __tablename__ = "ledger_period"

    agency: str = Field(primary_key=True, max_length=100)
    month: date = Field(primary_key=True)
    """Its first day."""
    act: UUID = Field(foreign_key="ledger_act.id")
    closed_at: datetime = Field(sa_type=Instant)


class LedgerAct(SQLModel, table=True):
    """What two officers do to an agency's books: one proposes, another confirms or refuses, once."""

    __tablename__ = "ledger_act"
    __table_args__ = (
        CheckConstraint("outcome <> 'CONFIRMED' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_by IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint("outcome IN ('CONFIRMED', 'REFUSED', 'WITHDRAWN')", name="outcome"),
        Index("ix_ledger_act_open", "agency", "id", postgresql_where=_UNDECIDED, sqlite_where=_UNDECIDED),
    )

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    kind: str = Field(max_length=20)
    """Of :class:`services.pay.ledger.acts.ActKind`."""
    payload: dict[str, Any] = Field(sa_type=Json)
    """What it would do: programmes, months, amounts, ids; no one's number or name."""
    reason: str = Field(max_length=500)
    proposed_by: UUID
    proposed_at: datetime = Field(sa_type=Instant)
    outcome: str | None = Field(default=None, max_length=10)
    decided_by: UUID | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)


class LedgerUnfinished(SQLModel, table=True):
    """PostgreSQL only: what a database transaction has begun to book. Written and removed by triggers (migration 0028),
    and empty whenever anybody looks; on SQLite always."""

    __tablename__ = "ledger_unfinished"

    id: UUID = Field(primary_key=True)
    xid: int = Field(sa_type=BigInteger, index=True)
    transactions: int = Field(sa_type=BigInteger)
    """Positive for transactions that have postings now, negative for those that have their heads."""
