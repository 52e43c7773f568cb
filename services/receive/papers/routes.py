"""`/verify/`: whoever is shown a paper sends the file and reads who signed it. `/verify/paper`: the same by its QR.

A file is read into memory, looked at and forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, StrictUndefined
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from core.attestation.service import Attestor
from core.clock import bangkok_day
from core.downloads import HEADERS as DOWNLOAD_HEADERS
from core.errors import BadInput
from core.text import Text
from core.verification import HEADERS, Page, Told, Words
from services.receive.papers.authority import CERTIFICATE_PATH, CRL_PATH, Authority
from services.receive.papers.checking import PDF_BYTES_MAX, Genuine
from services.receive.papers.errors import PaperNotGenuine, PaperTooLarge
from services.receive.papers.service import PAPER_TYPE, PROOF_PATH, UPLOAD_PATH, Papers
from services.receive.papers.upload import UPLOAD
from services.receive.proof import checked, token_of
from services.receive.wording import TitleOf, day_in_words

FIELD: Final = "file"
PDF: Final = "application/pdf"
_MULTIPART: Final = "multipart/form-data"
_FORM_SLACK_BYTES: Final = 4_096
"""How much longer a form is than its file: boundaries, and the headers of its one part."""
PROOF_LENGTH_MAX: Final = 4_096
_NO_FILE: Final = Text(
    th="ส่งไฟล์ PDF หนึ่งไฟล์ เป็น application/pdf หรือเป็น multipart/form-data ในช่อง file",
    en="send one PDF, as application/pdf, or as multipart/form-data in the field `file`",
)
_WORDS: Final = Words(
    title=Text(th="ตรวจสอบเอกสารจาก QR", en="Verify a document by its QR code"),
    genuine=Text(th="QR นี้เป็นของจริง", en="This QR code is genuine"),
    forged=Text(th="QR นี้ไม่ใช่ของจริง หรือถูกแก้ไข", en="This QR code is not genuine, or was changed"),
    ask=Text(
        th="วางข้อความทั้งหมดที่อ่านได้จาก QR ท้ายเอกสาร", en="Paste all that the QR code at the end of the document holds"
    ),
    nothing_given=Text(th="ไม่มีข้อความจาก QR ในคำขอ", en="the request holds no QR code's text"),
)
_TOLD: Final = """<dl>
<dt>เอกสาร <span lang="en">Document</span></dt><dd>{{ title.th }} <span lang="en">{{ title.en }}</span></dd>
<dt>ออกโดย <span lang="en">Issued by</span></dt><dd>{{ agency.th }} <span lang="en">{{ agency.en }}</span></dd>
<dt>วันที่ออก <span lang="en">On</span></dt><dd>{{ made.th }} <span lang="en">{{ made.en }}</span></dd>
{% if sha256 %}
<dt>SHA-256 ของไฟล์แนบ <span lang="en">of the attached file</span> {{ file }}</dt><dd>{{ sha256 }}</dd>
{% endif %}
</dl>
<p>QR บอกว่าหน่วยงานออกเอกสารฉบับหนึ่งไว้ แต่ไม่ได้บอกว่ากระดาษในมือไม่ถูกแก้ไข หากมีไฟล์ PDF
<a href="/verify/">ให้ตรวจไฟล์นั้น</a>
<span lang="en">The code says that the agency issued such a document, and not that the paper before you is unchanged. If
you have the PDF, <a href="/verify/">have the file verified</a>.</span></p>
"""
_PROOF_PAGE: Final = Page(PROOF_PATH, "paper", PROOF_LENGTH_MAX, _WORDS, _TOLD)
_UPLOAD_PAGE: Final = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(UPLOAD)


def papers_router(papers: Papers, authority: Authority, attestor: Attestor, titles: TitleOf) -> APIRouter:
    async def verify(given: str) -> Told:
        claims = checked(await attestor.verify(token_of(given), typ=PAPER_TYPE))
        await papers.must_stand(claims)
        made = day_in_words(bangkok_day(datetime.fromtimestamp(claims["iat"], UTC)))
        shown = {**claims, "title": Text(**claims["title"]), "agency": titles(claims["agency"]), "made": made}
        return Told({"paper": claims}, shown)

    router = _PROOF_PAGE.router(verify)

    @router.get(UPLOAD_PATH)
    async def form() -> HTMLResponse:
        return _page("ask")

    @router.post(UPLOAD_PATH)
    async def upload(request: Request) -> Response:
        by_form = _type_of(request) == _MULTIPART
        try:
            found = await papers.checked(await _file_of(request, by_form=by_form))
        except PaperNotGenuine as reason:
            if by_form:
                return _page("invalid", 422, reason=reason.text, code=reason.code)
            raise
        agency = titles(found.agency)
        if by_form:
            day = None if found.signed_at is None else day_in_words(bangkok_day(found.signed_at))
            return _page("valid", agency=agency, day=day, found=found)
        return JSONResponse({"valid": True, **_told(found, agency)}, headers=dict(HEADERS))

    @router.get(CERTIFICATE_PATH)
    async def certificate() -> Response:
        return _download(await authority.certificate(), "application/pkix-cert")

    @router.get(CRL_PATH)
    async def revoked() -> Response:
        return _download(await authority.revoked(), "application/pkix-crl")

    return router


def _told(found: Genuine, agency: Text) -> dict[str, Any]:
    return {
        "agency": found.agency,
        "agencyTitle": {"th": agency.th, "en": agency.en},
        "signedAt": None if found.signed_at is None else found.signed_at.isoformat(),
        "certificate": f"{found.certificate.serial_number:x}",
        "sha256": found.sha256,
    }


def _type_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _file_of(request: Request, *, by_form: bool) -> bytes:
    """The file of a request, whole and in memory. Raises BadInput, PaperTooLarge."""
    if not by_form:
        if _type_of(request) != PDF:
            raise BadInput(_NO_FILE, path=(FIELD,))
        body = b"".join([part async for part in _bounded(request, PDF_BYTES_MAX)])
        if not body:
            raise BadInput(_NO_FILE, path=(FIELD,))
        return body
    parser = MultiPartParser(
        Headers(raw=request.headers.raw),
        _bounded(request, PDF_BYTES_MAX + _FORM_SLACK_BYTES),
        max_files=1,
        max_fields=1,
    )
    parser.spool_max_size = PDF_BYTES_MAX + _FORM_SLACK_BYTES  # or it would lie on a disk for a moment
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        raise BadInput(_NO_FILE, path=(FIELD,)) from None
    try:
        given = form.get(FIELD)
        content = await given.read() if isinstance(given, UploadFile) else b""
    finally:
        await form.close()
    if not content:
        raise BadInput(_NO_FILE, path=(FIELD,))
    if len(content) > PDF_BYTES_MAX:
        raise PaperTooLarge
    return content


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """The body. Raises PaperTooLarge before more of it is taken than that."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > most):
        raise PaperTooLarge
    taken = 0
    try:
        async for part in request.stream():
            taken += len(part)
            if taken > most:
                raise PaperTooLarge
            yield part
    except ClientDisconnect:
        raise BadInput(_NO_FILE, path=(FIELD,)) from None


def _page(state: str, status: int = 200, **shown: Any) -> HTMLResponse:
    content = _UPLOAD_PAGE.render(state=state, field=FIELD, certificate=CERTIFICATE_PATH, proof=PROOF_PATH, **shown)
    return HTMLResponse(content, status, headers=HEADERS)


def _download(content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={**DOWNLOAD_HEADERS, "Cache-Control": "max-age=3600"})
