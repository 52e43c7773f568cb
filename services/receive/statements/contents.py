"""What a statement says: every payment of one citizen that the bank booked in a year, exact to the satang."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import bangkok_day, start_of_bangkok_day
from core.crypto import KeyRing
from core.money import Money
from core.text import Text
from services.pay.models import Instalment
from services.pay.states import InstalmentStatus
from services.receive.models import Receipt
from services.receive.proof import VERSION, holder
from services.receive.statements.years import Year
from services.receive.withheld.reading import LAW, Deduction, Reduced, deductions
from services.receive.wording import TitleOf, day_in_words, month_in_words

STATEMENT_TYPE: Final = "sitthi-statement+jwt"
ATTACHED: Final = "statement.json"
"""The name of the file within the PDF that holds what the signature covers."""
HOLDER_OF_ALL: Final = "*"
"""Whose statement it is: by another reference than any agency's receipts bear."""


@dataclass(frozen=True, slots=True)
class Line:
    """One payment."""

    settled: date
    period: date
    number: str
    satang: int
    """What reached the bank."""
    withheld: int = 0
    """What was due beside it, and paid back what had been paid too much."""
    agreed_on: tuple[date, ...] = ()
    """The days on which the citizen agreed to that."""


@dataclass(frozen=True, slots=True)
class Part:
    """All payments of one programme by one agency, the earliest first."""

    subject: str
    title: Text
    agency: str
    lines: tuple[Line, ...]

    @property
    def satang(self) -> int:
        return sum(line.satang for line in self.lines)

    @property
    def withheld(self) -> int:
        return sum(line.withheld for line in self.lines)


@dataclass(frozen=True, slots=True)
class Statement:
    year: Year
    until: date
    """The last day that it tells of: the year's, or today."""
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        return sum(len(part.lines) for part in self.parts)

    @property
    def satang(self) -> int:
        return sum(part.satang for part in self.parts)

    @property
    def withheld(self) -> int:
        return sum(part.withheld for part in self.parts)

    def by_month(self) -> Mapping[date, int]:
        """Satang by the month in which it was paid, in their order; months without a payment are left out."""
        found: dict[date, int] = {}
        for line in sorted((line for part in self.parts for line in part.lines), key=lambda line: line.settled):
            month = line.settled.replace(day=1)
            found[month] = found.get(month, 0) + line.satang
        return found


async def read(session: AsyncSession, person: UUID, year: Year, today: date) -> Statement:
    """The person's own payments. What the bank took back after it had booked it was not received, and is left out."""
    returned = InstalmentStatus.RETURNED.value
    query = (
        select(Receipt, Instalment)
        .outerjoin(
            Instalment,
            (col(Instalment.person) == col(Receipt.person)) & (col(Instalment.id) == col(Receipt.instalment)),
        )
        .where(
            col(Receipt.person) == person,
            col(Receipt.settled_at) >= start_of_bangkok_day(year.first),
            col(Receipt.settled_at) < start_of_bangkok_day(Year(year.number + 1, year.calendar).first),
            or_(col(Instalment.status).is_(None), col(Instalment.status) != returned),
        )
        .order_by(col(Receipt.settled_at), col(Receipt.id))
    )
    found: Sequence[tuple[Receipt, Instalment | None]] = (await session.execute(query)).tuples().all()
    reduced = await deductions(session, [Reduced.of(payment) for _, payment in found if payment is not None])
    grouped: dict[tuple[str, str], list[tuple[Receipt, Line]]] = {}
    for row, payment in found:
        line = _line(row, payment, reduced.get(row.instalment, ()))
        grouped.setdefault((row.subject, row.agency), []).append((row, line))
    parts = tuple(
        Part(subject, Text(**rows[-1][0].title), agency, tuple(line for _, line in rows))
        for (subject, agency), rows in sorted(grouped.items())
    )
    return Statement(year, min(today, year.last), parts)


def signed_file(statement: Statement, masked_id: str) -> bytes:
    """Canonical JSON of all that the statement says; its SHA-256 is in the signature. It is attached to the PDF."""
    said = {
        "v": VERSION,
        "holder": masked_id,
        "from": statement.year.first.isoformat(),
        "until": statement.until.isoformat(),
        "satang": statement.satang,
        "withheld": statement.withheld,
        "programmes": [
            {
                "for": part.subject,
                "title": {"th": part.title.th, "en": part.title.en},
                "agency": part.agency,
                "satang": part.satang,
                "withheld": part.withheld,
                "payments": [
                    {
                        "number": line.number,
                        "settled": line.settled.isoformat(),
                        "period": f"{line.period:%Y-%m}",
                        "satang": line.satang,
                        "withheld": line.withheld,
                        "agreed": [day.isoformat() for day in line.agreed_on],
                    }
                    for line in part.lines
                ],
            }
            for part in statement.parts
        ],
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def statement_claims(statement: Statement, attached: bytes, keys: KeyRing, person: UUID) -> dict[str, Any]:
    """What the QR code proves: the year, the sum, and the digest of everything else."""
    return {
        "v": VERSION,
        "year": statement.year.number,
        "calendar": statement.year.calendar.value,
        "until": statement.until.isoformat(),
        "payments": statement.count,
        "satang": statement.satang,
        "sha256": hashlib.sha256(attached).hexdigest(),
        "sub": holder(keys, person, HOLDER_OF_ALL),
    }


def shown(statement: Statement, titles: TitleOf) -> dict[str, Any]:
    """For the template: every amount and day in words, in both languages."""
    year = statement.year
    return {
        "title": _both(Text(th="หนังสือแสดงรายการรับเงิน", en="Statement of payments received")),
        "year": _both(year.title),
        "from": _both(day_in_words(year.first)),
        "until": _both(day_in_words(statement.until)),
        "is_whole": statement.until == year.last,
        "total": _baht(statement.satang),
        **_due(statement.satang, statement.withheld),
        "law": _both(LAW),
        "count": statement.count,
        "months": [
            {"month": _both(month_in_words(month)), "amount": _baht(satang)}
            for month, satang in statement.by_month().items()
        ],
        "parts": [_part(part, titles) for part in statement.parts],
    }


def _part(part: Part, titles: TitleOf) -> dict[str, Any]:
    return {
        "title": _both(part.title),
        "agency": _both(titles(part.agency)),
        "count": len(part.lines),
        "total": _baht(part.satang),
        **_due(part.satang, part.withheld),
        "lines": [
            {
                "settled": _both(day_in_words(line.settled)),
                "period": _both(month_in_words(line.period)),
                "number": line.number,
                "amount": _baht(line.satang),
                **_due(line.satang, line.withheld),
                "agreed": [_both(day_in_words(day)) for day in line.agreed_on],
            }
            for line in part.lines
        ],
    }


def _due(satang: int, withheld: int) -> dict[str, str]:
    """What was due, and what was withheld of it; no words where nothing was."""
    return {"gross": _baht(satang + withheld), "withheld": _baht(withheld) if withheld else ""}


def _line(row: Receipt, payment: Instalment | None, less: Sequence[Deduction]) -> Line:
    days = tuple(sorted({one.agreed_on for one in less if one.agreed_on is not None}))
    withheld = 0 if payment is None else payment.withheld
    return Line(bangkok_day(row.settled_at), row.period, row.number, row.satang, withheld, days)


def _baht(satang: int) -> str:
    return str(Money(satang))


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
