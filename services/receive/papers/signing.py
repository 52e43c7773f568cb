"""Signs a PDF as PAdES, level B-B (ETSI EN 319 142-1), as its author and for good: no change is permitted after it."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Final

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509

from services.receive.papers.authority import Signatory

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko.sign.signers.pdf_signer import PdfSigningSession

FIELD: Final = "Signature"
LOCATION: Final = "Bangkok"
HOLE_DIGITS: Final = 8_192
"""Hexadecimal, for a signature of some 1,700 bytes: always the same, however long the numbers in it are."""


def signed(pdf: bytes, signatory: Signatory, name: str, reason: str, at: datetime) -> bytes:
    """The PDF with one signature that covers all of it, invisible: nothing of what the page says is covered by a stamp.

    `at` (aware) is what it says of its time. Takes some milliseconds of a core: call it in a thread.
    """
    # Large libraries, needed by few.
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415
    from pyhanko.sign import fields, signers  # noqa: PLC0415

    class Signer(signers.PdfSigner):
        def init_signing_session(self, *given: object, **named: object) -> PdfSigningSession:
            session: PdfSigningSession = super().init_signing_session(*given, **named)  # type: ignore[arg-type] # passed on
            session.system_time = at
            return session

    class Writer(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            """What typst wrote stays: PDF/A wants its two places of metadata alike, and this clock is not ours."""

    about = signers.PdfSignatureMetadata(
        field_name=FIELD,
        name=name,
        reason=reason,
        location=LOCATION,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
        md_algorithm="sha256",
    )
    writer = Writer(io.BytesIO(pdf))
    made = Signer(about, signer_of(signatory), new_field_spec=fields.SigFieldSpec(FIELD, box=None)).sign_pdf(
        writer, bytes_reserved=HOLE_DIGITS
    )
    content: bytes = made.getvalue()
    return content


def signer_of(signatory: Signatory) -> SimpleSigner:
    """Their key, with the authority's certificate beside their own: a reader finds the way from one to the other."""
    from pyhanko.sign.signers import SimpleSigner  # noqa: PLC0415 - as above
    from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415 - as above

    chain = SimpleCertificateStore()  # type: ignore[no-untyped-call] # the library does not say
    chain.register(asn1_x509.Certificate.load(signatory.authority))
    return SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(signatory.certificate),
        signing_key=asn1_keys.PrivateKeyInfo.load(signatory.private),
        cert_registry=chain,
    )
