"""A juristic person's list: taken once, its candidates asked, and what came of it told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.attestation.service import Attestor
from core.clock import Clock, bangkok_day, start_of_bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import BadInput
from core.ids import NationalId, new_id
from core.sealed import bound_to
from core.text import Text
from identity.inbox.service import Inbox
from identity.juristic.errors import NotItsOfficer
from identity.juristic.register import JuristicRegister, Represented
from services.receive.shares.checks import repository
from services.receive.shares.checks.comparing import Outcome
from services.receive.shares.checks.errors import CheckNotFound, CheckReferenceUsed, TooManyChecks
from services.receive.shares.checks.models import CheckAsked, CheckLine, CheckRequest
from services.receive.shares.checks.needs import Holds, People, Records
from services.receive.shares.checks.sheet import Rejected, Sheet
from services.receive.shares.checks.states import Answer, Result
from services.receive.shares.messages import MESSAGES

POWER: Final = "verify:bulk"
RESULT_TYPE: Final = "sitthi-check+jwt"
VERSION: Final = 1
DAYS_MAX: Final = 30
LINES_A_DAY_MAX: Final = 2_000
"""Of one juristic person."""
WAITING_MAX: Final = 20
"""Checks that wait for one person's answer: of those beyond, nobody is asked, and nobody is told so."""
WAITING_OF_ONE_MAX: Final = 5
"""Of those, from one juristic person: none keeps the others' from being asked."""
KEPT: Final = timedelta(days=90)
"""After its last day."""
ASKED: Final = MESSAGES["shares.check-asked"]
_ACT: Final = "checks"
_APPOINTMENT: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_UNTIL: Final = Text(th="until: ตั้งแต่พรุ่งนี้ถึง 30 วันข้างหน้า", en="until: from tomorrow to 30 days from now")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a list; the same however often it comes."""

    id: UUID | None
    """None where no line of it could be taken: nothing is kept then."""
    lines: int
    rejected: Sequence[Rejected]


@dataclass(frozen=True, slots=True)
class Told:
    """The state of a list, for whoever sent it, and the same signed."""

    claims: dict[str, Any]
    signed: str


class Asking:
    """One per process. An edge: it opens its own transactions."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        register: JuristicRegister,
        records: Records,
        people: People,
        attestor: Attestor,
        inbox: Inbox,
        holds: Holds,
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self._register, self._records, self._people = register, records, people
        self._attestor, self._inbox, self._holds = attestor, inbox, holds

    async def take(self, client: str, agent: str, sheet: Sheet) -> Taken:
        """Raises `NotItsOfficer`, `PowerMissing`, BadInput, :class:`CheckReferenceUsed`, :class:`TooManyChecks`."""
        async with self._db.write() as session:
            acting = await self._acting(session, client, agent)
            self._register.note_act(session, acting, _ACT)
            # Lists of one juristic person come one after the other: its lines of the day are counted.
            await self._register.get(session, acting.juristic, lock=True)
            digest = self._keys.blind_index(sheet.canonical.hex(), domain="check.sheet")
            before = await repository.by_reference(session, acting.juristic, sheet.reference)
            if before is not None:
                if before.digest != digest:
                    raise CheckReferenceUsed(path=("reference",))
                return Taken(before.id, before.lines, sheet.rejected)
            today = bangkok_day(self._clock.now())
            if not 1 <= (sheet.until - today).days <= DAYS_MAX:
                raise BadInput(_UNTIL, path=("until",))
            if not sheet.lines:
                return Taken(None, 0, sheet.rejected)
            sent = await repository.lines_since(session, acting.juristic, start_of_bangkok_day(today))
            if sent + len(sheet.lines) > LINES_A_DAY_MAX:
                raise TooManyChecks(left=LINES_A_DAY_MAX - sent)
            row = await self._keep(session, acting, sheet, digest)
        return Taken(row.id, row.lines, sheet.rejected)

    async def results(self, client: str, agent: str, check: UUID) -> Told:
        """Raises `NotItsOfficer`, `PowerMissing`, :class:`CheckNotFound`."""
        async with self._db.write() as session:
            acting = await self._acting(session, client, agent)
            row = await repository.of_juristic(session, acting.juristic, check)
            if row is None:
                raise CheckNotFound
            self._register.note_act(session, acting, _ACT)
            now = self._clock.now()
            lines = [
                await self._line(session, row, line, asked, now)
                for line, asked in await repository.lines(session, row.id)
            ]
        claims = {
            "v": VERSION,
            "check": row.id.hex,
            "reference": row.reference,
            "juristic": {"number": row.number, "title": {"th": row.title_th, "en": row.title_en}},
            "agency": row.agency,
            "purpose": self.purpose_of(row),
            "askedAt": row.asked_at.isoformat(),
            "until": row.until.isoformat(),
            "asOf": now.isoformat(),
            "complete": now >= row.until,
            "lines": lines,
        }
        return Told(claims, await self._attestor.sign(claims, typ=RESULT_TYPE))

    async def ask(self) -> None:
        """The job: whoever is named in a new list is asked, if they are known. Of two processes one asks."""
        async with self._db.read() as session:
            new = await repository.new(session)
        for request in new:
            async with self._db.write() as session:
                row = await repository.hold_new(session, request)
                if row is not None:
                    await self._ask(session, row)

    async def forget(self) -> None:
        """The job: lists that were over some time ago are gone, but for those of whom a hold keeps it."""
        async with self._db.write() as session:
            held = await self._holds.held(session)
            await repository.forget(session, self._clock.now() - KEPT, held)

    def purpose_of(self, row: CheckRequest) -> dict[str, str]:
        found: dict[str, str] = orjson.loads(
            self._keys.open(row.purpose_sealed, bound_to=bound_to(CheckRequest.purpose_sealed, row.id))
        )
        return found

    def claim_of(self, line: CheckLine) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(
            self._keys.open(line.claim_sealed, bound_to=bound_to(CheckLine.claim_sealed, line.request, line.line))
        )
        return found

    async def _acting(self, session: AsyncSession, client: str, agent: str) -> Represented:
        if not _APPOINTMENT.fullmatch(agent):
            raise NotItsOfficer
        return await self._register.acting_by_client(
            session, client, agency=self._records.agency, appointment=UUID(hex=agent), power=POWER
        )

    async def _keep(self, session: AsyncSession, acting: Represented, sheet: Sheet, digest: bytes) -> CheckRequest:
        id_, purpose = new_id(), {"th": sheet.purpose.th, "en": sheet.purpose.en}
        row = CheckRequest(
            id=id_,
            juristic=acting.juristic,
            appointment=acting.appointment,
            agency=acting.agency,
            number=acting.number,
            title_th=acting.title.th,
            title_en=acting.title.en,
            reference=sheet.reference,
            digest=digest,
            purpose_sealed=self._keys.seal(orjson.dumps(purpose), bound_to=bound_to(CheckRequest.purpose_sealed, id_)),
            lines=len(sheet.lines),
            asked_at=self._clock.now(),
            until=start_of_bangkok_day(sheet.until + timedelta(days=1)),
        )
        session.add(row)
        await session.flush()
        for one in sheet.lines:
            said = {"reference": one.reference, "claim": one.claim.as_json(), "nationalId": one.national_id.digits}
            session.add(CheckLine(request=id_, line=one.line, claim_sealed=self._sealed(said, id_, one.line)))
        await session.flush()
        return row

    async def _ask(self, session: AsyncSession, row: CheckRequest) -> None:
        """Those who are in the register of people. From now on nobody's number is kept."""
        found: dict[int, UUID | None] = {}
        for line, _ in await repository.lines(session, row.id):
            said = self.claim_of(line)
            found[line.line] = await self._people.find(session, NationalId(said.pop("nationalId")))
            line.claim_sealed = self._sealed(said, line.request, line.line)
        title, last = Text(th=row.title_th, en=row.title_en), bangkok_day(row.until) - timedelta(days=1)
        for person in sorted({one for one in found.values() if one is not None}):
            of_all = WAITING_MAX - await repository.waiting(session, person, row.asked_at)
            of_one = WAITING_OF_ONE_MAX - await repository.waiting(session, person, row.asked_at, of=row.juristic)
            room = max(0, min(of_all, of_one))
            lines = [number for number, one in sorted(found.items()) if one == person][:room]
            for number in lines:
                session.add(
                    CheckAsked(
                        person=person, id=new_id(), request=row.id, line=number, asked_at=row.asked_at, until=row.until
                    )
                )
            await session.flush()
            if lines:
                await self._inbox.send(session, person, ASKED, employer=title, until=last)
        row.people_asked = True
        await session.flush()

    def _sealed(self, said: dict[str, Any], request: UUID, line: int) -> bytes:
        return self._keys.seal(orjson.dumps(said), bound_to=bound_to(CheckLine.claim_sealed, request, line))

    async def _line(
        self, session: AsyncSession, row: CheckRequest, line: CheckLine, asked: CheckAsked | None, now: datetime
    ) -> dict[str, Any]:
        told: dict[str, Any] = {"line": line.line, "reference": self.claim_of(line)["reference"]}
        kept = await self._told(session, asked) if asked is not None and asked.answer == Answer.AGREED else None
        if kept is None:
            waits = Result.WAITING if now < row.until else Result.NO_ANSWER
            return {**told, "result": waits.value, "differs": [], "since": None}
        return {**told, **Outcome.of_json(kept).as_json(), "since": kept["since"]}

    async def _told(self, session: AsyncSession, asked: CheckAsked) -> dict[str, Any] | None:
        """What the candidate let be told; None once their key is gone."""
        key = await self._subjects.find(session, asked.person)
        if key is None or asked.told_sealed is None:
            return None
        found: dict[str, Any] = orjson.loads(
            key.open(asked.told_sealed, bound_to=bound_to(CheckAsked.told_sealed, asked.id))
        )
        return found
