"""QR codes in one request: each is drawn once, under however many names it is asked for, and they are few.

Drawing one takes as long as hundreds of fields: one question with aliases would keep a processor busy for minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final

from core.errors import BadInput
from core.text import Text

QR_CODES_MAX: Final = 20
"""In one request, of all kinds together."""
_DRAWN: Final = "qr-codes"
_TOO_MANY: Final = Text(th="ขอ QR ได้ไม่เกิน 20 รูปในคำขอเดียว", en="ask for 20 QR codes at most in one request")


async def drawn(memo: dict[Hashable, Any], key: Hashable, draw: Callable[[], Coroutine[Any, Any, str]]) -> str:
    """The QR code of that key, an SVG element; `memo` is the request's. Raises BadInput for one too many."""
    tasks: dict[Hashable, asyncio.Task[str]] = memo.setdefault(_DRAWN, {})
    if key not in tasks:
        if len(tasks) >= QR_CODES_MAX:
            raise BadInput(_TOO_MANY, path=("qrSvg",))
        tasks[key] = asyncio.create_task(draw())
    return await tasks[key]
