"""The certificates of agencies, and the authority that signs them. Keys are made here, and sealed under the key ring.

An agency's key signs for a year and is destroyed then; its certificate holds for ten, as long as a paper of that year
is to be believed. The authority's certificate is what others put their trust in, so it stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound
from core.sealed import bound_to
from services.receive.papers.certificates import SKEW, agency_certificate, authority_certificate
from services.receive.papers.checking import Known
from services.receive.papers.models import AUTHORITY, PaperCertificate
from services.receive.wording import TitleOf

SIGNS_FOR: Final = timedelta(days=365)
CRL_HOLDS_FOR: Final = timedelta(days=7)
CERTIFICATE_PATH: Final = "/pki/papers.crt"
CRL_PATH: Final = "/pki/papers.crl"


@dataclass(frozen=True, slots=True)
class Signatory:
    """An agency's certificate and private key, and the authority's certificate."""

    agency: str
    certificate: bytes
    private: bytes
    """PKCS #8, DER."""
    authority: bytes


class Authority:
    """One per process. It opens its own transactions, as the keys belong to the machine and not to a request."""

    def __init__(self, db: Database, keys: KeyRing, clock: Clock, titles: TitleOf, issuer: str) -> None:
        """`issuer`: the base of public addresses, without a trailing slash."""
        self._db, self._keys, self._clock, self._titles, self._issuer = db, keys, clock, titles, issuer

    async def signatory(self, agency: str) -> Signatory:
        """What the agency signs with now; made when it never signed, or has for a year."""
        async with self._db.read() as session:
            found = await self._current(session, agency)
        if found is None:
            async with self._db.write() as session:
                await self._turn(session)
                found = await self._current(session, agency) or await self._make(session, agency)
        return found

    async def known(self) -> Mapping[int, Known]:
        """All certificates that agencies ever signed under, by serial number, and the authority's own."""
        async with self._db.read() as session:
            rows = (await session.scalars(select(PaperCertificate))).all()
        return {
            int(row.serial, 16): Known(row.agency, x509.load_der_x509_certificate(row.certificate), row.revoked_at)
            for row in rows
        }

    async def certificate(self) -> bytes:
        """The authority's, DER: for whoever verifies by a program of their own."""
        async with self._db.read() as session:
            row = await _signing(session, AUTHORITY)
        if row is None:
            async with self._db.write() as session:
                await self._turn(session)
                row = await _signing(session, AUTHORITY) or await self._make_authority(session)
        return row.certificate

    async def revoked(self) -> bytes:
        """The list of revoked certificates (CRL, RFC 5280 §5), DER, signed by the authority now."""
        own = x509.load_der_x509_certificate(await self.certificate())
        async with self._db.read() as session:
            root = await _signing(session, AUTHORITY)
            query = select(PaperCertificate).where(col(PaperCertificate.revoked_at).is_not(None))
            rows = (await session.scalars(query.order_by(col(PaperCertificate.serial)))).all()
        assert root is not None, "one was made"
        now = self._clock.now()
        made = x509.CertificateRevocationListBuilder().issuer_name(own.subject)
        made = made.last_update(now - SKEW).next_update(now + CRL_HOLDS_FOR)
        made = made.add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        for row in rows:
            assert row.revoked_at is not None
            one = x509.RevokedCertificateBuilder().serial_number(int(row.serial, 16)).revocation_date(row.revoked_at)
            made = made.add_revoked_certificate(one.build())
        key = self._key_of(root)
        return (await asyncio.to_thread(made.sign, key, hashes.SHA256())).public_bytes(Encoding.DER)

    async def revoke(self, session: AsyncSession, serial: str) -> str:
        """Nothing that was signed under it is believed any more, and its key signs no more; answers whose it was.

        Raises NotFound for what is no agency's certificate. Doing so twice changes nothing.
        """
        await self._turn(session)
        row = await session.get(PaperCertificate, serial.lower())
        if row is None or row.agency == AUTHORITY:
            raise NotFound
        now = self._clock.now()
        row.revoked_at = row.revoked_at or now
        row.ended_at = row.ended_at or now
        row.private_sealed = None
        session.add(row)
        await session.flush()
        return row.agency

    async def _current(self, session: AsyncSession, agency: str) -> Signatory | None:
        row, root = await _signing(session, agency), await _signing(session, AUTHORITY)
        if row is None or root is None or row.signs_from + SIGNS_FOR <= self._clock.now():
            return None
        return Signatory(agency, row.certificate, self._private(row), root.certificate)

    async def _turn(self, session: AsyncSession) -> None:
        """Holds all others who make certificates until the transaction ends. Readers go on."""
        if not self._db.is_sqlite:  # there, a write session is alone anyway
            await session.execute(text("LOCK TABLE paper_certificate IN SHARE ROW EXCLUSIVE MODE"))

    async def _make(self, session: AsyncSession, agency: str) -> Signatory:
        root = await _signing(session, AUTHORITY) or await self._make_authority(session)
        former, now = await _signing(session, agency), self._clock.now()
        if former is not None:
            former.ended_at, former.private_sealed = now, None
            await session.flush()
        key = ec.generate_private_key(ec.SECP256R1())
        above = x509.load_der_x509_certificate(root.certificate)
        made = agency_certificate(
            self._titles(agency), key, above, self._key_of(root), self._issuer + CRL_PATH, self._clock.now()
        )
        row = await self._keep(session, agency, made, key)
        return Signatory(agency, row.certificate, self._private(row), root.certificate)

    async def _make_authority(self, session: AsyncSession) -> PaperCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        return await self._keep(session, AUTHORITY, authority_certificate(key, self._clock.now()), key)

    async def _keep(
        self, session: AsyncSession, agency: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> PaperCertificate:
        serial = f"{certificate.serial_number:x}"
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        row = PaperCertificate(
            serial=serial,
            agency=agency,
            certificate=certificate.public_bytes(Encoding.DER),
            private_sealed=self._keys.seal(private, bound_to=bound_to(PaperCertificate.private_sealed, serial)),
            signs_from=self._clock.now(),
        )
        session.add(row)
        await session.flush()
        return row

    def _private(self, row: PaperCertificate) -> bytes:
        assert row.private_sealed is not None, "it signs"
        return self._keys.open(row.private_sealed, bound_to=bound_to(PaperCertificate.private_sealed, row.serial))

    def _key_of(self, row: PaperCertificate) -> ec.EllipticCurvePrivateKey:
        key = load_der_private_key(self._private(row), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key


async def _signing(session: AsyncSession, agency: str) -> PaperCertificate | None:
    query = select(PaperCertificate).where(
        col(PaperCertificate.agency) == agency, col(PaperCertificate.ended_at).is_(None)
    )
    return (await session.scalars(query)).one_or_none()
