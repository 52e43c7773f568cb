"""The register of papers: each that is printed, and whether it is good when somebody asks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from services.receive.credentials.status import Status
from services.receive.papers.errors import PaperRevoked, PaperSuspended
from services.receive.standing import repository
from services.receive.standing.models import HeldPaper, PrintedPaper


class PaperRegister:
    """Fulfils `services.receive.papers.needs.Register`. One per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def printed(self, paper: UUID, agency: str, sha256: bytes, at: datetime) -> None:
        """Before anybody has it. In a transaction of its own, as nobody prints inside one."""
        async with self._db.write() as session:
            session.add(PrintedPaper(id=paper, agency=agency, sha256=sha256, printed_at=at))

    async def must_stand(self, sha256: bytes) -> None:
        """Raises PaperRevoked, PaperSuspended. One that was printed before there was a register stands."""
        async with self._db.read() as session:
            judge(_status(await repository.paper_by_hash(session, sha256)))

    async def must_stand_by_id(self, paper: UUID) -> None:
        """As :meth:`must_stand`, for whoever has the page alone."""
        async with self._db.read() as session:
            judge(_status(await session.get(PrintedPaper, paper)))

    async def kept(self, session: AsyncSession, person: UUID, document: UUID, sha256: bytes) -> None:
        """A citizen has it among their documents, if the transaction of `session` ends well."""
        row = await repository.paper_by_hash(session, sha256)
        if row is not None:
            session.add(HeldPaper(person=person, paper=row.id, document=document, kept_at=self._clock.now()))

    async def not_good(self) -> dict[str, Status]:
        """By SHA-256, in hexadecimal."""
        async with self._db.read() as session:
            return {row.sha256.hex(): Status(row.status) for row in await repository.not_good(session)}


def judge(status: Status) -> None:
    """Raises PaperRevoked, PaperSuspended."""
    if status is Status.INVALID:
        raise PaperRevoked
    if status is Status.SUSPENDED:
        raise PaperSuspended


def _status(row: PrintedPaper | None) -> Status:
    return Status.VALID if row is None else Status(row.status)
