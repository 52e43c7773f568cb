"""One run over several rails: a file for each, kept together, each with a message id of its own (ADR 34).

PromptPay's message bears the run's id. A run that is paid by PromptPay alone is that rail's file and nothing else, so
that files from before there were other rails are sent as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from itertools import chain
from typing import Final
from uuid import UUID, uuid5

import orjson

from services.pay.accounts import BankAccount, Cash, CreditorAccount
from services.pay.errors import BankFileRefused
from services.pay.iso20022.xml import BAD_VALUE
from services.pay.rails.contract import UNKNOWN_PAYMENT, Answer, Entry, Order, Rail, Verdict

_NAMESPACE: Final = UUID("b0e7a6f4-6f0b-4d55-9d3e-2f5c3f7e5a10")
"""Arbitrary and fixed for ever: the message ids of the other rails follow from it and the run."""
_ENVELOPE: Final = b'{"rails":'


class RailName(StrEnum):
    PROMPTPAY = "PROMPTPAY"
    ACCOUNT = "ACCOUNT"
    CASH = "CASH"


def rail_of(payee: CreditorAccount) -> RailName:
    match payee:
        case BankAccount():
            return RailName.ACCOUNT
        case Cash():
            return RailName.CASH
        case _:
            return RailName.PROMPTPAY


def message_of(run: UUID, rail: RailName) -> UUID:
    return run if rail is RailName.PROMPTPAY else uuid5(_NAMESPACE, f"{run.hex}\x00{rail.value}")


class SeveralRails:
    """Is a rail itself: each payment goes by the one that its payee's account needs."""

    def __init__(self, rails: Mapping[RailName, Rail]) -> None:
        self._rails = dict(rails)

    def write(self, order: Order) -> bytes:
        """Raises KeyError for a payee whose rail there is not."""
        by_rail = {rail: tuple(t for t in order.transfers if rail_of(t.payee) is rail) for rail in RailName}
        if by_rail[RailName.PROMPTPAY] == order.transfers:
            return self._rails[RailName.PROMPTPAY].write(order)
        parts: dict[str, list[object]] = {}
        for rail, transfers in by_rail.items():
            if transfers:
                part = replace(order, message=message_of(order.message, rail), transfers=transfers)
                ids = sorted(transfer.end_to_end.hex for transfer in transfers)
                parts[rail.value] = [self._rails[rail].write(part).decode(), ids]
        return orjson.dumps({"rails": parts})

    async def submit(self, order: UUID, file: bytes) -> Answer:
        """What one rail takes is taken, whatever becomes of the next: all are sent again until each has answered."""
        if not file.startswith(_ENVELOPE):
            return await self._rails[RailName.PROMPTPAY].submit(order, file)
        parts = _opened(file)
        answers = {
            rail: await self._rails[rail].submit(message_of(order, rail), part) for rail, (part, _) in parts.items()
        }
        rejected: dict[UUID, str] = {}
        for rail, answer in answers.items():
            if not set(answer.rejected) <= set(parts[rail][1]):
                raise BankFileRefused(UNKNOWN_PAYMENT, "OrgnlEndToEndId")
            if answer.verdict is Verdict.REJECTED:
                rejected |= dict.fromkeys(parts[rail][1], answer.reason)
            rejected |= dict(answer.rejected)
        if any(answer.verdict is Verdict.DUPLICATE for answer in answers.values()):
            return Answer(order, Verdict.DUPLICATE, "", rejected)
        if all(answer.verdict is Verdict.REJECTED for answer in answers.values()):
            return Answer(order, Verdict.REJECTED, "", rejected)
        return Answer(order, Verdict.PARTLY if rejected else Verdict.ACCEPTED, "", rejected)

    async def booked(self, order: UUID) -> tuple[Entry, ...]:
        found = [await rail.booked(message_of(order, name)) for name, rail in self._rails.items()]
        return tuple(chain.from_iterable(found))


def _opened(file: bytes) -> dict[RailName, tuple[bytes, list[UUID]]]:
    """Each rail's file, with the ids of the payments in it."""
    try:
        kept = orjson.loads(file)["rails"]
        return {RailName(name): (part.encode(), [UUID(hex=key) for key in keys]) for name, (part, keys) in kept.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BankFileRefused(BAD_VALUE, "file") from None
