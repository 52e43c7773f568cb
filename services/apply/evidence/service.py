"""Takes evidence from a citizen, keeps it sealed, gives it back, and makes it part of an application.

A file is received into memory, looked through, scanned, and only then written: the row and all its pieces in one
transaction. Whatever is killed or breaks off before that leaves nothing, and no plain byte ever reaches a disk of ours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import BadInput, IdempotencyConflict, NotFound, SitthiError
from core.ids import GlobalId, MalformedGlobalId, new_id
from core.sealed import bound_to
from core.text import Text
from services.apply.evidence import repository
from services.apply.evidence.cleaning import cleaned
from services.apply.evidence.errors import (
    EvidenceCut,
    EvidenceNotTaken,
    EvidenceSubmitted,
    EvidenceTooLarge,
    EvidenceTooSlow,
    TooMuchEvidence,
    error_of,
)
from services.apply.evidence.examining import Examiner
from services.apply.evidence.models import Evidence, EvidencePiece
from services.apply.evidence.refusals import Refused
from services.apply.evidence.scanning import Scanner
from services.apply.models import Application
from services.apply.states import is_service

PATH: Final = "/evidence"
UNUSED_KEPT: Final = timedelta(days=7)
PIECE_BYTES: Final = 256 * 1024
KEY_LENGTH_MAX: Final = 200
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    file_bytes_max: int = 5 * _MB
    unused_files_max: int = 20
    """Of one person, that no application has named."""
    unused_bytes_max: int = 40 * _MB
    application_files_max: int = 20
    at_once_of_person: int = 2
    """That one process receives at the same time."""
    at_once: int = 24
    """Of all people in one process, each with a file in memory."""
    idle_seconds_max: float = 15.0
    """Without a byte."""
    whole_seconds_max: float = 120.0


class People(Protocol):
    """The register of people, as far as this room asks it."""

    async def keep_there(self, session: AsyncSession, person: UUID) -> bool:
        """Whether the person is registered. Who is, cannot leave before `session`, a write session, ends."""
        ...


class Keepers(Protocol):
    """What other rooms know of how long a person's evidence is kept; `api/house.py` hands it in."""

    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        """Whose evidence a legal hold keeps now; None stands for everybody's."""
        ...

    async def has_left(self, session: AsyncSession, person: UUID, since: datetime) -> bool:
        """Whether what there was of the person was erased since then, or is being erased."""
        ...


class EvidenceDesk:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        people: People,
        examiner: Examiner,
        scanner: Scanner,
        bounds: Bounds | None = None,
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self._examiner, self._scanner, self.bounds = examiner, scanner, bounds or Bounds()
        self._people = people
        self._receiving: Counter[UUID] = Counter()
        self.keepers: Keepers | None = None
        """Set when that room stands."""
        self.at_the_desk: Callable[[str], bool] = lambda _: False
        """Whether an agency's own officers decide what is applied for here, who can be shown it; set like `keepers`."""

    async def take(self, person: UUID, key: str, body: AsyncIterator[bytes], declared: int | None = None) -> Evidence:
        """Receives a file. `key` is the idempotency key; `declared`, how long the body was said to be. What a camera
        noted beside a picture (where, when, with what) is not kept.

        Whoever sends the same again under the same key gets the same evidence. To be called in no transaction. Raises
        what `errors` lists, IdempotencyConflict, BadInput, ServiceUnavailable, NotFound for who leaves meanwhile.
        """
        self._scanner.must_be_open()
        if not 1 <= len(key) <= KEY_LENGTH_MAX:
            raise BadInput(
                Text(th="ต้องมีส่วนหัว Idempotency-Key", en="the header Idempotency-Key is needed"),
                path=("Idempotency-Key",),
            )
        if declared is not None and declared > self.bounds.file_bytes_max:
            raise self._too_large()
        since = self._clock.now()
        claim = self._keys.blind_index(f"{person.hex} {key}", domain="evidence.claim")
        with self._turn(person):
            async with self._db.read() as session:
                if await repository.claimed(session, person, claim) is None:
                    await self._refuse_too_much(session, person, 1)
            content = await self._received(body, declared)
            digest = self._keys.blind_index(hashlib.sha256(content).hexdigest(), domain="evidence.digest")
            try:
                media_type = await self._examiner.examine(content)
            except Refused as refused:
                raise error_of(refused.reason) from None
            scanner = await self._scanner.scan(content)
            content = await asyncio.to_thread(cleaned, media_type, content)
            row = Evidence(
                person=person,
                id=new_id(),
                claim=claim,
                digest=digest,
                media_type=media_type,
                size=len(content),
                uploaded_at=since,
                scanner=scanner,
            )
            return await self._keep(row, content)

    async def own(self, person: UUID, evidence: UUID) -> Evidence | None:
        """The person's; foreign and unknown are alike."""
        async with self._db.read() as session:
            return await repository.own(session, person, evidence)

    async def content(self, row: Evidence) -> bytes:
        """What the file holds. Raises NotFound for what was erased meanwhile, SealBroken for what was changed."""
        parts: list[bytes] = []
        async with self._db.read() as session:
            key = await self._subjects.find(session, row.person)
            for position in range(_pieces(row.size)):
                sealed = await repository.piece(session, row.person, row.id, position)
                if key is None or sealed is None:
                    raise NotFound
                place = bound_to(EvidencePiece.content_sealed, row.id, position)
                parts.append(key.open(sealed, bound_to=place))
        return b"".join(parts)

    async def delete(self, session: AsyncSession, person: UUID, evidence: UUID) -> None:
        """Takes it back, before an application names it. Raises NotFound, EvidenceSubmitted."""
        await repository.one_at_a_time(session, person)
        row = await repository.own(session, person, evidence)
        if row is None:
            raise NotFound
        if row.application is not None:
            raise EvidenceSubmitted
        await repository.delete_own(session, person, evidence)

    async def submit(self, session: AsyncSession, application: Application, named: Sequence[str]) -> None:
        """Makes evidence part of its person's application, in the transaction that writes that.

        Raises NotFound for what is not the applicant's, EvidenceSubmitted for what another application has,
        EvidenceNotTaken where an agency's system decides, TooMuchEvidence, MalformedGlobalId.
        """
        if is_service(application.subject) and not self.at_the_desk(application.subject):
            raise EvidenceNotTaken(path=("evidence",))
        person, most = application.person, self.bounds.application_files_max
        chosen = {_key(given, number) for number, given in enumerate(named[: most + 1])}
        await repository.one_at_a_time(session, person)
        rows = await repository.own_of(session, person, chosen)
        if len(rows) < len(chosen):
            raise NotFound(path=("evidence",))
        if any(row.application not in (None, application.id) for row in rows):
            raise EvidenceSubmitted(path=("evidence",))
        there = (await repository.submitted(session, person, [application.id]))[application.id]
        if len({row.id for row in there} | chosen) > most or len(named) > most:
            raise TooMuchEvidence(most=most, path=("evidence",))
        await repository.submit(session, person, chosen, application.id, self._clock.now())

    async def for_officers(self, application: Application) -> Sequence[Evidence]:
        """What an officer may be shown of an application: what a scanner has passed, and nothing else."""
        async with self._db.read() as session:
            found = await repository.submitted(session, application.person, [application.id])
        return [row for row in found[application.id] if row.scanner is not None]

    async def expire(self) -> int:
        """The job: what no application named in time, and what belonged to one that is not kept any more, is gone."""
        async with self._db.write() as session:
            held = await self.keepers.held(session) if self.keepers is not None else ()
            return await repository.delete_over(session, self._clock.now() - UNUSED_KEPT, held)

    async def _keep(self, row: Evidence, content: bytes) -> Evidence:
        person = row.person
        async with self._db.write() as session:
            await repository.one_at_a_time(session, person)
            if not await self._people.keep_there(session, person):
                raise NotFound
            if self.keepers is not None and await self.keepers.has_left(session, person, row.uploaded_at):
                raise NotFound
            before = await repository.claimed(session, person, row.claim)
            if before is not None:
                if before.digest != row.digest:
                    raise IdempotencyConflict(path=("Idempotency-Key",))
                return before
            await self._refuse_too_much(session, person, row.size)
            key = await self._subjects.for_sealing(session, person)
            session.add(row)
            await session.flush()
            for position in range(_pieces(row.size)):
                piece = content[position * PIECE_BYTES : (position + 1) * PIECE_BYTES]
                place = bound_to(EvidencePiece.content_sealed, row.id, position)
                sealed = key.seal(piece, bound_to=place)
                session.add(EvidencePiece(person=person, evidence=row.id, position=position, content_sealed=sealed))
                await session.flush()
        return row

    async def _refuse_too_much(self, session: AsyncSession, person: UUID, more: int) -> None:
        files, size = await repository.unused(session, person)
        if files >= self.bounds.unused_files_max or size + more > self.bounds.unused_bytes_max:
            raise TooMuchEvidence(most=self.bounds.unused_files_max)

    async def _received(self, body: AsyncIterator[bytes], declared: int | None) -> bytes:
        """The body, whole. Never more of it is held than a file may have, and one part more."""
        content = bytearray()
        try:
            async with asyncio.timeout(self.bounds.whole_seconds_max):
                while True:
                    async with asyncio.timeout(self.bounds.idle_seconds_max):
                        part = await anext(body, None)
                    if part is None:
                        break
                    content += part
                    if len(content) > self.bounds.file_bytes_max:
                        raise self._too_large()
        except TimeoutError:
            raise EvidenceTooSlow from None
        if not content or (declared is not None and declared != len(content)):
            raise EvidenceCut
        return bytes(content)

    @contextmanager
    def _turn(self, person: UUID) -> Iterator[None]:
        if self._receiving[person] >= self.bounds.at_once_of_person or self._receiving.total() >= self.bounds.at_once:
            raise TooMuchEvidence(most=self.bounds.at_once_of_person)
        self._receiving[person] += 1
        try:
            yield
        finally:
            self._receiving[person] -= 1
            if not self._receiving[person]:
                del self._receiving[person]

    def _too_large(self) -> EvidenceTooLarge:
        return EvidenceTooLarge(most=self.bounds.file_bytes_max // _MB)


def _pieces(size: int) -> int:
    return -(-size // PIECE_BYTES)


def _key(given: str, number: int) -> UUID:
    try:
        return GlobalId.parse(str(given), expected="Evidence").id
    except SitthiError:
        raise MalformedGlobalId(path=("evidence", number)) from None
