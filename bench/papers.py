"""What a signed paper costs: `script/bench papers`, or `python -m bench.papers [--rounds N]`.

A transcript of 48 courses, on this process's CPU clock (all of its threads), in parts, beside pyHanko alone: its
signature over a PDF that is there already, and its verification of ours. The goal is 200 ms for a signed PDF.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from core.paper import font_families
from core.text import Text
from services.agencies.mhesi.papers import paper_of
from services.receive.papers.authority import Signatory
from services.receive.papers.certificates import agency_certificate, authority_certificate
from services.receive.papers.checking import Known, check
from services.receive.papers.laying_out import Enclosed, laid_out
from services.receive.papers.signing import signed, signer_of
from services.receive.service import svg_of

GOAL_MS: Final = 200
TEMPLATE: Final = Path(__file__).parents[1] / "services" / "agencies" / "mhesi" / "documents" / "transcript.typ"
NOW: Final = datetime(2026, 11, 16, 3, tzinfo=UTC)
PROOF: Final = "https://sitthi.example/verify/paper#" + "a" * 560
"""As long as the code of a paper is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    bench(parser.parse_args().rounds)


def bench(rounds: int) -> None:
    """Measures, and prints."""
    signatory, known = _agency()
    template, paper = TEMPLATE.read_text(encoding="utf-8"), paper_of([_record(0)])
    [source] = paper.attachments
    enclosed = [Enclosed(source.name, source.media_type, "source", "a", source.content)]
    host = _host(svg_of(PROOF))

    numbers = count(1)

    def print_it() -> bytes:
        """Of another student each time: typst remembers what it laid out before."""
        number = next(numbers)
        return asyncio.run(laid_out(template, paper_of([_record(number)]).data, host, enclosed, NOW))

    def sign_it() -> bytes:
        return signed(plain, signatory, "Ministry", "a", NOW)

    def sign_by_pyhanko() -> None:
        about = signers.PdfSignatureMetadata(
            field_name="A", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
        )
        signers.PdfSigner(about, signer_of(signatory)).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(plain)))

    def check_by_pyhanko() -> None:
        trusted = [asn1.Certificate.load(signatory.authority)]
        context = ValidationContext(trust_roots=trusted, allow_fetching=False, moment=NOW)
        [signature] = PdfFileReader(io.BytesIO(whole)).embedded_signatures
        assert validate_pdf_signature(signature, context).bottom_line

    plain = print_it()
    whole = sign_it()
    assert check(whole, known.get, NOW).agency == "mhesi"
    parts: dict[str, Callable[[], object]] = {
        "laid out by typst": print_it,
        "QR code": lambda: svg_of(PROOF),
        "signed": sign_it,
        "signed by pyHanko alone": sign_by_pyhanko,
        "verified": lambda: check(whole, known.get, NOW),
        "verified by pyHanko": check_by_pyhanko,
    }
    cost = {name: _cpu_ms(part, rounds) for name, part in parts.items()}
    made = cost["laid out by typst"] + cost["QR code"] + cost["signed"]
    print(f"a paper of {len(whole):,} bytes, {rounds} rounds, median CPU:")
    for name, milliseconds in (*cost.items(), ("a signed paper, whole", made)):
        print(f"  {name:26}{milliseconds:9.2f} ms {1_000 / milliseconds:10,.0f} per second and core")
    print(f"goal: a signed paper under {GOAL_MS} ms: {'reached' if made < GOAL_MS else 'missed'}")


def _cpu_ms(part: Callable[[], object], rounds: int) -> float:
    part()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        part()
        taken.append((time.process_time() - began) * 1_000)
    return median(taken)


def _agency() -> tuple[Signatory, dict[int, Known]]:
    above, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = authority_certificate(above, NOW)
    own = agency_certificate(
        Text(th="กระทรวง", en="Ministry"), key, authority, above, "https://sitthi.example/crl", NOW
    )
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signatory = Signatory("mhesi", own.public_bytes(Encoding.DER), private, authority.public_bytes(Encoding.DER))
    known = (Known("", authority), Known("mhesi", own))
    return signatory, {one.certificate.serial_number: one for one in known}


def _record(number: int) -> tuple[dict[str, Any], dict[str, str]]:
    course = {
        "titleTh": f"การเขียนโปรแกรมเบื้องต้น {number}",
        "titleEn": "Introduction to Programming",
        "credits": 3,
        "grade": "B+",
    }
    sessions = [
        {"session": f"{1 + n % 2}/{2020 + n // 2}", "courses": [{"code": f"CS{n}{m:02}", **course} for m in range(6)]}
        for n in range(8)
    ]
    record = {
        "institution": "RMS", "number": "RMS-1", "revision": 1, "studentNumber": f"63{number:09}",
        "nameTh": "ตัวอย่าง ผู้ใหญ่", "nameEn": "Tuayang Phuyai", "level": "bachelor", "awardTh": "วิทยาศาสตรบัณฑิต",
        "awardEn": "Bachelor of Science", "titleTh": "วิทยาศาสตรบัณฑิต", "titleEn": "Bachelor of Science",
        "admittedOn": "2020-06-15", "awardedOn": "2024-05-31", "gpax": "3.50", "sessions": sessions,
    }  # fmt: skip
    return record, {"name_th": "มหาวิทยาลัยริมสินธุ์", "name_en": "Rim Sin University"}


def _host(code: str) -> dict[str, Any]:
    both = {"th": "กระทรวง", "en": "Ministry"}
    words = dict.fromkeys(("issuer", "verify", "upload", "source"), "https://sitthi.example")
    return {**words, "fonts": font_families(), "title": both, "agency": both, "made": both, "qr": code}


if __name__ == "__main__":
    main()
