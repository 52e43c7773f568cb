"""Where payees want their money, one row for each time they said so."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed


class PayoutDestination(SQLModel, table=True):
    """What a payee said on where to pay. The latest counts for what is planned from then on.

    Append-only: no row is ever changed or removed, so that each payment shows where it was meant to go.
    """

    __tablename__ = "payout_destination"
    __table_args__ = (
        CheckConstraint(
            "method IN ('PROMPTPAY_NATIONAL_ID', 'PROMPTPAY_MOBILE', 'BANK_ACCOUNT', 'CASH')", name="method"
        ),
    )

    person: UUID = Field(primary_key=True)
    """The payee."""
    id: UUID = Field(primary_key=True)
    """A UUID version 7: ids sort in the order of their making."""
    method: str
    """Of `services.pay.rails.contract.Method`."""
    account_sealed: bytes = sealed("payout_destination.account", by="id", subject="person")
    """JSON `{"number", "bank"}`; the number of a national ID is not kept here."""
    since: datetime = Field(sa_type=Instant)
    client: str = Field(max_length=64)
    """The app by which it was said; `counter:<agency>` where an officer wrote it down."""
    acr: str
    """How sure the sign-in was; `officer:<person>` where an officer wrote it down."""
