"""`/verify/`: a page without JavaScript and an API, which read a file, name what it is, and keep nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from cryptography import x509
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from api.errors import as_json, status_of
from core.attestation.service import Attestor
from core.errors import SitthiError
from core.text import Language
from services.receive.papers.authority import Authority
from services.receive.papers.checking import PDF_BYTES_MAX
from services.receive.papers.routes import papers_router
from services.receive.papers.service import PAPER_TYPE, Papers
from tests.services.receive.papers.conftest import order, titles


@pytest.fixture
async def client(papers: Papers, authority: Authority, attestor: Attestor) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(papers_router(papers, authority, attestor, titles))

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SitthiError)
        return JSONResponse(as_json(error, Language.EN), status_of(error))

    app.add_exception_handler(SitthiError, refused)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://sitthi.example") as client:
        yield client


async def test_the_page_asks_for_a_file_in_two_languages_and_needs_no_script(client: httpx2.AsyncClient) -> None:
    page = await client.get("/verify/")
    assert page.status_code == 200
    assert 'enctype="multipart/form-data"' in page.text
    assert "ตรวจสอบเอกสาร" in page.text
    assert "Verify a document" in page.text
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_a_paper_that_is_sent_is_told_to_a_person_and_to_a_program(
    client: httpx2.AsyncClient, papers: Papers
) -> None:
    paper = await papers.made(order())
    page = await client.post("/verify/", files={"file": ("a.pdf", paper, "application/pdf")})
    assert page.status_code == 200
    assert "This document is genuine and unaltered" in page.text
    assert "กระทรวง mhesi" in page.text
    told = await client.post("/verify/", content=paper, headers={"content-type": "application/pdf"})
    assert told.status_code == 200
    said: dict[str, Any] = told.json()
    assert (said["valid"], said["agency"]) == (True, "mhesi")
    assert said["agencyTitle"]["en"] == "Ministry mhesi"


async def test_what_was_added_to_is_refused_by_its_name(client: httpx2.AsyncClient, papers: Papers) -> None:
    paper = await papers.made(order()) + b"\n"
    page = await client.post("/verify/", files={"file": ("a.pdf", paper, "application/pdf")})
    assert page.status_code == 422
    assert "PAPER_ADDED_TO" in page.text
    assert "genuine and unaltered" not in page.text
    told = await client.post("/verify/", content=paper, headers={"content-type": "application/pdf"})
    assert told.status_code == 422
    assert "PAPER_ADDED_TO" in told.text


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b"", "headers": {"content-type": "application/pdf"}},
        {"content": b"%PDF-", "headers": {"content-type": "text/plain"}},
        {"files": {"other": ("a.pdf", b"%PDF-", "application/pdf")}},
        {"files": [("file", ("a", b"1", "a/b")), ("file", ("b", b"2", "a/b"))]},
        {"content": b"--a\r\n", "headers": {"content-type": "multipart/form-data; boundary=a"}},
        {"content": b"a", "headers": {"content-type": "multipart/form-data"}},
    ],
)
async def test_a_request_without_one_file_is_told_what_to_send(client: httpx2.AsyncClient, sent: Any) -> None:
    answer = await client.post("/verify/", **sent)
    assert answer.status_code == 400
    assert "BAD_INPUT" in answer.text


async def test_five_megabytes_are_looked_at_and_a_byte_more_is_not(client: httpx2.AsyncClient) -> None:
    just = b"%PDF-".ljust(PDF_BYTES_MAX, b" ")
    kind = {"content-type": "application/pdf"}
    assert "PAPER_NOT_SIGNED" in (await client.post("/verify/", content=just, headers=kind)).text
    assert "PAPER_NOT_SIGNED" in (await client.post("/verify/", files={"file": ("a", just, "a/b")})).text
    for answer in (
        await client.post("/verify/", content=just + b" ", headers=kind),
        await client.post("/verify/", files={"file": ("a", just + b" ", "a/b")}),
        await client.post("/verify/", content=_parts(just + b" "), headers=kind),
    ):
        assert answer.status_code == 413
        assert "PAPER_TOO_LARGE" in answer.text


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    """Without a length that is told before."""
    for at in range(0, len(content), 100_000):
        yield content[at : at + 100_000]


async def test_the_code_on_paper_says_which_agency_issued_which_record(
    client: httpx2.AsyncClient, attestor: Attestor
) -> None:
    claims = {"v": 1, "agency": "mhesi", "title": {"th": "ก", "en": "A"}, "file": "a.xml", "sha256": "ab" * 32}
    proof = await attestor.sign(claims, typ=PAPER_TYPE)
    page = await client.post("/verify/paper", data={"paper": f"https://sitthi.example/verify/paper#{proof}"})
    assert page.status_code == 200
    assert "Ministry mhesi" in page.text
    assert "ab" * 32 in page.text
    wrong = await client.post("/verify/paper", data={"paper": proof[:-8] + "AAAAAAAA"})
    assert wrong.status_code == 422


async def test_the_certificate_and_the_list_of_revoked_ones_can_be_had(client: httpx2.AsyncClient) -> None:
    root = x509.load_der_x509_certificate((await client.get("/pki/papers.crt")).content)
    listed = x509.load_der_x509_crl((await client.get("/pki/papers.crl")).content)
    assert listed.issuer == root.subject
    assert list(listed) == []
