"""Table of the certificates that papers are signed under."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from core.database import Instant
from core.sealed import sealed

AUTHORITY = ""
"""In the place of an agency: the certificate that all others are signed by."""
_CURRENT = text("ended_at IS NULL")


class PaperCertificate(SQLModel, table=True):
    """An X.509 certificate (RFC 5280) of an agency, or of the authority that certifies agencies.

    Rows stay for ever: a paper is verified by the certificate that it was signed under, whatever became of it since. At
    most one of each agency signs; when its time is over its private half is destroyed.
    """

    __tablename__ = "paper_certificate"
    __table_args__ = (
        Index("uq_paper_certificate_current", "agency", unique=True, postgresql_where=_CURRENT, sqlite_where=_CURRENT),
    )

    serial: str = Field(primary_key=True, max_length=40)
    """Its serial number, in hexadecimal."""
    agency: str = Field(max_length=100)
    """Slug; empty for the authority."""
    certificate: bytes
    """DER."""
    private_sealed: bytes | None = sealed("paper_certificate.private", by="serial", default=None)
    """PKCS #8; null once it signs no more."""
    signs_from: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    """Since when another signs in its place."""
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    """Since when nothing is believed that was signed under it: somebody else may have its private half."""
