"""Tables of the room that pays: awards, their instalments, the runs that pay them, and what did not match."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from core.database import Instant, Json
from core.sealed import sealed
from services.pay.states import InstalmentStatus, RunStatus

_PLANNED = text("status = 'PLANNED'")
_OPEN = text("released_at IS NULL")
_STANDING = text("annulled_at IS NULL")
_FIRST = text("repeats IS NULL AND supplements IS NULL")
_MONTH = text("status NOT IN ('CANCELLED', 'RETURNED') AND supplements IS NULL")
_SUPPLEMENT = text("repeats IS NULL AND supplements IS NOT NULL")
_SUPPLEMENT_COUNTS = text("status NOT IN ('CANCELLED', 'RETURNED') AND supplements IS NOT NULL")


def _one_of(column: str, values: type[InstalmentStatus | RunStatus]) -> str:
    return f"{column} IN ({', '.join(repr(v.value) for v in values)})"


class Award(SQLModel, table=True):
    """What an approved application leads to: the right to be paid each month, until it ends."""

    __tablename__ = "award"
    __table_args__ = (Index("ix_award_agency_starts_on", "agency", "starts_on"),)

    person: UUID = Field(primary_key=True)
    """The payee."""
    id: UUID = Field(primary_key=True)
    application: UUID = Field(unique=True)
    beneficiary: UUID
    """For whom: the payee, or a child."""
    subject: str = Field(max_length=100)
    """`programme:<slug>` or `service:<slug>`."""
    title: dict[str, str] = Field(sa_type=Json)
    """`{"th", "en"}`, as it was when it was granted."""
    agency: str = Field(max_length=100)
    """Slug of the agency that pays."""
    starts_on: date
    """First day of the first month that is paid; there is no pay for the time before the application."""
    ends_on: date | None = None
    """The day on which it ended; nothing is scheduled from then on."""
    created_at: datetime = Field(sa_type=Instant)


class PaymentRun(SQLModel, table=True):
    """Instalments of one agency and period that are paid by one file, of bounded size. `id` is its message id."""

    __tablename__ = "payment_run"
    __table_args__ = (
        CheckConstraint("approved_by IS NULL OR approved_by <> planned_by", name="four_eyes"),
        CheckConstraint("status = 'PLANNED' OR approved_by IS NOT NULL", name="approved_before_it_goes_on"),
        CheckConstraint(_one_of("status", RunStatus), name="status"),
        CheckConstraint("instalments > 0 AND total > 0", name="not_empty"),
        CheckConstraint("withheld >= 0 AND withheld < total", name="withheld"),
        Index(
            "uq_payment_run_planned",
            "agency",
            "period",
            "part",
            unique=True,
            postgresql_where=_PLANNED,
            sqlite_where=_PLANNED,
        ),
        Index("ix_payment_run_agency_status", "agency", "status"),
        Index("ix_payment_run_payday", "payday", "part"),
    )

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    period: date
    """First day of the month that is paid."""
    status: str = Field(default=RunStatus.PLANNED.value, max_length=20)
    instalments: int
    total: int = Field(sa_type=BigInteger)
    """Satang."""
    withheld: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """Satang of the total that do not go to the bank, but pay back what was overpaid; known once it is approved."""
    content_hash: bytes
    """SHA-256 over what was planned: who, how much, when. Checked again at approval and when the file is written."""
    planned_by: UUID
    planned_at: datetime = Field(sa_type=Instant)
    approved_by: UUID | None = None
    approved_at: datetime | None = Field(default=None, sa_type=Instant)
    submitted_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the file was stored, before the first attempt to send it."""
    file_hash: bytes | None = None
    """SHA-256 of the file."""
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the bank's answer to the file was taken in; until then it is sent again."""
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    payday: UUID | None = None
    """The payday that this is a part of, and with which it is approved; None for one that stands alone."""
    part: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """From 1, in the order of the instalments' ids."""
    claimed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When a worker last took it up, so that workers of the same hour do not take up the same. It decides nothing."""


class Payday(SQLModel, table=True):
    """What one agency pays for one month, planned and approved as one; its runs are files of bounded size.

    It goes with the last of its runs.
    """

    __tablename__ = "payday"

    id: UUID = Field(primary_key=True)
    agency: str = Field(max_length=100)
    period: date
    content_hash: bytes
    """SHA-256 over the content hashes of its runs, in the order of their parts."""


class PaymentFile(SQLModel, table=True):
    """The bytes that were, or are about to be, handed to the bank; sealed, for they carry national IDs."""

    __tablename__ = "payment_file"

    run: UUID = Field(primary_key=True, foreign_key="payment_run.id")
    sealed: bytes = sealed("payment_file.sealed", by="run")


class Instalment(SQLModel, table=True):
    """One payment of one award for one month. `id` is the EndToEndId at the bank and the idempotency key (ADR 0007).

    What came back is paid again by another, with an id of its own, that names it; each is followed by one at most, and
    of one month at most one is neither returned nor cancelled. So it is of what supplements it: each underpayment is
    paid by one.
    """

    __tablename__ = "instalment"
    __table_args__ = (
        ForeignKeyConstraint(["person", "award"], ["award.person", "award.id"]),
        UniqueConstraint("repeats"),
        Index(
            "uq_instalment_award_period",
            "award",
            "period",
            unique=True,
            postgresql_where=_FIRST,
            sqlite_where=_FIRST,
        ),
        # A second award for the same beneficiary (withdrawn, applied again) does not pay a month twice.
        Index(
            "uq_instalment_beneficiary_subject_period",
            "beneficiary",
            "subject",
            "period",
            unique=True,
            postgresql_where=_MONTH,
            sqlite_where=_MONTH,
        ),
        # What is owed beyond what was paid is paid by one, or by one that repeats it.
        Index(
            "uq_instalment_supplements",
            "supplements",
            unique=True,
            postgresql_where=_SUPPLEMENT,
            sqlite_where=_SUPPLEMENT,
        ),
        Index(
            "uq_instalment_supplements_counting",
            "supplements",
            unique=True,
            postgresql_where=_SUPPLEMENT_COUNTS,
            sqlite_where=_SUPPLEMENT_COUNTS,
        ),
        CheckConstraint("satang > 0", name="positive"),
        CheckConstraint("withheld >= 0 AND withheld < satang", name="withheld"),
        CheckConstraint(_one_of("status", InstalmentStatus), name="status"),
        CheckConstraint(
            "(run IS NULL) = (status IN ('SCHEDULED', 'CANCELLED'))", name="in_a_run_once_it_is_past_scheduled"
        ),
        Index("ix_instalment_person_due", "person", "due_on", "id"),
        Index("ix_instalment_agency_period_status", "agency", "period", "status"),
    )

    person: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True, unique=True)
    award: UUID
    beneficiary: UUID
    subject: str = Field(max_length=100)
    agency: str = Field(max_length=100)
    period: date
    """First day of the month."""
    satang: int = Field(sa_type=BigInteger)
    due_on: date
    """The programme's payday, or the last bank day before it."""
    withheld: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """Satang of it that pay back what was overpaid, from when its run is approved (services/pay/recovery)."""
    destination: UUID | None = None
    """The payee's word on where to pay, as it was when the run was planned; None for PromptPay on the national ID."""
    status: str = Field(default=InstalmentStatus.SCHEDULED.value, max_length=20)
    run: UUID | None = Field(default=None, foreign_key="payment_run.id", index=True)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
    bank_reference: str | None = Field(default=None, max_length=35)
    """The bank's reference of the entry that settled or returned it."""
    reversal_reference: str | None = Field(default=None, max_length=35)
    """The other one, where there are two: of the entry by which the bank took back what it had booked."""
    reason: str | None = Field(default=None, max_length=35)
    """Why it came back: an ISO 20022 external reason code."""
    repeats: UUID | None = None
    """The instalment that came back and that this one pays again."""
    supplements: UUID | None = None
    """The underpayment that it pays: so much more of its month than others pay of it."""
    refunds: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether that was withheld, or paid back, and was not owed: then it is no part of what is due of the month."""
    created_at: datetime = Field(sa_type=Instant)

    @property
    def net(self) -> int:
        """Satang that go to the bank."""
        return self.satang - self.withheld


class HeldMonth(SQLModel, table=True):
    """A month of a running award that is not paid yet, since nobody can say what is due or when. It is tried again."""

    __tablename__ = "held_month"
    __table_args__ = (
        ForeignKeyConstraint(["person", "award"], ["award.person", "award.id"]),
        Index("ix_held_month_open", "award", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    person: UUID = Field(primary_key=True)
    award: UUID = Field(primary_key=True)
    period: date = Field(primary_key=True)
    """First day of the month."""
    agency: str = Field(max_length=100)
    reason: str = Field(max_length=20)
    """Of :class:`services.pay.holding.HoldReason`."""
    needs: list[str] = Field(sa_type=Json)
    """Ids of the facts that are to be read first; names, never values."""
    held_at: datetime = Field(sa_type=Instant)
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was scheduled after all, or its award had ended."""


class Overpayment(SQLModel, table=True):
    """Money that went out, or is on its way, for a month in which less of it was due.

    What is found is handed over here; whether and how it is recovered is for those who collect it. An instalment that
    the bank returns after all was not overpaid: its own status says so.
    """

    __tablename__ = "overpayment"
    __table_args__ = (
        ForeignKeyConstraint(["person", "instalment"], ["instalment.person", "instalment.id"]),
        Index("uq_overpayment_standing", "instalment", unique=True, postgresql_where=_STANDING, sqlite_where=_STANDING),
        CheckConstraint("satang > 0 AND satang <= paid", name="no_more_than_was_paid"),
        Index("ix_overpayment_agency", "agency", "id"),
    )

    person: UUID = Field(primary_key=True)
    """The payee."""
    id: UUID = Field(primary_key=True)
    instalment: UUID
    award: UUID
    agency: str = Field(max_length=100)
    period: date
    paid: int = Field(sa_type=BigInteger)
    """Satang of the instalment."""
    satang: int = Field(sa_type=BigInteger)
    """How much of it was not due."""
    cause: str = Field(max_length=30)
    """Why the right was less: `DEATH`, or the cause of the re-assessment."""
    found_at: datetime = Field(sa_type=Instant)
    annulled_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the right turned out to stand after all, on appeal for instance: then nothing was overpaid."""
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the agency's claim fell: it was annulled, or the bank sent the money back."""


class ReconciliationBreak(SQLModel, table=True):
    """Something the bank said that does not fit what was sent. It waits for a person; nothing is ever guessed."""

    __tablename__ = "reconciliation_break"
    __table_args__ = (UniqueConstraint("run", "kind", "bank_reference", "end_to_end"),)

    id: UUID = Field(primary_key=True)
    run: UUID = Field(foreign_key="payment_run.id")
    """The run whose file or notification it came in."""
    kind: str = Field(max_length=30)
    entry_kind: str | None = Field(default=None, max_length=10)
    """Whether the bank says that money left (PAID) or came back (RETURNED); null for older rows."""
    bank_reference: str = Field(max_length=35)
    end_to_end: str = Field(max_length=35)
    """As the bank wrote it."""
    expected: int | None = Field(default=None, sa_type=BigInteger)
    """Satang; null when nothing was expected."""
    found: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    found_at: datetime = Field(sa_type=Instant)


class BreakResolution(SQLModel, table=True):
    """What became of a break: the bank mended it, or two officers decided, one after the other."""

    __tablename__ = "break_resolution"
    __table_args__ = (
        CheckConstraint("closed_by IS NULL OR closed_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(proposed_by IS NULL) = (outcome = 'BANK_MENDED')", name="proposed_by_an_officer"),
        CheckConstraint(
            "(closed_by IS NULL) = (closed_at IS NULL OR outcome = 'BANK_MENDED')", name="closed_by_another"
        ),
        CheckConstraint(
            "outcome IN ('BANK_MENDED', 'NO_MONEY_MOVED', 'CLAIMED', 'OWED_AGAIN', 'PAID')", name="outcome"
        ),
    )

    break_id: UUID = Field(primary_key=True, foreign_key="reconciliation_break.id")
    outcome: str = Field(max_length=20)
    """Of :class:`services.pay.breaks.BreakOutcome`."""
    reason: str = Field(max_length=500)
    """In the words of whoever proposed it; no personal data."""
    proposed_by: UUID | None = None
    proposed_at: datetime = Field(sa_type=Instant)
    closed_by: UUID | None = None
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
