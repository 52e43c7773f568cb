"""X.509 certificates (RFC 5280) for the signing of papers, by keys on P-256 (ES256 in CMS: RFC 5753)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.text import Text

HOLDS_FOR: Final = timedelta(days=3_653)
AUTHORITY_HOLDS_FOR: Final = timedelta(days=7_305)
SKEW: Final = timedelta(minutes=5)
"""Certificates begin so long before they are made: the clock of whoever verifies may be behind ours."""
_NAME_LENGTH_MAX: Final = 64
"""Of a name in a certificate (RFC 5280 appendix A, ub-organization-name and ub-common-name)."""


def authority_certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """That of the authority, signed by itself. It signs certificates of agencies, and no further authority."""
    name = _name("Sitthi", "Sitthi papers")
    made = _builder(name, name, key, now, AUTHORITY_HOLDS_FOR)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return made.add_extension(_usage(authority=True), critical=True).sign(key, hashes.SHA256())


def agency_certificate(
    title: Text,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    revocations: str,
    now: datetime,
) -> x509.Certificate:
    """That of an agency, which signs documents and nothing else. `revocations` is the address of the list."""
    made = _builder(_name(title.th, title.en), authority.subject, key, now, HOLDS_FOR)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_usage(authority=False), critical=True)
    its_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    above = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(its_key)
    made = made.add_extension(above, critical=False)
    place = x509.DistributionPoint([x509.UniformResourceIdentifier(revocations)], None, None, None)
    made = made.add_extension(x509.CRLDistributionPoints([place]), critical=False)
    return made.sign(authority_key, hashes.SHA256())


def _name(organisation: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "TH"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:_NAME_LENGTH_MAX]),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:_NAME_LENGTH_MAX]),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, holds_for: timedelta
) -> x509.CertificateBuilder:
    public, now = key.public_key(), now.replace(microsecond=0)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - SKEW).not_valid_after(now + holds_for)
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
