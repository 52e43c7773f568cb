"""A press with a template of its own, and the paper that most tests attack."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.database import Database
from core.paper import font_families
from core.text import Text
from services.receive.papers.authority import Authority, Signatory
from services.receive.papers.certificates import agency_certificate, authority_certificate
from services.receive.papers.checking import Genuine, Known, check
from services.receive.papers.laying_out import Enclosed, laid_out
from services.receive.papers.service import Order, Papers
from services.receive.papers.signing import signed
from tests.services.pay.town import KEYS
from tests.support import programs

ISSUER: Final = "https://sitthi.example"
XML: Final = "<t>ผู้ใหญ่</t>".encode()
SAID: Final = "ใบแสดงผลการศึกษา ผู้ใหญ่ น้ำ ปั้น ฟื้น กตัญญู 1,234.50"
TEMPLATE: Final = """#let said = json(bytes(sys.inputs.data))
#let host = json(bytes(sys.inputs.host))
#set document(title: host.title.th, author: host.agency.th)
#set text(font: host.fonts, lang: "th")
#set text(features: if host.fonts.first() == "Sarabun" { (mark: 0, mkmk: 0) } else { (:) })
= #host.title.th
#said.words
#image(bytes(host.qr), format: "svg", width: 40mm, alt: "QR")
"""


def titles(agency: str) -> Text:
    return Text(th=f"กระทรวง {agency}", en=f"Ministry {agency}")


def order(template: str = TEMPLATE, agency: str = "mhesi") -> Order:
    enclosed = [Enclosed("record.xml", "application/xml", "source", "ข้อมูล · the record", XML)]
    return Order(agency, Text(th="เอกสารทดสอบ", en="A test"), template, {"words": SAID}, enclosed)


@pytest.fixture
def attestor(database: Database, clock: FixedClock) -> Attestor:
    return Attestor(database, KEYS, clock, ISSUER)


@pytest.fixture
def authority(database: Database, clock: FixedClock) -> Authority:
    return Authority(database, KEYS, clock, titles, ISSUER)


@pytest.fixture
def papers(clock: FixedClock, authority: Authority, attestor: Attestor) -> Papers:
    if not font_families():
        programs.absent("no Thai font: script/setup fetches one")
    return Papers(clock, authority, attestor, titles, ISSUER)


@dataclass
class Desk:
    """One agency and one paper of it, without a database: what is done to the bytes needs none."""

    now: datetime
    authority: x509.Certificate
    signatory: Signatory
    known: Mapping[int, Known]
    paper: bytes = b""

    def check(self, pdf: bytes) -> Genuine:
        return check(pdf, self.known.get, self.now)

    def printed(self, words: str, signatory: Signatory | None = None) -> bytes:
        """A plain paper, by this agency or whoever else."""
        pdf = asyncio.run(laid_out(f"#set document(title: [a])\n= {words}", {}, {}, [], self.now))
        return signed(pdf, signatory or self.signatory, "Ministry mhesi", "a", self.now)


def der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="session")
def desk() -> Desk:
    now = datetime(2026, 11, 16, 3, tzinfo=UTC)
    above, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = authority_certificate(above, now)
    certificate = agency_certificate(titles("mhesi"), key, authority, above, f"{ISSUER}/pki/papers.crl", now)
    both = (Known("", authority), Known("mhesi", certificate))
    signatory = Signatory(
        "mhesi", certificate.public_bytes(Encoding.DER), der(key), authority.public_bytes(Encoding.DER)
    )
    desk = Desk(now, authority, signatory, {one.certificate.serial_number: one for one in both})
    desk.paper = desk.printed("words")
    return desk
