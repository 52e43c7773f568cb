"""QR codes in one request: each is drawn once, under however many names it is asked for, and they are few.

Without that, one question with aliases would keep a processor busy for minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any, Final
from uuid import UUID

from core.errors import BadInput
from core.text import Text
from services.receive.models import Receipt
from services.receive.service import Receipts

QR_CODES_MAX: Final = 20
_DRAWN: Final = "receive.qr-codes"
_TOO_MANY: Final = Text(
    th="ขอ QR ได้ไม่เกิน 20 ใบในคำขอเดียว", en="ask for the QR codes of at most 20 receipts in one request"
)


async def drawn(memo: dict[Hashable, Any], receipts: Receipts, row: Receipt) -> str:
    """The receipt's QR code as SVG; `memo` is the request's. Raises BadInput for one too many."""
    tasks: dict[UUID, asyncio.Task[str]] = memo.setdefault(_DRAWN, {})
    if row.id not in tasks:
        if len(tasks) >= QR_CODES_MAX:
            raise BadInput(_TOO_MANY, path=("qrSvg",))
        tasks[row.id] = asyncio.create_task(receipts.qr_svg(row))
    return await tasks[row.id]
