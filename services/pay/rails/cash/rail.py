"""The rail of cash: a file becomes slips; slips that were paid out, or that nobody came for, are what it booked."""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, bangkok_day
from core.database import Database
from core.money import CURRENCY, Money
from identity.counter.codes import ALPHABET
from services.pay.accounts import Cash
from services.pay.errors import BankFileRefused
from services.pay.iso20022.xml import BAD_VALUE
from services.pay.mending import NOT_COLLECTED
from services.pay.models import Instalment
from services.pay.rails.cash.models import CashSlip
from services.pay.rails.contract import Answer, Entry, EntryKind, Order, PaidFrom, Verdict
from services.pay.writing import insert_new

COLLECTED_WITHIN_DAYS: Final = 30
"""After the day on which it is due (unverified: each agency's regulation says its own)."""
_NUMBER_LENGTH: Final = 10
_BATCH: Final = 500
_UNKNOWN, _DUPLICATION = "AC01", "AM05"


class CashRail:
    """Keeps transactions of its own, as a bank would."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def write(self, order: Order) -> bytes:
        """Raises ValueError for a payee who is not paid in cash."""
        if not all(isinstance(transfer.payee, Cash) for transfer in order.transfers):
            raise ValueError("not cash")
        transfers = sorted((t.end_to_end.hex, t.money.satang, t.pay_on.isoformat()) for t in order.transfers)
        return orjson.dumps({"cash": order.message.hex, "agency": order.payer.agency, "payments": transfers})

    async def submit(self, order: UUID, file: bytes) -> Answer:
        agency, payments = _read(order, file)
        async with self._db.write() as session:
            payees = await _payees(session, agency, list(payments))
            rows = [self._slip(order, agency, payees[key], key, *payments[key]) for key in payments if key in payees]
            await insert_new(session, CashSlip, rows)
            ours = await _ours(session, order)
        rejected = {key: _DUPLICATION if key in payees else _UNKNOWN for key in payments if key not in ours}
        if len(rejected) == len(payments):
            return Answer(order, Verdict.REJECTED, "", rejected)
        return Answer(order, Verdict.PARTLY if rejected else Verdict.ACCEPTED, "", rejected)

    async def booked(self, order: UUID) -> tuple[Entry, ...]:
        now = self._clock.now()
        today = bangkok_day(now)
        async with self._db.write() as session:
            await session.execute(
                update(CashSlip)
                .where(
                    col(CashSlip.message) == order,
                    col(CashSlip.paid_at).is_(None),
                    col(CashSlip.returned_at).is_(None),
                    col(CashSlip.expires_on) < today,
                )
                .values(returned_at=now)
                .execution_options(synchronize_session=False)
            )
            query = select(CashSlip).where(
                col(CashSlip.message) == order,
                col(CashSlip.paid_at).is_not(None) | col(CashSlip.returned_at).is_not(None),
            )
            return tuple(_entry(slip) for slip in await session.scalars(query.order_by(col(CashSlip.id))))

    def _slip(self, order: UUID, agency: str, person: UUID, key: UUID, money: Money, pay_on: date) -> dict[str, Any]:
        return {
            "person": person,
            "id": key,
            "number": "".join(secrets.choice(ALPHABET) for _ in range(_NUMBER_LENGTH)),
            "message": order,
            "agency": agency,
            "satang": money.satang,
            "payable_from": pay_on,
            "expires_on": pay_on + timedelta(days=COLLECTED_WITHIN_DAYS),
            "codes": 0,
            "tries": 0,
            "created_at": self._clock.now(),
        }


def _read(order: UUID, file: bytes) -> tuple[str, dict[UUID, tuple[Money, date]]]:
    try:
        document = orjson.loads(file)
        message, agency = UUID(hex=document["cash"]), str(document["agency"])
        payments = {
            UUID(hex=key): (Money(satang), date.fromisoformat(pay_on)) for key, satang, pay_on in document["payments"]
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BankFileRefused(BAD_VALUE, "file") from None
    if message != order or not payments:
        raise BankFileRefused(BAD_VALUE, "message")
    return agency, payments


async def _payees(session: AsyncSession, agency: str, keys: list[UUID]) -> dict[UUID, UUID]:
    """Whose instalments of the agency they are."""
    found: dict[UUID, UUID] = {}
    for start in range(0, len(keys), _BATCH):
        query = select(col(Instalment.id), col(Instalment.person)).where(
            col(Instalment.id).in_(keys[start : start + _BATCH]), col(Instalment.agency) == agency
        )
        found |= dict((await session.execute(query)).tuples().all())
    return found


async def _ours(session: AsyncSession, order: UUID) -> frozenset[UUID]:
    return frozenset(await session.scalars(select(col(CashSlip.id)).where(col(CashSlip.message) == order)))


def _entry(slip: CashSlip) -> Entry:
    is_paid = slip.paid_at is not None
    at = slip.paid_at or slip.returned_at
    assert at is not None, "asked for so"
    return Entry(
        kind=EntryKind.PAID if is_paid else EntryKind.RETURNED,
        reference=f"{'CP' if is_paid else 'CR'}{slip.number}",
        end_to_end=slip.id.hex,
        money=Money(slip.satang),
        currency=CURRENCY,
        booked_at=at,
        reason="" if is_paid else NOT_COLLECTED,
        paid_from=PaidFrom.CASH,
    )
