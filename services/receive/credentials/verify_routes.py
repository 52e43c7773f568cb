"""`/verify/credential`: whoever is shown a credential pastes it, sends it as a file, or has it read from a QR code.

What is sent is looked at in memory and forgotten. A program sends JSON with `credential`, and with the `nonce` that it
had a wallet sign, which `POST /verify/credential/nonce` gives.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from core.clock import bangkok_day
from core.errors import BadInput, BodyTooLarge
from core.text import Text
from core.verification import HEADERS
from services.receive.credentials.errors import CredentialRefused
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.needs import Offered, Offerings
from services.receive.credentials.proofs import NONCE_LIVES
from services.receive.credentials.showing import VERIFY_PATH, Checked, Showings
from services.receive.credentials.telling import lines
from services.receive.credentials.types import type_of
from services.receive.credentials.verify_page import FILE_FIELD, NONCE_FIELD, TEXT_FIELD, page
from services.receive.wording import day_in_words

LENGTH_MAX: Final = 240_000
"""Characters of what is sent; all requests but uploads end at 256 kB."""
BUNDLE_PATH: Final = "/.well-known/verification-bundle.json"
_MULTIPART: Final = "multipart/form-data"
_NOTHING: Final = Text(
    th="ส่งเอกสารรับรองในช่อง credential หรือเป็นไฟล์ในช่อง file",
    en="send a credential as the member `credential`, or in a form's field `credential` or `file`",
)


def verify_router(showings: Showings, issuers: IssuerKeys, offerings: Offerings) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    def asked(state: str, status: int = 200, **shown: Any) -> HTMLResponse:
        return page(state, status, asked=showings.asking(), longest=LENGTH_MAX, bundle=BUNDLE_PATH, **shown)

    @router.get(VERIFY_PATH)
    async def form() -> HTMLResponse:
        return asked("ask")

    @router.post(VERIFY_PATH)
    async def check(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MULTIPART:
            text, nonce = _of_json(await request.body())
            found = await showings.check(text, nonce)
            return JSONResponse(_told(found, issuers, offerings), headers=dict(HEADERS))
        text, nonce = await _of_form(request)
        try:
            found = await showings.check(text, nonce)
        except CredentialRefused as refused:
            return asked("invalid", 422, reason=refused.reason, why=refused.why.value)
        offered, agency = _type(found, issuers, offerings)
        ends = found.verified.expires_at
        title = offered.spec.title.text if offered is not None else Text(found.verified.type, found.verified.type)
        told = lines(found.verified.claims, None if offered is None else offered.spec)
        day = None if ends is None else day_in_words(bangkok_day(ends))
        return asked(
            "valid", holder=found.holder.value, title=title, agency=offerings.title(agency), ends=day, lines=told
        )

    @router.post(f"{VERIFY_PATH}/nonce")
    async def nonce() -> JSONResponse:
        made = showings.asking()
        seconds = int(NONCE_LIVES.total_seconds())
        return JSONResponse({"nonce": made.nonce, "aud": made.audience, "expiresIn": seconds}, headers=dict(HEADERS))

    return router


def _type(found: Checked, issuers: IssuerKeys, offerings: Offerings) -> tuple[Offered | None, str]:
    """The credential as its agency gives it now, if it does; and the agency."""
    agency = found.verified.issuer.removeprefix(issuers.base)
    every = (one for one in offerings.of(agency) if type_of(one, issuers).vct == found.verified.type)
    return next(every, None), agency


def _told(found: Checked, issuers: IssuerKeys, offerings: Offerings) -> dict[str, Any]:
    offered, agency = _type(found, issuers, offerings)
    title, verified = offerings.title(agency), found.verified
    return {
        "valid": True,
        "holder": found.holder.value,
        "issuer": verified.issuer,
        "agency": agency,
        "agencyTitle": _both(title),
        "type": verified.type,
        "typeTitle": None if offered is None else _both(offered.spec.title.text),
        "status": None if found.status is None else found.status.name,
        "expiresAt": None if verified.expires_at is None else verified.expires_at.isoformat(),
        "claims": verified.claims,
        "disclosed": [list(path) for path in verified.disclosed],
    }


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}


def _of_json(body: bytes) -> tuple[str, str | None]:
    try:
        read: Any = orjson.loads(body)
    except ValueError:
        read = None
    if not isinstance(read, dict) or not read.keys() <= {TEXT_FIELD, NONCE_FIELD}:
        raise BadInput(_NOTHING, path=(TEXT_FIELD,))
    text, nonce = read.get(TEXT_FIELD), read.get(NONCE_FIELD)
    if not isinstance(text, str) or not isinstance(nonce, str | None):
        raise BadInput(_NOTHING, path=(TEXT_FIELD,))
    return _bounded(text.strip()), nonce


async def _of_form(request: Request) -> tuple[str, str | None]:
    try:
        form = await request.form(max_files=1, max_fields=2, max_part_size=LENGTH_MAX)
    except (HTTPException, KeyError):
        raise BadInput(_NOTHING, path=(TEXT_FIELD,)) from None
    try:
        pasted, file, nonce = form.get(TEXT_FIELD), form.get(FILE_FIELD), form.get(NONCE_FIELD)
        text = pasted if isinstance(pasted, str) else ""
        if not text.strip() and isinstance(file, UploadFile):
            text = (await file.read()).decode("utf-8", "replace")
    finally:
        await form.close()
    # Mail and paper break long lines; nothing in a credential is white, and a QR code may hold an address around it.
    return _bounded("".join(text.split()).rpartition("#")[2]), nonce if isinstance(nonce, str) else None


def _bounded(text: str) -> str:
    if not text:
        raise BadInput(_NOTHING, path=(TEXT_FIELD,))
    if len(text) > LENGTH_MAX:
        raise BodyTooLarge
    return text
