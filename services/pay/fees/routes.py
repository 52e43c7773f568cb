"""Where the bank tells of payments: `POST /bank/bill-payments`, signed (signed.py), JSON (notices.py).

| what is told | answer |
|---|---|
| a payment that pays its bill | 200 `{"outcome": "PAID"}` |
| one that does not | 200 with what became of it (`Verdict`); it goes back whole |
| the same again | the same answer, and nothing else |
| without a signature that holds | 401 `NOTICE_NOT_SIGNED` |
| that cannot be read | 422 `NOTICE_MALFORMED`, of a biller that nobody is: 422 `UNKNOWN_BILLER` |
| another payment under a known transaction id | 409 `NOTICE_CONFLICT` |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from core.clock import Clock
from core.database import Database
from services.pay.fees.notices import read_notice
from services.pay.fees.service import Bills
from services.pay.fees.signed import check_signature

NOTICES_PATH: Final = "/bank/bill-payments"


def notices_router(db: Database, clock: Clock, bills: Bills, secret: Callable[[], bytes | None]) -> APIRouter:
    """`secret` is shared with the bank; while there is none, every notice is refused."""
    router = APIRouter(include_in_schema=False)

    @router.post(NOTICES_PATH)
    async def take(request: Request) -> JSONResponse:
        body = await request.body()
        check_signature(secret(), method="POST", path=NOTICES_PATH, headers=request.headers, body=body, now=clock.now())
        notice = read_notice(body)
        await bills.ready()
        async with db.write() as session:
            verdict = await bills.take(session, notice)
        return JSONResponse({"outcome": verdict.value})

    return router
