"""Preparing the copy of a person's data, and handing it out (PDPA 2562 s.30, s.31).

Three files: JSON with every record, for machines (data/export.schema.json); PDF, for people; and a JWS of type
`sitthi-personal-data+jwt` over the digests of both. They lie in the database in sealed pieces, so that no length of
history fills a memory, and go after a week.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import Assurance
from core.attestation.service import Attestor
from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound, ServiceUnavailable, SitthiError
from core.personal_data import PersonalData
from core.sealed import bound_to
from core.text import Text
from identity.inbox.service import Inbox
from services.exchange.catalogue import Catalogue, Subject
from services.exchange.facts import OWN_VIEW, Asker, AskerKind, Assured, Fact, Facts, Gate
from services.exchange.privacy import messages, pdf, states
from services.exchange.privacy.errors import ExportGone, NotReady
from services.exchange.privacy.leases import Lease, Lost
from services.exchange.privacy.models import PrivacyExport, PrivacyRequest
from services.exchange.privacy.reading import Reader
from services.exchange.privacy.requests import CITIZEN
from services.exchange.privacy.states import Event, Kind, Status, Step
from services.exchange.privacy.trail import Trail

FORMAT: Final = "sitthi-personal-data"
VERSION: Final = 1
TYPE: Final = "sitthi-personal-data+jwt"
KEPT: Final = timedelta(days=7)
PIECE_BYTES: Final = 256 * 1024
BATCH: Final = 100
FORMATS: Final[Mapping[str, str]] = {
    "json": "application/json",
    "pdf": "application/pdf",
    "jws": "application/jose",
}
"""What is prepared, and its media type."""
_JOB: Final = "job"
_FACTS: Final = Text(th="ข้อเท็จจริงจากหน่วยงาน", en="Facts of agencies")
_FOR_YOUR_COPY: Final = Text(th="ท่านขอสำเนาข้อมูลของท่าน", en="You asked for a copy of your data")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Document:
    """The JSON document as it is written: a piece is stored as soon as it is full."""

    exporter: Exporter
    lease: Lease
    format: str
    digest: Any = field(default_factory=hashlib.sha256)
    waiting: bytearray = field(default_factory=bytearray)
    number: int = 0

    async def write(self, content: bytes) -> None:
        self.digest.update(content)
        self.waiting += content
        while len(self.waiting) >= PIECE_BYTES:
            await self._store(bytes(self.waiting[:PIECE_BYTES]))
            del self.waiting[:PIECE_BYTES]

    async def close(self) -> str:
        """Stores what is left; answers the whole document's SHA-256 in hexadecimal."""
        if self.waiting or self.number == 0:
            await self._store(bytes(self.waiting))
            self.waiting.clear()
        return str(self.digest.hexdigest())

    async def _store(self, content: bytes) -> None:
        await self.exporter.store(self.lease, self.format, self.number, content)
        self.number += 1


class Exporter:
    """The job that prepares, and the one that deletes. Any process may run both, and all of them do."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        stores: Sequence[PersonalData],
        gate: Gate,
        catalogue: Catalogue,
        attestor: Attestor,
        inbox: Inbox,
        issuer: str,
    ) -> None:
        self._db, self._clock, self._keys, self._stores = db, clock, keys, stores
        self._gate, self._catalogue, self._attestor = gate, catalogue, attestor
        self._inbox, self._trail, self._issuer = inbox, Trail(clock), issuer
        self._reader = Reader(catalogue)

    async def run(self) -> int:
        """Prepares what waits and deletes what is over; answers how many requests moved on."""
        moved = 0
        for person, request in await self._waiting():
            try:
                moved += await self.one(person, request)
            except SitthiError as error:
                log.warning("export_failed", request=request.hex, code=error.code)
                await self._failed(person, request, error.code)
            except Exception:  # one request that nobody foresaw must not stand in the way of the others
                log.exception("export_failed", request=request.hex)
                await self._failed(person, request, SitthiError.code)
        return moved + await self.expire()

    async def one(self, person: UUID, request: UUID) -> bool:
        """One request, if it waits and nobody else is at it. One that was cut off is begun anew."""
        async with self._db.write() as session:
            row = await session.get(PrivacyRequest, (person, request))
            if row is None or row.status not in (Status.RECEIVED, Status.PREPARING):
                return False
            lease = await Lease.take(self._db, self._clock, session, row, Event.BEGIN)
            if lease is None:
                return False
            await session.execute(delete(PrivacyExport).where(*_of(person, request)))
        try:
            await self._prepare(lease)
        except Lost:
            return False
        return True

    async def expire(self) -> int:
        """Deletes files whose time is over; answers of how many requests."""
        now = self._clock.now()
        query = select(PrivacyRequest).where(
            col(PrivacyRequest.status) == Status.READY.value, col(PrivacyRequest.expires_at) <= now
        )
        async with self._db.write() as session:
            rows = (await session.scalars(query.limit(BATCH).with_for_update(skip_locked=True))).all()
            for row in rows:
                row.status = states.after(Status(row.status), Event.EXPIRE).value
                await session.execute(delete(PrivacyExport).where(*_of(row.person, row.id)))
                await self._trail.note(session, Step.EXPIRED, person=row.person, subject=row.id, by=_JOB)
        return len(rows)

    async def store(self, lease: Lease, format_: str, number: int, content: bytes) -> None:
        row = lease.row
        binding = bound_to(PrivacyExport.content_sealed, row.id, format_, number)
        async with lease.step() as session:
            session.add(
                PrivacyExport(
                    person=row.person,
                    request=row.id,
                    format=format_,
                    number=number,
                    content_sealed=self._keys.seal(content, bound_to=binding),
                    made_at=self._clock.now(),
                )
            )

    async def _prepare(self, lease: Lease) -> None:
        row, made_at = lease.row, self._clock.now()
        facts = await self._facts(row)
        sections = [pdf.Section(_FACTS, self._reader)]
        for fact in facts.values():
            sections[0].add_fact(fact)
        document = _Document(self, lease, "json")
        await self._write(document, made_at, facts, sections)
        digests = {"json": await document.close()}
        try:
            content = await pdf.rendered(
                [section.written() for section in sections],
                issuer=self._issuer,
                made_at=made_at,
                request=row.id.hex,
            )
        except ServiceUnavailable:  # a machine without a Thai font: the file for machines goes out all the same
            log.warning("export_without_pdf", request=row.id.hex)
        else:
            paper = _Document(self, lease, "pdf")
            await paper.write(content)
            digests["pdf"] = await paper.close()
        claims = {"request": row.id.hex, "format": FORMAT, "version": VERSION, "sha256": digests}
        signed = _Document(self, lease, "jws")
        await signed.write((await self._attestor.sign(claims, typ=TYPE)).encode())
        await signed.close()
        await self._finish(lease)

    async def _write(self, document: _Document, made_at: datetime, facts: Facts, sections: list[pdf.Section]) -> None:
        head = {
            "format": FORMAT,
            "version": VERSION,
            "issuer": self._issuer,
            "request": document.lease.row.id.hex,
            "made_at": made_at.isoformat(),
            "facts": {name: self._fact(fact) for name, fact in facts.items()},
        }
        await document.write(orjson.dumps(head)[:-1] + b',"stores":[')
        for number, store in enumerate(self._stores):
            about = store.about
            section = pdf.Section(about.title, self._reader, about.description)
            sections.append(section)
            opening = {
                "name": about.name,
                "title": _both(about.title),
                "description": _both(about.description),
                "purpose": _both(about.purpose),
                "basis": about.basis.value,
                "retention": about.retention,
                "recipients": [_both(one) for one in about.recipients],
            }
            await document.write((b"," if number else b"") + orjson.dumps(opening)[:-1] + b',"records":[')
            first = True
            async with self._db.read() as session:
                async for table, record in store.export(session, document.lease.row.person):
                    section.add(table, record)
                    written = orjson.dumps({"table": table, "record": record}, default=str)
                    await document.write(written if first else b"," + written)
                    first = False
            await document.write(b"]}")
        await document.write(b"]}")

    async def _finish(self, lease: Lease) -> None:
        row, now = lease.row, self._clock.now()
        async with lease.step() as session:
            await session.execute(
                update(PrivacyRequest)
                .where(col(PrivacyRequest.person) == row.person, col(PrivacyRequest.id) == row.id)
                .values(
                    status=states.after(Status.PREPARING, Event.FINISH).value,
                    leased_until=None,
                    finished_at=now,
                    expires_at=now + KEPT,
                    failure=None,
                )
            )
            await self._trail.note(session, Step.EXPORTED, person=row.person, subject=row.id, by=_JOB)
            await self._inbox.send(session, row.person, messages.EXPORT_READY, until=bangkok_day(now + KEPT))

    async def _facts(self, row: PrivacyRequest) -> Facts:
        """What agencies say of the person, through the gate: it is a look like every other, and logged."""
        names = [
            one.id for one in self._catalogue.attributes.values() if one.subject is Subject.PERSON and not one.is_tie
        ]
        asker = Asker(
            kind=AskerKind.CITIZEN,
            id=row.person.hex,
            agency=None,
            label=_FOR_YOUR_COPY,
            request=row.id,
            assurance=Assured(Assurance.of(row.acr)) if row.acr is not None else None,
        )
        own = self._catalogue.purposes[OWN_VIEW.id].purpose
        return await self._gate.facts(row.person, names, asker=asker, purpose=own)

    def _fact(self, fact: Fact) -> dict[str, Any]:
        attribute, note = self._catalogue.attribute(fact.attribute), self._reader.note(fact)
        return {
            "title": _both(attribute.title),
            "value": attribute.type.dump(fact.value) if fact.known else None,
            "source": fact.source,
            "as_of": fact.as_of.isoformat() if fact.as_of is not None else None,
            "state": fact.state.value,
            "note": _both(note) if note is not None else None,
        }

    async def _waiting(self) -> Sequence[tuple[UUID, UUID]]:
        now = self._clock.now()
        cut_off = and_(col(PrivacyRequest.status) == Status.PREPARING.value, col(PrivacyRequest.leased_until) <= now)
        query = select(col(PrivacyRequest.person), col(PrivacyRequest.id)).where(
            or_(col(PrivacyRequest.status) == Status.RECEIVED.value, cut_off),
            col(PrivacyRequest.kind).in_([Kind.ACCESS.value, Kind.PORTABILITY.value]),
        )
        async with self._db.read() as session:
            found = await session.execute(query.order_by(col(PrivacyRequest.due_at)).limit(BATCH))
            return [(person, request) for person, request in found.tuples()]

    async def _failed(self, person: UUID, request: UUID, code: str) -> None:
        async with self._db.write() as session:
            await session.execute(
                update(PrivacyRequest)
                .where(col(PrivacyRequest.person) == person, col(PrivacyRequest.id) == request)
                .values(failure=code[:60])
            )


class Downloads:
    """What the owner takes away. Who they are and how sure that is, the edge has asked (routes.py)."""

    def __init__(self, db: Database, clock: Clock, keys: KeyRing) -> None:
        self._db, self._clock, self._keys, self._trail = db, clock, keys, Trail(clock)

    async def formats(self, session: AsyncSession, person: UUID, request: UUID) -> Sequence[str]:
        """Those that can be downloaded now."""
        query = select(col(PrivacyExport.format)).where(*_of(person, request)).distinct()
        there = set((await session.scalars(query)).all())
        return [name for name in FORMATS if name in there]

    async def begin(self, person: UUID, request: UUID, format_: str) -> int:
        """Notes the download; answers how many pieces there are. Raises NotFound, NotReady, ExportGone."""
        async with self._db.write() as session:
            row = await session.get(PrivacyRequest, (person, request))
            if row is None or row.kind not in (Kind.ACCESS, Kind.PORTABILITY) or format_ not in FORMATS:
                raise NotFound
            if row.status in (Status.RECEIVED, Status.PREPARING):
                raise NotReady
            if row.status != Status.READY or row.expires_at is None or row.expires_at <= self._clock.now():
                raise ExportGone
            count = await session.scalar(
                select(func.count())
                .select_from(PrivacyExport)
                .where(*_of(person, request), col(PrivacyExport.format) == format_)
            )
            if not count:
                raise NotFound
            await self._trail.note(session, Step.DOWNLOADED, person=person, subject=request, by=CITIZEN, format=format_)
        return int(count)

    async def pieces(self, person: UUID, request: UUID, format_: str, count: int) -> AsyncIterator[bytes]:
        """The content, piece by piece, each read by itself: a slow reader holds no connection."""
        for number in range(count):
            async with self._db.read() as session:
                row = await session.get(PrivacyExport, (person, request, format_, number))
            if row is None:
                raise ExportGone
            binding = bound_to(PrivacyExport.content_sealed, request, format_, number)
            yield self._keys.open(row.content_sealed, bound_to=binding)


def _of(person: UUID, request: UUID) -> tuple[Any, ...]:
    return (col(PrivacyExport.person) == person, col(PrivacyExport.request) == request)


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
