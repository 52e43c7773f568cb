"""What two officers do about claims: give one up, and book what came back by an entry of the bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.money import Money
from services.pay.ledger.acts import ActKind, Confirmed
from services.pay.ledger.models import LedgerAct
from services.pay.recovery.errors import NothingToRecover, OwnDebt, TooMuchPaidBack
from services.pay.recovery.service import Recoveries, claim_of
from services.pay.recovery.sums import outstanding


class Waive:
    """An act of two officers. Payload `{"overpayment": <hex>}`."""

    kind = ActKind.WAIVE

    def __init__(self, recoveries: Recoveries) -> None:
        self._recoveries = recoveries

    async def check(self, session: AsyncSession, agency: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Raises :class:`NothingToRecover`."""
        key = _key(payload)
        claim = await claim_of(session, agency, key)
        left = (await outstanding(session, [claim]))[key]
        if left <= 0:
            raise NothingToRecover
        return {"overpayment": key.hex, "satang": left}

    async def perform(self, session: AsyncSession, act: Confirmed) -> None:
        """What is left by now. Raises :class:`NothingToRecover`, :class:`OwnDebt`."""
        await _not_their_own(session, act)
        await self._recoveries.waive(session, act.agency, UUID(hex=str(act.payload["overpayment"])))


class PaidBack:
    """Payload `{"overpayment": <hex>, "satang": 1, "reference": <the bank's>}`."""

    kind = ActKind.PAID_BACK

    def __init__(self, recoveries: Recoveries) -> None:
        self._recoveries = recoveries

    async def check(self, session: AsyncSession, agency: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Raises :class:`NothingToRecover`, :class:`TooMuchPaidBack`."""
        claim = await claim_of(session, agency, _key(payload))
        left = (await outstanding(session, [claim]))[claim.id]
        satang = int(payload["satang"])
        if satang > left:
            raise TooMuchPaidBack(left=Money(left))
        return {"overpayment": claim.id.hex, "satang": satang, "reference": str(payload["reference"])}

    async def perform(self, session: AsyncSession, act: Confirmed) -> None:
        """Raises what :meth:`Recoveries.pay_back` raises, and :class:`OwnDebt`."""
        await _not_their_own(session, act)
        given = act.payload
        await self._recoveries.pay_back(
            session,
            agency=act.agency,
            overpayments=[_key(given)],
            money=Money(int(given["satang"])),
            reference=str(given["reference"]),
        )


async def _not_their_own(session: AsyncSession, act: Confirmed) -> None:
    """Neither of the two officers is who owes it. Raises :class:`OwnDebt`."""
    claim = await claim_of(session, act.agency, _key(act.payload))
    proposed = await session.get(LedgerAct, act.id)
    if claim.person in {act.by, None if proposed is None else proposed.proposed_by}:
        raise OwnDebt


def _key(payload: Mapping[str, Any]) -> UUID:
    """Raises :class:`NothingToRecover`."""
    try:
        return UUID(hex=str(payload.get("overpayment", "")))
    except ValueError:
        raise NothingToRecover from None
