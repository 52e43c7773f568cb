"""`GET /statements/{year}.pdf` for the citizen's own token, `/statements/link/…` for a link of two minutes, and the
public page that verifies a statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, Final, TypeAlias

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.attestation.service import Attestor
from core.downloads import HEADERS
from core.errors import BadInput
from core.money import Money
from core.rate_limits import Limit, RateLimiter
from core.text import Text
from core.verification import Page, Told, Words
from core.viewer import NotDelegated, Viewer
from services.receive.proof import checked, token_of
from services.receive.statements.contents import STATEMENT_TYPE
from services.receive.statements.service import LINKS, PATH, VERIFY_PATH, Statements, Wish
from services.receive.statements.years import Calendar, Year
from services.receive.wording import day_in_words

WhoAsks: TypeAlias = Callable[[Request], Awaitable[Viewer]]

STATEMENTS: Final = Limit("statement", 30, 3_600)
"""Of one person in an hour: each is laid out anew."""
PROOF_LENGTH_MAX: Final = 4_096
TICKET_LENGTH_MAX: Final = 1_024
_CALENDARS: Final = {"calendar": Calendar.CALENDAR, "fiscal": Calendar.FISCAL}
_NO_CALENDAR: Final = Text(th="calendar ต้องเป็น calendar หรือ fiscal", en="calendar is `calendar` or `fiscal`")
_NO_YEAR: Final = Text(th="ปีต้องเป็นตัวเลขสี่หลัก", en="the year has four digits")
_WORDS: Final = Words(
    title=Text(th="ตรวจสอบหนังสือแสดงรายการรับเงิน", en="Verify a statement"),
    genuine=Text(th="หนังสือฉบับนี้เป็นของจริง", en="This statement is genuine"),
    forged=Text(th="หนังสือฉบับนี้ไม่ใช่ของจริง หรือถูกแก้ไข", en="This statement is not genuine, or was changed"),
    ask=Text(
        th="วางข้อความทั้งหมดที่อ่านได้จาก QR ท้ายหนังสือ", en="Paste all that the QR code at the end of the statement holds"
    ),
    nothing_given=Text(th="ไม่มีหนังสือในคำขอ", en="the request holds no statement"),
)
_TOLD: Final = """<dl>
<dt>ปี <span lang="en">Year</span></dt><dd>{{ year.th }} <span lang="en">{{ year.en }}</span></dd>
<dt>ถึงวันที่ <span lang="en">Until</span></dt><dd>{{ until.th }} <span lang="en">{{ until.en }}</span></dd>
<dt>รวม <span lang="en">Total</span></dt><dd>{{ amount }} บาท <span lang="en">baht</span></dd>
<dt>จำนวนรายการ <span lang="en">Payments</span></dt><dd>{{ payments }}</dd>
<dt>SHA-256 ของไฟล์แนบ <span lang="en">of the attached file</span></dt><dd>{{ sha256 }}</dd>
</dl>
"""
_PAGE: Final = Page(VERIFY_PATH, "statement", PROOF_LENGTH_MAX, _WORDS, _TOLD)


def statements_router(statements: Statements, attestor: Attestor, limiter: RateLimiter, who_asks: WhoAsks) -> APIRouter:
    async def verify(given: str) -> Told:
        claims = checked(await attestor.verify(token_of(given), typ=STATEMENT_TYPE))
        return Told({"statement": claims}, _shown(claims))

    router = _PAGE.router(verify)

    @router.get(PATH + "/{year}.pdf")
    async def own(request: Request, year: str) -> Response:
        viewer = await who_asks(request)
        if viewer.acting is not None:
            raise NotDelegated
        calendar = _calendar(request.query_params.get("calendar", "calendar"))
        return await answer(Wish(viewer.person, _number(year), calendar, viewer.acr))

    @router.get(LINKS + "/{ticket}")
    async def by_link(ticket: str) -> Response:
        return await answer(statements.wish_of(ticket[:TICKET_LENGTH_MAX]))

    async def answer(wish: Wish) -> Response:
        await limiter.check((STATEMENTS, wish.person.hex))
        disposition = f'attachment; filename="{wish.file_name}"'
        headers = {**HEADERS, "Content-Disposition": disposition, "Referrer-Policy": "no-referrer"}
        return Response(await statements.pdf(wish), media_type="application/pdf", headers=headers)

    return router


def _number(year: str) -> int:
    if len(year) != 4 or not (year.isascii() and year.isdecimal()):
        raise BadInput(_NO_YEAR, path=("year",))
    return int(year)


def _calendar(given: str) -> Calendar:
    if given not in _CALENDARS:
        raise BadInput(_NO_CALENDAR, path=("calendar",))
    return _CALENDARS[given]


def _shown(claims: dict[str, Any]) -> dict[str, Any]:
    return {
        "year": Year(claims["year"], Calendar(claims["calendar"])).title,
        "until": day_in_words(date.fromisoformat(claims["until"])),
        "amount": str(Money(claims["satang"])),
        "payments": claims["payments"],
        "sha256": claims["sha256"],
    }
