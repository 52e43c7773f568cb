"""Tables of the ledger. All three are append-only: triggers of migration 0002 refuse UPDATE and DELETE.

The same migration proves the balance inside the database: a transaction's postings are written first (the foreign key
waits for the commit), then its head, whose trigger refuses it unless there are two postings or more and they sum to
zero; and no posting joins a transaction whose head is there. So neither half of a transaction can be stored alone.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Uuid
from sqlmodel import Field, SQLModel

from core.database import Instant


class AccountKind(StrEnum):
    ASSET = "ASSET"
    LIABILITY = "LIABILITY"
    EXPENSE = "EXPENSE"


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
