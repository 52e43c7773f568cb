"""`/agency/v1/checks`: a juristic person's system sends a list, and reads what came of it. `/verify/check`: whoever is
shown such an answer verifies it."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from core.attestation.errors import AttestationInvalid
from core.attestation.service import Attestor
from core.errors import BodyTooLarge
from core.text import Text
from core.verification import Page, Told, Words
from services.receive.shares.checks.asking import RESULT_TYPE, VERSION, Asking
from services.receive.shares.checks.errors import CheckNotFound
from services.receive.shares.checks.needs import Door
from services.receive.shares.checks.sheet import BODY_BYTES_MAX, Rejected, read_sheet
from services.receive.shares.checks.states import Result

PATH: Final = "/agency/v1/checks"
AGENT: Final = "AgentID"
VERIFY_PATH: Final = "/verify/check"
RESULT_LENGTH_MAX: Final = 200_000
_WORDS: Final = Words(
    title=Text(th="ตรวจสอบผลการตรวจคุณวุฒิ", en="Verify the results of a check"),
    genuine=Text(th="ผลการตรวจนี้เป็นของจริง", en="These results are genuine"),
    forged=Text(th="ผลการตรวจนี้ไม่ใช่ของจริง หรือถูกแก้ไข", en="These results are not genuine, or were changed"),
    ask=Text(
        th="วางผลการตรวจที่ลงลายมือชื่อทั้งข้อความ (ขึ้นต้นด้วย eyJ)", en="Paste all of the signed results (they begin with eyJ)"
    ),
    nothing_given=Text(th="ไม่มีผลการตรวจในคำขอ", en="the request holds no results"),
)
_TOLD: Final = """<dl>
<dt>ผู้ขอ <span lang="en">Who asked</span></dt>
<dd>{{ title.th }} <span lang="en">{{ title.en }}</span> {{ check.juristic.number }}</dd>
<dt>เลขอ้างอิง <span lang="en">Reference</span></dt><dd>{{ check.reference }}</dd>
<dt>ณ เวลา <span lang="en">As of</span></dt><dd>{{ check.asOf }}</dd>
<dt>ตรง <span lang="en">Confirmed</span></dt><dd>{{ counted.CONFIRMED }}</dd>
<dt>ต่าง <span lang="en">Differs</span></dt><dd>{{ counted.DIFFERS }}</dd>
<dt>ไม่มีคำตอบ <span lang="en">Not answered</span></dt><dd>{{ counted.WAITING + counted.NO_ANSWER }}</dd>
</dl>
"""
_PAGE: Final = Page(VERIFY_PATH, "check", RESULT_LENGTH_MAX, _WORDS, _TOLD)


def checks_router(asking: Asking, door: Door) -> APIRouter:
    """What systems of juristic persons call. `door` lets in by the scope `agency.ingest`."""
    router = APIRouter(include_in_schema=False)

    @router.post(PATH)
    async def take(request: Request) -> JSONResponse:
        caller = await door(request)
        sheet = read_sheet(await _body(request))
        taken = await asking.take(caller.client, request.headers.get(AGENT, ""), sheet)
        told = {
            "check": None if taken.id is None else taken.id.hex,
            "reference": sheet.reference,
            "taken": taken.lines,
            "rejected": [_rejected(one) for one in taken.rejected],
        }
        return JSONResponse(told, headers=dict(caller.headers))

    @router.get(PATH + "/{check}")
    async def results(request: Request, check: str) -> JSONResponse:
        caller = await door(request)
        told = await asking.results(caller.client, request.headers.get(AGENT, ""), _key(check))
        return JSONResponse({**told.claims, "signed": told.signed}, headers=dict(caller.headers))

    return router


def results_verification(attestor: Attestor) -> APIRouter:
    async def verify(given: str) -> Told:
        claims = await attestor.verify(given, typ=RESULT_TYPE)
        if claims.get("v") != VERSION:
            raise AttestationInvalid
        counted = Counter(one["result"] for one in claims["lines"])
        shown = {
            "check": claims,
            "title": Text(**claims["juristic"]["title"]),
            "counted": {one.value: counted[one.value] for one in Result},
        }
        return Told({"check": claims}, shown)

    return _PAGE.router(verify)


async def _body(request: Request) -> bytes:
    """Raises BodyTooLarge."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge
    return bytes(body)


def _key(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise CheckNotFound from None


def _rejected(one: Rejected) -> dict[str, Any]:
    return {"line": one.line, "code": one.code, "path": one.path}
