"""An order over a rail that takes so many payments in a file: one file where they fit, else several, kept together.

A run is planned for the limit of its day (ADR 35); a limit that a bank lowers meanwhile is kept all the same. Each
payment keeps its end-to-end id, each file has its own message id, count and control sum, and they go one after the
other: the bank never has a file whose predecessor it does not have, so that it can be asked until one is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID, uuid5

import orjson

from services.pay.errors import BankFileRefused
from services.pay.iso20022.xml import BAD_VALUE
from services.pay.rails.contract import UNKNOWN_PAYMENT, Answer, Entry, Order, Rail, Transfer, Verdict

_NAMESPACE: Final = UUID("3f1f1d0e-6c0f-4b57-8d5a-90c4b6f2a7d1")
"""Arbitrary and fixed for ever: the message ids of files follow from it, the order and their number."""
_ENVELOPE: Final = b'{"files":'


class FileRail(Rail, Protocol):
    """A rail that knows which messages it has had."""

    async def told(self, order: UUID) -> tuple[Entry, ...] | None:
        """As :meth:`booked`; None for a message that never came. Raises the same."""
        ...


def file_of(order: UUID, number: int) -> UUID:
    """The message id of the order's file of that number, from 1, where it has several."""
    return uuid5(_NAMESPACE, f"{order.hex}\x00{number}")


class LimitedRail:
    """Is a rail itself."""

    def __init__(self, rail: FileRail, payments_max: int) -> None:
        """`payments_max`: of one file."""
        self._rail, self._payments_max = rail, payments_max

    def write(self, order: Order) -> bytes:
        """Raises ValueError for what the rail cannot hold."""
        if len(order.transfers) <= self._payments_max:
            return self._rail.write(order)
        ordered = sorted(order.transfers, key=lambda one: (one.pay_on, one.end_to_end.hex))
        files: list[list[object]] = []
        for start in range(0, len(ordered), self._payments_max):
            some = tuple(ordered[start : start + self._payments_max])
            part = replace(order, message=file_of(order.message, len(files) + 1), transfers=some)
            files.append([self._rail.write(part).decode(), _ids(some)])
        return orjson.dumps({"files": files})

    async def submit(self, order: UUID, file: bytes) -> Answer:
        """File after file; all are sent again until each has answered. Where the bank refuses one whole, those after it
        are not sent, and come to the same."""
        if not file.startswith(_ENVELOPE):
            return await self._rail.submit(order, file)
        rejected: dict[UUID, str] = {}
        verdicts: set[Verdict] = set()
        files = _opened(file)
        for number, (part, ids) in enumerate(files, 1):
            answer = await self._rail.submit(file_of(order, number), part)
            if not set(answer.rejected) <= set(ids):
                raise BankFileRefused(UNKNOWN_PAYMENT, "OrgnlEndToEndId")
            verdicts.add(answer.verdict)
            rejected |= dict(answer.rejected)
            if answer.verdict is Verdict.REJECTED and not answer.rejected:
                unsent = [key for _, those in files[number - 1 :] for key in those]
                rejected |= dict.fromkeys(unsent, answer.reason)
                break
        if Verdict.DUPLICATE in verdicts:
            return Answer(order, Verdict.DUPLICATE, "", rejected)
        if verdicts == {Verdict.REJECTED}:
            return Answer(order, Verdict.REJECTED, "", rejected)
        return Answer(order, Verdict.PARTLY if rejected else Verdict.ACCEPTED, "", rejected)

    async def booked(self, order: UUID) -> tuple[Entry, ...]:
        alone = await self._rail.told(order)
        if alone is not None:
            return alone
        found: list[Entry] = []
        number = 1
        while (told := await self._rail.told(file_of(order, number))) is not None:
            found.extend(told)
            number += 1
        return tuple(found)


def _ids(transfers: Sequence[Transfer]) -> list[str]:
    return [transfer.end_to_end.hex for transfer in transfers]


def _opened(file: bytes) -> list[tuple[bytes, list[UUID]]]:
    """Each file, with the ids of the payments in it."""
    try:
        kept = orjson.loads(file)["files"]
        return [(part.encode(), [UUID(hex=key) for key in keys]) for part, keys in kept]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BankFileRefused(BAD_VALUE, "file") from None
