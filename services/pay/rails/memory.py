"""A rail in memory: for tests and trials, and the proof that the contract is not about ISO 20022."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import orjson

from core.clock import Clock
from core.ids import NationalId
from core.money import CURRENCY, Money
from services.pay.accounts import BankAccount, Cash, CreditorAccount, Mobile
from services.pay.errors import BankFileRefused
from services.pay.iso20022.xml import BAD_VALUE
from services.pay.rails.contract import Answer, Entry, EntryKind, Order, Verdict


class MemoryRail:
    """Books at once whatever it takes, each end-to-end id once. `rejects` and `returns` hold ids it treats so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[UUID, Answer] = {}
        self._entries: dict[UUID, list[Entry]] = {}
        self._seen: set[UUID] = set()
        self.rejects: set[UUID] = set()
        self.returns: set[UUID] = set()

    def write(self, order: Order) -> bytes:
        transfers = sorted((t.end_to_end.hex, _written(t.payee), t.money.satang) for t in order.transfers)
        return orjson.dumps({"message": order.message.hex, "at": order.created_at, "transfers": transfers})

    async def submit(self, order: UUID, file: bytes) -> Answer:
        message, transfers = _read(file)
        if message != order:
            raise BankFileRefused(BAD_VALUE, "message")
        if message not in self._answers:
            self._answers[message] = self._take(message, transfers)
        return self._answers[message]

    async def booked(self, order: UUID) -> tuple[Entry, ...]:
        return await self.told(order) or ()

    async def told(self, order: UUID) -> tuple[Entry, ...] | None:
        """As :meth:`booked`; None for a message that never came."""
        return None if order not in self._answers else tuple(self._entries.get(order, ()))

    def _take(self, message: UUID, transfers: dict[UUID, Money]) -> Answer:
        rejected: dict[UUID, str] = {}
        entries = self._entries.setdefault(message, [])
        for end_to_end, money in transfers.items():
            if end_to_end in self._seen:
                rejected[end_to_end] = "AM05"
            elif end_to_end in self.rejects:
                rejected[end_to_end] = "AC03"
            else:
                entries.append(self._entry(end_to_end, money, self._clock.now()))
            self._seen.add(end_to_end)
        if len(rejected) == len(transfers):
            return Answer(message, Verdict.REJECTED, "", rejected)
        return Answer(message, Verdict.PARTLY if rejected else Verdict.ACCEPTED, "", rejected)

    def _entry(self, end_to_end: UUID, money: Money, at: datetime) -> Entry:
        kind = EntryKind.RETURNED if end_to_end in self.returns else EntryKind.PAID
        reason = "AC04" if kind is EntryKind.RETURNED else ""
        return Entry(kind, f"M{len(self._seen)}", end_to_end.hex, money, CURRENCY, at, reason)


def _written(account: CreditorAccount) -> str:
    match account:
        case NationalId():
            return account.digits
        case Mobile():
            return account.proxy
        case BankAccount():
            return f"{account.bank}-{account.number}"
        case Cash():
            return "cash"


def _read(file: bytes) -> tuple[UUID, dict[UUID, Money]]:
    try:
        document = orjson.loads(file)
        return UUID(document["message"]), {UUID(key): Money(satang) for key, _, satang in document["transfers"]}
    except (ValueError, KeyError, TypeError):
        raise BankFileRefused(BAD_VALUE, "file") from None
