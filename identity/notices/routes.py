"""Stopping e-mail from the letter itself (RFC 8058): one POST stops it, and a page asks before it does."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from core.database import Database
from core.errors import NotFound
from core.text import Text
from identity.notices.service import Notices
from identity.notices.tasks import STOP
from identity.web import PAGE_HEADERS, plain_page, problem_page

_UNKNOWN = Text(th="ลิงก์นี้ใช้ไม่ได้", en="This link does not work")


def notices_router(db: Database, notices: Notices) -> APIRouter:
    """`/notices/stop/<token>`. No session and no form's token: the letter's own is the right to do it, and all that it
    can do is to leave a message to the inbox alone."""
    router = APIRouter(include_in_schema=False)

    async def ask(_: Request, token: str) -> Response:
        """GET changes nothing: mail readers open every link of a letter before a person does."""
        try:
            notices.stopped_by(token)
        except NotFound:
            return _answer(problem_page(_UNKNOWN, NotFound.code), 404)
        return _page(done=False)

    async def stop(_: Request, token: str) -> Response:
        try:
            async with db.write() as session:
                await notices.stop(session, token)
        except NotFound:
            return _answer(problem_page(_UNKNOWN, NotFound.code), 404)
        return _page(done=True)

    router.add_api_route(STOP + "{token}", ask, methods=["GET"], response_model=None)
    router.add_api_route(STOP + "{token}", stop, methods=["POST"], response_model=None)
    return router


def _page(**values: Any) -> Response:
    return _answer(plain_page("notices_stop.html", **values), 200)


def _answer(html: str, status: int) -> Response:
    return HTMLResponse(html, status, PAGE_HEADERS)
