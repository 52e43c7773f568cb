"""What two officers do about money that paid no bill: book that it went back to whoever paid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import BadInput
from core.text import Text
from services.pay.fees.errors import IncomingNotFound
from services.pay.fees.models import IncomingPayment
from services.pay.fees.service import Bills
from services.pay.fees.states import Verdict
from services.pay.ledger.acts import ActKind, Confirmed

_REFERENCE: Final = re.compile(r"[!-~]{1,35}", re.ASCII)
_NO_REFERENCE: Final = Text(
    th="ระบุเลขอ้างอิงรายการคืนเงินของธนาคาร 1 ถึง 35 ตัวอักษร", en="the bank's reference of the refund, 1 to 35 characters"
)


class FeeRefund:
    """An act of two officers. Payload `{"incoming": <hex>, "reference": <the bank's>}`."""

    kind = ActKind.FEE_REFUND

    def __init__(self, bills: Bills) -> None:
        self._bills = bills

    async def check(self, session: AsyncSession, agency: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Raises :class:`IncomingNotFound`, `BadInput`."""
        key, reference = _key(payload), str(payload.get("reference", ""))
        if not _REFERENCE.fullmatch(reference):
            raise BadInput(_NO_REFERENCE, path=("reference",))
        kept = await session.get(IncomingPayment, key, populate_existing=True)
        if kept is None or kept.agency != agency or kept.verdict == Verdict.PAID.value or kept.refunded_at is not None:
            raise IncomingNotFound
        return {"incoming": key.hex, "satang": kept.satang, "reference": reference}

    async def perform(self, session: AsyncSession, act: Confirmed) -> None:
        """Raises :class:`IncomingNotFound`."""
        given = act.payload
        await self._bills.refund(session, act.agency, UUID(hex=str(given["incoming"])), str(given["reference"]))


def _key(payload: Mapping[str, Any]) -> UUID:
    try:
        return UUID(hex=str(payload.get("incoming", "")))
    except ValueError:
        raise IncomingNotFound from None
