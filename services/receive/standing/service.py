"""Takes back, suspends, reinstates and reissues for the agency that issued, once for each call, and tells the citizen.

The status is changed in the transaction that writes the act and the citizen's message: whoever asks for the status list
after it reads the new one. A wallet that still has a token for more copies gets none that are good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.errors import BadInput, IdempotencyConflict
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.inbox.service import Inbox, holds_national_id
from services.receive.credentials import repository as credentials
from services.receive.credentials.models import ReadyCredential, WalletCredential
from services.receive.credentials.status import Status
from services.receive.standing import repository
from services.receive.standing.errors import IssuedNotFound, StandingConflict
from services.receive.standing.messages import MESSAGES
from services.receive.standing.models import PrintedPaper, StandingAct
from services.receive.standing.states import NEXT, TARGETS, IssuedKind, StandingActKind

REASON_MAX: Final = 600
_TOLD: Final = {
    StandingActKind.SUSPEND: MESSAGES["standing.suspended"],
    StandingActKind.REINSTATE: MESSAGES["standing.reinstated"],
    StandingActKind.REVOKE: MESSAGES["standing.revoked"],
    StandingActKind.REISSUE: MESSAGES["standing.reissued"],
}
_A_PAPER: Final = Text(th="เอกสาร PDF", en="a PDF document")
_REASON: Final = Text(
    th="ต้องบอกเหตุผลทั้งไทยและอังกฤษ ไม่เกิน 600 ตัวอักษร และไม่มีเลขประจำตัวประชาชน",
    en="give the reason in Thai and in English, 600 characters each at most, without a national ID",
)


class Titles(Protocol):
    """What things are called; `api/standing.py` hands it in."""

    def agency(self, agency: str) -> Text: ...

    def credential(self, agency: str, configuration: str) -> Text: ...


@dataclass(frozen=True, slots=True)
class Issued:
    """Something that the agency issued, and how it stands."""

    id: UUID
    kind: IssuedKind
    agency: str
    person: UUID | None
    """None of who left since."""
    configuration: str | None
    """Of a credential, as wallets name it."""
    sha256: str | None
    """Of a paper, in hexadecimal."""
    at: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class Call:
    """What an agency asks for. `key` makes it the same call when it comes again."""

    agency: str
    actor: str
    issued: UUID
    act: StandingActKind
    reason: Text
    key: str


class Standings:
    """One per process."""

    def __init__(self, clock: Clock, keys: KeyRing, inbox: Inbox, titles: Titles) -> None:
        self._clock, self._keys, self._inbox, self._titles = clock, keys, inbox, titles
        self._subjects = SubjectKeys(keys)

    async def of(self, session: AsyncSession, agency: str, person: UUID) -> list[Issued]:
        """What the agency issued to the person and still knows of: credentials that wait for a wallet, those that did
        not expire, and papers."""
        waiting = await repository.ready_of(session, agency, person, self._clock.now())
        rows = await repository.credentials_of(session, agency, person)
        firsts = {row.offer: row for row in reversed(rows)}
        statuses = await credentials.statuses_of(session, [*waiting, *firsts.values()])
        found = [_of_credential(row, statuses.get(row.id, Status.VALID)) for row in firsts.values()]
        papers = await repository.papers_of(session, agency, person)
        ready = [_of_ready(row, statuses.get(row.id, Status.VALID)) for row in waiting]
        return [*ready, *reversed(found), *(_of_paper(row, person) for row in papers)]

    async def find(self, session: AsyncSession, agency: str, issued: UUID, *, lock: bool = False) -> Issued:
        """Raises :class:`IssuedNotFound`, also for another agency's."""
        if copies := await repository.copies(session, agency, issued, lock=lock):
            statuses = await credentials.statuses_of(session, copies[:1])
            return _of_credential(copies[0], statuses.get(copies[0].id, Status.VALID))
        if waiting := await repository.ready(session, agency, issued, lock=lock):
            return _of_ready(waiting, (await credentials.statuses_of(session, [waiting])).get(issued, Status.VALID))
        if offer := await repository.offer_since(session, agency, issued):
            return await self.find(session, agency, offer, lock=lock)
        row = await repository.paper(session, agency, issued, lock=lock)
        if row is None:
            raise IssuedNotFound
        held = await repository.holder(session, row.id)
        return _of_paper(row, None if held is None else held.person)

    async def by_hash(self, session: AsyncSession, agency: str, sha256: bytes) -> Issued:
        """A paper by its file's hash. Raises :class:`IssuedNotFound`."""
        row = await repository.paper_by_hash(session, sha256)
        if row is None or row.agency != agency:
            raise IssuedNotFound
        return await self.find(session, agency, row.id)

    async def act(self, session: AsyncSession, call: Call) -> Issued:
        """Does it, once for each key of the agency, and answers how it stands now. `session` is a write session.

        Raises :class:`IssuedNotFound`, :class:`StandingConflict`, :class:`IdempotencyConflict` for a key that was used
        for something else, and :class:`BadInput` for a reason that cannot be told.
        """
        check_reason(call.reason)
        key, digest = self._hashes(call)
        current = await self.find(session, call.agency, call.issued, lock=True)
        former = await repository.act_by_key(session, call.agency, key)
        if former is not None:
            if former.digest != digest:
                raise IdempotencyConflict(path=("idempotencyKey",))
            return current
        if current.person is None and current.status is TARGETS[call.act]:
            return current  # what is of nobody has no acts by which a repeat is known
        following = NEXT.get((current.status, call.act))
        if following is None:
            raise StandingConflict(status=current.status.name)
        await self._set(session, current, following)
        if current.person is not None:
            await self._write(session, current.person, current, call, key, digest)
        return await self.find(session, call.agency, call.issued)

    async def acts(
        self, session: AsyncSession, person: UUID, limit: int, before: UUID | None
    ) -> Sequence[tuple[StandingAct, Text]]:
        """The person's, with the reasons, the newest first."""
        return await self._opened(session, person, await repository.acts(session, person, limit, before))

    async def own(self, session: AsyncSession, person: UUID, act: UUID) -> tuple[StandingAct, Text] | None:
        """One of the person's, with its reason; None for another's, and for what never was."""
        row = await repository.act_by_id(session, person, act)
        opened = await self._opened(session, person, [] if row is None else [row])
        return opened[0] if opened else None

    async def _opened(
        self, session: AsyncSession, person: UUID, rows: Sequence[StandingAct]
    ) -> Sequence[tuple[StandingAct, Text]]:
        key = await self._subjects.find(session, person) if rows else None
        if key is None:
            return []
        opened = [key.open(row.reason_sealed, bound_to=bound_to(StandingAct.reason_sealed, row.id)) for row in rows]
        return [(row, Text(**orjson.loads(reason))) for row, reason in zip(rows, opened, strict=True)]

    async def _set(self, session: AsyncSession, current: Issued, status: Status) -> None:
        now = self._clock.now()
        if current.kind is IssuedKind.CREDENTIAL:
            waiting = await repository.ready(session, current.agency, current.id)
            copies = await repository.copies(session, current.agency, current.id) if waiting is None else [waiting]
            for copy in copies:
                await credentials.set_status(session, copy, status, now)
            return
        row = await repository.paper(session, current.agency, current.id, lock=True)
        assert row is not None, "it was found, and papers stay"
        row.status, row.status_at = int(status), now
        await session.flush()

    async def _write(
        self, session: AsyncSession, person: UUID, current: Issued, call: Call, key: bytes, digest: bytes
    ) -> None:
        data_key, id_ = await self._subjects.for_sealing(session, person), new_id()
        reason = orjson.dumps({"th": call.reason.th, "en": call.reason.en})
        session.add(
            StandingAct(
                person=person,
                id=id_,
                agency=call.agency,
                kind=current.kind.value,
                issued=current.id,
                act=call.act.value,
                reason_sealed=data_key.seal(reason, bound_to=bound_to(StandingAct.reason_sealed, id_)),
                actor=call.actor,
                key=key,
                digest=digest,
                at=self._clock.now(),
            )
        )
        try:
            await session.flush()
        except IntegrityError:  # the key was used for something else at this very moment
            raise IdempotencyConflict(path=("idempotencyKey",)) from None
        title = _A_PAPER
        if current.configuration is not None:
            title = self._titles.credential(call.agency, current.configuration)
        agency = self._titles.agency(call.agency)
        await self._inbox.send(session, person, _TOLD[call.act], title=title, agency=agency)

    def _hashes(self, call: Call) -> tuple[bytes, bytes]:
        what = [call.issued.hex, call.act.value, call.reason.th, call.reason.en]
        return (
            self._keys.blind_index(call.key, domain="standing.key"),
            self._keys.blind_index(orjson.dumps(what).decode(), domain="standing.call"),
        )


def check_reason(reason: Text) -> None:
    """Raises :class:`BadInput`."""
    for text in (reason.th, reason.en):
        if not text.strip() or len(text) > REASON_MAX or holds_national_id(text):
            raise BadInput(_REASON, path=("reason",))


def _of_credential(row: WalletCredential, status: Status) -> Issued:
    at = row.issued_at
    return Issued(row.offer, IssuedKind.CREDENTIAL, row.agency, row.person, row.configuration, None, at, status)


def _of_ready(row: ReadyCredential, status: Status) -> Issued:
    at = row.issued_at
    return Issued(row.id, IssuedKind.CREDENTIAL, row.agency, row.person, row.configuration, None, at, status)


def _of_paper(row: PrintedPaper, person: UUID | None) -> Issued:
    kind, status = IssuedKind.PAPER, Status(row.status)
    return Issued(row.id, kind, row.agency, person, None, row.sha256.hex(), row.printed_at, status)
