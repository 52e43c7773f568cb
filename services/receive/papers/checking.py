"""Whether a PDF is, byte for byte, a paper that an agency of ours signed. No PDF is parsed here.

Attacks on signed PDFs (incremental saving, shadow documents, wrapping, certified PDFs with added annotations) live on
the difference between what a verifier reads and what a viewer shows. Our papers are signed last and whole, so there is
nothing to interpret: the signature covers every byte but its own, or the file is refused
(docs/adr/0054-a-paper-is-its-bytes.md). What is read of a stranger's file is a `/ByteRange`, by a pattern, and the
signature in its hole, which is CMS (RFC 5652) as PAdES has it (ETSI EN 319 142-1 §6.3, level B-B).
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from services.receive.papers.errors import (
    PaperAddedTo,
    PaperAltered,
    PaperCertificateExpired,
    PaperCertificateRevoked,
    PaperNotPdf,
    PaperNotSigned,
    PaperSignatureBroken,
    PaperSignerUnknown,
)

PDF_BYTES_MAX: Final = 5_000_000
SIGNATURES_MAX: Final = 8
"""Of one file: each costs a look at all of it. Ours has one."""
_BYTE_RANGE: Final = re.compile(rb"/ByteRange {0,4}\[ {0,4}0 (\d{1,10}) (\d{1,10}) (\d{1,10}) {0,4}\]")
_TIME: Final = re.compile(rb"/M \((?:D:|D\\072)(\d{14})Z\)")
_HEX: Final = re.compile(rb"[0-9A-F]+\Z")
_MARK: Final = b"%PDF-"


@dataclass(frozen=True, slots=True)
class Known:
    """A certificate of ours."""

    agency: str
    certificate: x509.Certificate
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Genuine:
    """What a paper proves."""

    agency: str
    signed_at: datetime | None
    """As the signer says; no third party vouches for the time."""
    certificate: x509.Certificate
    sha256: str
    """Of the whole file."""


Find = Callable[[int], Known | None]
"""The certificate of ours that has that serial number."""


@dataclass(frozen=True, slots=True)
class _Signature:
    """One signature of a file: what it covers, and what it says."""

    start: int
    end: int
    """The hole in which it stands is `pdf[start:end]`, brackets included."""
    until: int
    """What it covers ends before this byte."""
    der: bytes
    """CMS ContentInfo."""
    info: Any
    """Its SignerInfo."""
    serial: int
    issuer: bytes
    """DER. These two name the signer's certificate."""
    certificates: tuple[tuple[int, bytes], ...]
    """By serial number; no signature covers them."""


def check(pdf: bytes, find: Find, now: datetime) -> Genuine:
    """Who signed the file, if it is whole and nothing else. Raises a :class:`PaperNotGenuine` that says why not."""
    if not pdf.startswith(_MARK):
        raise PaperNotPdf
    places = list(_BYTE_RANGE.finditer(pdf))
    if not places:
        raise PaperNotSigned
    read = [found for place in places[-SIGNATURES_MAX:] if (found := _read(pdf, place)) is not None]
    if not read:
        raise PaperSignatureBroken
    ours = [(one, known) for one in read if (known := _known(one, find)) is not None]
    if not ours:
        raise PaperSignerUnknown
    # The last of ours is what the file stands or falls with: one inside an earlier one cannot cover all of it.
    one, known = ours[-1]
    _check_signature(pdf, one, known, find)
    if one.until != len(pdf):
        raise PaperAddedTo
    if known.revoked_at is not None:
        raise PaperCertificateRevoked
    if not known.certificate.not_valid_before_utc <= now <= known.certificate.not_valid_after_utc:
        raise PaperCertificateExpired
    return Genuine(known.agency, _time(pdf), known.certificate, hashlib.sha256(pdf).hexdigest())


def _read(pdf: bytes, place: re.Match[bytes]) -> _Signature | None:
    """The signature whose `/ByteRange` stands there; None for what is none, or covers other bytes than it should."""
    start, end, length = (int(number) for number in place.groups())
    if not (0 < start < end <= len(pdf) and end + length <= len(pdf)):
        return None
    if pdf[start : start + 1] != b"<" or pdf[end - 1 : end] != b">":
        return None
    written = pdf[start + 1 : end - 1]
    if len(written) % 2 or not _HEX.match(written):
        return None
    try:
        der = _alone(binascii.unhexlify(written))
        content = cms.ContentInfo.load(der, strict=True)
        signed = content["content"] if content["content_type"].native == "signed_data" else None
        if signed is None or len(signed["signer_infos"]) != 1 or signed["encap_content_info"]["content"].native:
            return None
        info = signed["signer_infos"][0]
        if info["sid"].name != "issuer_and_serial_number":
            return None
        certificates = tuple((one.chosen.serial_number, one.chosen.dump()) for one in signed["certificates"])
        named = info["sid"].chosen
        serial, issuer = int(named["serial_number"].native), bytes(named["issuer"].dump())
        return _Signature(start, end, end + length, der, info, serial, issuer, certificates)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        return None  # whatever a parser says of bytes that somebody made up


def _written_as_ours(der: bytes) -> bytes:
    """The signature as we would write it, of the same parts: what no signature covers has one form and no other."""
    signed = cms.ContentInfo.load(der)["content"]
    info = signed["signer_infos"][0]
    again = cms.SignerInfo(
        {
            "version": "v1",
            "sid": info["sid"],
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": info["signed_attrs"],
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": info["signature"],
        }
    )
    whole = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data"},
            "certificates": signed["certificates"],
            "signer_infos": [again],
        }
    )
    written: bytes = cms.ContentInfo({"content_type": "signed_data", "content": whole}).dump()
    return written


def _alone(content: bytes) -> bytes:
    """The DER value at the beginning, where only zeros follow: the hole is wider than what stands in it."""
    if len(content) < 4 or content[0] != 0x30 or content[1] != 0x82:  # of 256 to 65,535 bytes, as every signature is
        raise ValueError
    length = 4 + int.from_bytes(content[2:4])
    if length > len(content) or any(content[length:]):
        raise ValueError
    return content[:length]


def _known(one: _Signature, find: Find) -> Known | None:
    known = find(one.serial)
    return known if known is not None and known.certificate.issuer.public_bytes() == one.issuer else None


def _check_signature(pdf: bytes, one: _Signature, known: Known, find: Find) -> None:
    """Raises PaperAltered where it is of other bytes, PaperSignatureBroken where it is not by the certificate's key."""
    digest = hashlib.sha256(pdf[: one.start])
    digest.update(pdf[one.end : one.until])
    certificate = known.certificate
    try:
        if _written_as_ours(one.der) != one.der:
            raise PaperSignatureBroken
        said = {attribute["type"].native: attribute["values"] for attribute in one.info["signed_attrs"]}
        written: bytes = one.info["signed_attrs"].untag().dump()
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey), "so this authority makes them"
        key.verify(one.info["signature"].native, written, ec.ECDSA(hashes.SHA256()))
        # `tsp` teaches `cms` this attribute (RFC 5035 §3): a process that has signed nothing knows it by this alone.
        stated = said["signing_certificate_v2"][0]
        assert isinstance(stated, tsp.SigningCertificateV2), "so the specification of the attribute says"
        bound = stated["certs"][0]
        if said["content_type"].native != ["data"] or bound["cert_hash"].native != certificate.fingerprint(
            hashes.SHA256()
        ):
            raise PaperSignatureBroken
        is_same = said["message_digest"].native == [digest.digest()]
    except (InvalidSignature, ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise PaperSignatureBroken from None
    if not is_same or not _only_ours(one, find):
        raise PaperAltered


def _only_ours(one: _Signature, find: Find) -> bool:
    """Whether the bag of certificates, which no signature covers, holds what we put into it and nothing else."""
    for serial, der in one.certificates:
        known = find(serial)
        if known is None or known.certificate.public_bytes(Encoding.DER) != der:
            return False
    return True


def _time(pdf: bytes) -> datetime | None:
    """`/M` of the signature's dictionary. The bytes are ours by now, so the last one found is the one we wrote."""
    found = _TIME.findall(pdf)
    return datetime.strptime(found[-1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC) if found else None
