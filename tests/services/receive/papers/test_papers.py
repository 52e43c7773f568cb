"""A paper of an agency: whole PDF/A-3, signed, and everything that somebody may do to it afterwards is told."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import subprocess
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
from cryptography import x509

from core.clock import FixedClock
from core.database import Database
from core.errors import NotFound, ServiceUnavailable
from services.receive.papers import service
from services.receive.papers.authority import SIGNS_FOR, Authority
from services.receive.papers.certificates import HOLDS_FOR
from services.receive.papers.errors import (
    PaperCertificateExpired,
    PaperCertificateRevoked,
)
from services.receive.papers.models import PaperCertificate
from services.receive.papers.service import Papers
from tests.services.pay.town import KEYS
from tests.services.receive.papers.conftest import ISSUER, SAID, TEMPLATE, XML, order, titles
from tests.support import programs


@pytest.fixture
async def paper(papers: Papers) -> bytes:
    return await papers.made(order())


def said_by(*program: str | Path, home: Path, given: bytes | None = None) -> str:
    """What a program of the machine says."""
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(program, env=env, input=given, capture_output=True, check=False).stdout.decode()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


async def test_a_paper_is_genuine_and_says_who_signed_it_and_when(
    papers: Papers, paper: bytes, clock: FixedClock
) -> None:
    found = await papers.checked(paper)
    assert (found.agency, found.signed_at) == ("mhesi", clock.now().replace(microsecond=0))
    assert found.sha256 == hashlib.sha256(paper).hexdigest()


async def test_a_paper_stays_pdf_a_3_with_its_record_as_the_source(paper: bytes) -> None:
    """What can be seen without veraPDF: what is said of the standard, tags, output intent, embedded fonts, metadata."""
    reader = pypdf.PdfReader(io.BytesIO(paper))
    root: Any = reader.root_object
    xmp = root["/Metadata"].get_data().decode()
    assert re.search(r"<pdfaid:part>3</pdfaid:part>\s*<pdfaid:conformance>A<", xmp)
    assert root["/MarkInfo"]["/Marked"]
    assert root["/OutputIntents"][0].get_object()["/S"] == "/GTS_PDFA1"
    [file] = [one.get_object() for one in root["/AF"]]
    assert (file["/AFRelationship"], file["/UF"]) == ("/Source", "record.xml")
    assert reader.attachments["record.xml"] == [XML]
    [field] = [one.get_object() for one in root["/AcroForm"]["/Fields"]]
    assert field["/F"] & 4, "PDF/A: an annotation is printed"
    assert list(field["/Rect"]) == [0, 0, 0, 0], "and one that is not seen needs no appearance"
    assert root["/Perms"]["/DocMDP"].get_object() == field["/V"].get_object()
    assert field["/V"].get_object()["/Reference"][0]["/TransformParams"]["/P"] == 1
    before = pypdf.PdfReader(io.BytesIO(paper[: paper.index(b"%%EOF") + 6]))
    assert reader.metadata == before.metadata
    assert xmp == before.root_object["/Metadata"].get_data().decode()  # type: ignore[attr-defined] # a stream


async def test_other_readers_find_the_words_and_believe_the_signature(
    papers: Papers, paper: bytes, authority: Authority, tmp_path: Path
) -> None:
    """`pdfsig` of poppler, with the authority's certificate as the one thing that it trusts."""
    programs.require("pdfsig", "pdftotext")
    file = tmp_path / "a.pdf"
    file.write_bytes(paper)
    told = said_by("pdftotext", file, "-", home=tmp_path)
    assert squeezed(SAID) in squeezed(told)
    said = said_by("pdfsig", file, home=tmp_path)
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert "Ministry mhesi" in said


async def test_pyhanko_trusts_it_with_the_authoritys_certificate_alone(
    paper: bytes, authority: Authority, clock: FixedClock
) -> None:
    from asn1crypto import x509 as asn1  # noqa: PLC0415 - large, and for this test
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415
    from pyhanko.sign.validation import SignatureCoverageLevel, async_validate_pdf_signature  # noqa: PLC0415
    from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415

    trusted = asn1.Certificate.load(await authority.certificate())
    context = ValidationContext(trust_roots=[trusted], allow_fetching=False, moment=clock.now())
    [signature] = PdfFileReader(io.BytesIO(paper)).embedded_signatures
    status = await async_validate_pdf_signature(signature, context)
    assert (status.intact, status.valid, status.trusted, status.docmdp_ok) == (True, True, True, True)
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE


async def test_a_paper_is_believed_as_long_as_its_certificate_holds(
    papers: Papers, paper: bytes, clock: FixedClock
) -> None:
    clock.advance(HOLDS_FOR - timedelta(seconds=1))
    assert (await papers.checked(paper)).agency == "mhesi"
    clock.advance(timedelta(seconds=2))
    with pytest.raises(PaperCertificateExpired):
        await papers.checked(paper)


async def test_nothing_is_believed_that_was_signed_under_a_revoked_certificate(
    papers: Papers, paper: bytes, authority: Authority, database: Database
) -> None:
    found = await papers.checked(paper)
    other = await papers.made(order(agency="oic"))
    serial = f"{found.certificate.serial_number:x}"
    async with database.write() as session:
        assert await authority.revoke(session, serial) == "mhesi"
    with pytest.raises(PaperCertificateRevoked):
        await papers.checked(paper)
    assert (await papers.checked(other)).agency == "oic"
    listed = x509.load_der_x509_crl(await authority.revoked())
    assert [f"{one.serial_number:x}" for one in listed] == [serial]
    root = x509.load_der_x509_certificate(await authority.certificate())
    assert listed.is_signature_valid(root.public_key())  # type: ignore[arg-type] # an elliptic curve's
    again = await papers.made(order())
    assert (await papers.checked(again)).certificate != found.certificate


async def test_the_authority_itself_and_what_nobody_made_cannot_be_revoked(
    authority: Authority, database: Database
) -> None:
    root = x509.load_der_x509_certificate(await authority.certificate())
    for serial in (f"{root.serial_number:x}", "abc"):
        with pytest.raises(NotFound):
            async with database.write() as session:
                await authority.revoke(session, serial)


async def test_a_key_signs_for_a_year_and_is_destroyed_then(
    papers: Papers, paper: bytes, clock: FixedClock, database: Database
) -> None:
    first = (await papers.checked(paper)).certificate
    clock.advance(SIGNS_FOR - timedelta(seconds=1))
    assert (await papers.checked(await papers.made(order()))).certificate == first
    clock.advance(timedelta(seconds=1))
    assert (await papers.checked(await papers.made(order()))).certificate != first
    assert (await papers.checked(paper)).certificate == first
    async with database.read() as session:
        row = await session.get(PaperCertificate, f"{first.serial_number:x}")
        assert row is not None
        assert row.private_sealed is None


@pytest.mark.in_turn
async def test_many_who_sign_first_at_once_make_one_certificate(
    authority: Authority, database: Database, clock: FixedClock
) -> None:
    others = [authority, *(Authority(database, KEYS, clock, titles, ISSUER) for _ in range(4))]
    made = await asyncio.gather(*(one.signatory("mhesi") for one in others for _ in range(3)))
    assert len({one.certificate for one in made}) == 1
    assert len(await authority.known()) == 2, "the authority's, and the agency's"


async def test_a_template_reads_nothing_but_the_papers_own_files(papers: Papers, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a")
    for reach in (
        f'#read("{secret}")',
        '#read("../../etc/hostname")',
        '#import "@preview/cetz:0.3.0": *',
        "#undefined",
    ):
        with pytest.raises(ServiceUnavailable):
            await papers.made(order(reach))


async def test_a_paper_that_takes_too_long_is_given_up(papers: Papers, monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()

    async def hangs(*_: Any) -> bytes:
        await never.wait()
        raise RuntimeError("nobody hears of it")

    monkeypatch.setattr(service, "SECONDS_MAX", 0.01)
    monkeypatch.setattr(service, "laid_out", hangs)
    with pytest.raises(ServiceUnavailable):
        await papers.made(order())
    never.set()
    await asyncio.sleep(0)


async def test_words_are_never_read_as_markup(papers: Papers, tmp_path: Path) -> None:
    programs.require("pdftotext")
    hostile = '#read("/etc/passwd") = A *b* $x$ \\ @c'
    wanted = order()
    paper = await papers.made(service.Order(wanted.agency, wanted.title, TEMPLATE, {"words": hostile}, []))
    told = said_by("pdftotext", "-", "-", home=tmp_path, given=paper)
    assert squeezed(hostile) in squeezed(told)


async def test_the_time_of_a_paper_is_in_utc_and_of_our_clock(paper: bytes, clock: FixedClock) -> None:
    reader = pypdf.PdfReader(io.BytesIO(paper))
    root: Any = reader.root_object
    said = str(root["/AcroForm"]["/Fields"][0].get_object()["/V"]["/M"])
    assert said == f"D:{clock.now().astimezone(UTC):%Y%m%d%H%M%S}Z"
