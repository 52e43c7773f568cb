"""What somebody may do to a signed paper, or show in its place: each is refused by its name. No database is needed."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdf
import pypdf.annotations
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pypdf.generic import DictionaryObject, NameObject, StreamObject, TextStringObject

from services.receive.papers.authority import Signatory
from services.receive.papers.checking import SIGNATURES_MAX
from services.receive.papers.errors import (
    PaperAddedTo,
    PaperAltered,
    PaperNotGenuine,
    PaperNotPdf,
    PaperNotSigned,
    PaperSignatureBroken,
    PaperSignerUnknown,
)
from tests.services.receive.papers.conftest import Desk, der
from tests.support import programs


def hole(pdf: bytes) -> tuple[int, int]:
    """Where the signature stands, brackets included."""
    found = re.search(rb"/ByteRange \[0 (\d+) (\d+) ", pdf)
    assert found
    return int(found[1]), int(found[2])


def saved(writer: pypdf.PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def replaced(pdf: bytes) -> bytes:
    """Shadow attack "replace": the page's content is another, in an update."""
    writer = pypdf.PdfWriter(io.BytesIO(pdf), incremental=True)
    page: Any = writer.pages[0]
    stream = StreamObject()
    stream.set_data(b"BT ET")
    page[NameObject("/Contents")] = writer._add_object(stream)
    return saved(writer)


def hidden(pdf: bytes) -> bytes:
    """Shadow attack "hide": an annotation is laid over the page."""
    writer = pypdf.PdfWriter(io.BytesIO(pdf), incremental=True)
    writer.add_annotation(0, pypdf.annotations.FreeText(text="A", rect=(0, 0, 600, 800)))
    return saved(writer)


def dressed(pdf: bytes) -> bytes:
    """Shadow attack on appearances: the signature's own field shows something."""
    writer = pypdf.PdfWriter(io.BytesIO(pdf), incremental=True)
    root: Any = writer.root_object
    field = root["/AcroForm"]["/Fields"][0].get_object()
    stream = StreamObject()
    stream.set_data(b"BT ET")
    field[NameObject("/AP")] = DictionaryObject({NameObject("/N"): writer._add_object(stream)})
    field[NameObject("/TU")] = TextStringObject("GPAX 4.00")
    return saved(writer)


def stranger(desk: Desk, serial: int | None = None, issuer: x509.Name | None = None) -> Signatory:
    """Somebody with a key of their own and the agency's name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.load_der_x509_certificate(desk.signatory.certificate).subject
    made = x509.CertificateBuilder().subject_name(name).issuer_name(issuer or name).public_key(key.public_key())
    made = made.serial_number(serial or x509.random_serial_number())
    made = made.not_valid_before(desk.now).not_valid_after(desk.now + timedelta(days=9))
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    return Signatory("mhesi", certificate, der(key), certificate)


def test_the_paper_is_genuine_before_anybody_touches_it(desk: Desk) -> None:
    found = desk.check(desk.paper)
    assert (found.agency, found.signed_at) == ("mhesi", desk.now)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_any_byte_that_is_changed_outside_the_signature_is_found(desk: Desk, place: int) -> None:
    """In a quarter of every 97th place, and of every place of the signature's dictionary behind its hole."""
    start, end = hole(desk.paper)
    for at in sorted({*range(5, len(desk.paper), 97), *range(end, end + 400)})[place::4]:
        if not start <= at < end:
            wrong = bytearray(desk.paper)
            wrong[at] ^= 1
            with pytest.raises((PaperAltered, PaperNotSigned, PaperSignatureBroken, PaperAddedTo)):
                desk.check(bytes(wrong))


def test_any_byte_that_is_changed_in_the_signature_is_found(desk: Desk) -> None:
    start, end = hole(desk.paper)
    written = bytes.fromhex(desk.paper[start + 1 : end - 1].decode())
    for at in range(len(written)):
        wrong = bytearray(written)
        wrong[at] ^= 1
        with pytest.raises((PaperSignatureBroken, PaperSignerUnknown, PaperAltered)):
            desk.check(desk.paper[: start + 1] + wrong.hex().upper().encode() + desk.paper[end - 1 :])


def test_another_word_in_its_place_is_altered(desk: Desk) -> None:
    with pytest.raises(PaperAltered):
        desk.check(desk.paper.replace(b"/Location (Bangkok)", b"/Location (Bangkek)"))


@pytest.mark.parametrize("attack", [replaced, hidden, dressed, lambda pdf: pdf + b"\n", lambda pdf: pdf + b"%%EOF\n"])
def test_what_is_added_after_signing_is_told(desk: Desk, attack: Callable[[bytes], bytes]) -> None:
    attacked = attack(desk.paper)
    assert attacked.startswith(desk.paper), "an incremental update"
    with pytest.raises(PaperAddedTo):
        desk.check(attacked)


@pytest.mark.parametrize("attack", [replaced, hidden, dressed])
def test_pdfsig_agrees_that_not_all_of_it_is_signed(
    desk: Desk, tmp_path: Path, attack: Callable[[bytes], bytes]
) -> None:
    programs.require("pdfsig")
    file = tmp_path / "a.pdf"
    file.write_bytes(attack(desk.paper))
    said = subprocess.run(
        ["pdfsig", file], env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, capture_output=True, check=False
    ).stdout
    assert b"Not total document signed" in said


def test_what_is_removed_at_the_end_is_no_paper_any_more(desk: Desk) -> None:
    for less in (1, 10, 300):
        with pytest.raises(PaperSignatureBroken):
            desk.check(desk.paper[:-less])


def test_a_paper_that_a_program_wrote_anew_bears_no_signature_of_ours(desk: Desk) -> None:
    """As one that "optimises" or prints to PDF: the words are the same, and nobody vouches for them."""
    writer = pypdf.PdfWriter()
    writer.add_page(pypdf.PdfReader(io.BytesIO(desk.paper)).pages[0])
    for anew in (writer, pypdf.PdfWriter(clone_from=io.BytesIO(desk.paper))):
        with pytest.raises(PaperSignatureBroken):
            desk.check(saved(anew))


def test_the_signature_of_another_paper_does_not_fit(desk: Desk) -> None:
    other = desk.printed("others")
    (start, end), (from_, to) = hole(desk.paper), hole(other)
    assert end - start == to - from_
    with pytest.raises(PaperAltered):
        desk.check(desk.paper[:start] + other[from_:to] + desk.paper[end:])


def test_what_somebody_else_signed_is_of_an_unknown_signer(desk: Desk) -> None:
    with pytest.raises(PaperSignerUnknown):
        desk.check(desk.printed("words", stranger(desk)))


def test_a_stranger_with_our_certificates_number_is_unknown_and_with_its_issuer_too_is_broken(desk: Desk) -> None:
    ours = x509.load_der_x509_certificate(desk.signatory.certificate)
    with pytest.raises(PaperSignerUnknown):
        desk.check(desk.printed("words", stranger(desk, ours.serial_number)))
    with pytest.raises(PaperSignatureBroken):
        desk.check(desk.printed("words", stranger(desk, ours.serial_number, ours.issuer)))


def test_our_certificate_with_somebody_elses_key_is_broken(desk: Desk) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    forger = Signatory("mhesi", desk.signatory.certificate, der(key), desk.signatory.authority)
    with pytest.raises(PaperSignatureBroken):
        desk.check(desk.printed("words", forger))


def test_a_strangers_signature_over_our_paper_does_not_make_it_whole(desk: Desk) -> None:
    """Certified by us, then signed by somebody else over everything: what they add is not ours to vouch for."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415 - large, for this test
    from pyhanko.sign import fields, signers  # noqa: PLC0415 - as above

    from services.receive.papers.signing import signer_of  # noqa: PLC0415 - as above

    class Careless(signers.PdfSigner):
        def _enforce_certification_constraints(self, reader: object) -> None:
            """pyHanko itself signs nothing after a signature that forbids it; whoever attacks has another program."""

    about = signers.PdfSignatureMetadata(field_name="Second", md_algorithm="sha256")
    pdf = IncrementalPdfFileWriter(io.BytesIO(desk.paper), strict=False)
    second = Careless(about, signer_of(stranger(desk)), new_field_spec=fields.SigFieldSpec("Second", box=None))
    with pytest.raises(PaperAddedTo):
        desk.check(second.sign_pdf(pdf).getvalue())


def test_our_signature_behind_many_others_is_not_looked_for(desk: Desk) -> None:
    with pytest.raises(PaperNotGenuine):
        desk.check(desk.paper + b"/ByteRange [0 1 3 1] " * (SIGNATURES_MAX + 1))


def test_a_certificate_more_in_the_bag_is_an_alteration(desk: Desk) -> None:
    """No signature covers the bag: whatever is in it beside ours would go from us to whoever reads the file."""
    from asn1crypto import cms  # noqa: PLC0415 - large, for this test
    from asn1crypto import x509 as asn1  # noqa: PLC0415 - as above

    start, end = hole(desk.paper)
    room = desk.paper[start + 1 : end - 1]
    content = bytes.fromhex(room.decode())
    content = content[: 4 + int.from_bytes(content[2:4])]
    read = cms.ContentInfo.load(content)
    signed = read["content"].copy()
    signed["certificates"].append(asn1.Certificate.load(stranger(desk).certificate))
    written = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump().hex().upper().encode()
    if len(written) > len(room):
        pytest.fail("the hole is too narrow for this attack: make it anew")
    with pytest.raises(PaperAltered):
        desk.check(desk.paper[: start + 1] + written.ljust(len(room), b"0") + desk.paper[end - 1 :])


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", PaperNotPdf),
        (b"PK\x03\x04", PaperNotPdf),
        (b" %PDF-1.7", PaperNotPdf),
        (b"%PDF-1.7\n%%EOF", PaperNotSigned),
        (b"%PDF-1.7 /ByteRange [0 9 10 11]", PaperSignatureBroken),
        (b"%PDF-1.7 /ByteRange [0 9999999999 9999999999 9999999999]", PaperSignatureBroken),
        (b"%PDF-<3082> /ByteRange [0 5 11 3]", PaperSignatureBroken),
        (b"%PDF-<3082000430020500> /ByteRange [0 5 23 3]", PaperSignatureBroken),
        (b"%PDF-1.7 " + b"/ByteRange [0 1 3 1] " * 9_000, PaperSignatureBroken),
        (b"%PDF-1.7 " + b"/ByteRange " * 90_000 + b" " * 90_000, PaperNotSigned),
    ],
)
def test_what_is_no_signed_pdf_is_named(desk: Desk, file: bytes, reason: type[Exception]) -> None:
    with pytest.raises(reason):
        desk.check(file)


_ALONE = """
import base64, json, sys
from datetime import datetime
from cryptography import x509
from services.receive.papers.checking import Known, check
given = json.load(sys.stdin)
known = [Known(agency, x509.load_der_x509_certificate(base64.b64decode(one))) for agency, one in given["known"]]
by_number = {one.certificate.serial_number: one for one in known}
print(check(base64.b64decode(given["pdf"]), by_number.get, datetime.fromisoformat(given["now"])).agency)
"""


def test_a_process_that_has_signed_nothing_verifies(desk: Desk) -> None:
    """The library that signs teaches the one that reads what an attribute is called; a process may never load it."""
    known = [
        (one.agency, base64.b64encode(one.certificate.public_bytes(Encoding.DER)).decode())
        for one in desk.known.values()
    ]
    given = {"pdf": base64.b64encode(desk.paper).decode(), "known": known, "now": desk.now.isoformat()}
    done = subprocess.run(
        [sys.executable, "-c", _ALONE], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "mhesi\n", "")
