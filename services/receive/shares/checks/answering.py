"""What a candidate sees of a check, and decides."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from core.sealed import bound_to
from core.text import Text
from services.exchange.handing.giving import CHECK, Handed
from services.exchange.handing.receipts import Agreement, Event, HandingReceipts
from services.receive.shares.checks import repository
from services.receive.shares.checks.asking import KEPT, Asking
from services.receive.shares.checks.comparing import Claim, Degree, Outcome, compared
from services.receive.shares.checks.errors import CheckDecided, CheckNotFound, CheckSaysOtherwise
from services.receive.shares.checks.models import CheckAsked, CheckLine, CheckRequest
from services.receive.shares.checks.needs import Records
from services.receive.shares.checks.states import NEXT, Answer, Status, status_of

WORDS_VERSION: Final = "1"
WORDS: Final = Text(
    th="ข้าพเจ้ายินยอมให้ตอบผู้ขอตรวจสอบว่าสิ่งที่แจ้งไว้ตรงกับทะเบียนหรือไม่ ตามคำตอบที่แสดงให้ข้าพเจ้าเห็น "
    "โดยไม่เปิดเผยข้อมูลในทะเบียน ถอนความยินยอมได้ทุกเมื่อ",
    en="I agree that whoever asks is told whether what was claimed agrees with the register, in the answer that I was "
    "shown, and nothing that the register holds. I may withdraw at any time.",
)
"""What a candidate agrees to. Other words have another version."""
TOLD: Final = Text(
    th="ผลการเปรียบเทียบคุณวุฒิกับทะเบียน (ตรง หรือต่างในรายการใด)",
    en="Whether the qualifications agree with the register, or in which fields not",
)
EMPLOYER: Final = Text(
    th="{name} เลขทะเบียน {number} ซึ่งท่านยินยอมให้ตอบ", en="{name}, number {number}, whom you agreed to have answered"
)
_TAG_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class View:
    """A check as its candidate sees it."""

    row: CheckAsked
    request: CheckRequest
    purpose: Text
    claim: Claim
    status: Status
    told: Outcome | None
    """What whoever asked is told; None unless the candidate agreed."""
    receipts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Saying:
    """What would be answered, and a tag: whoever agrees says by it what they saw."""

    outcome: Outcome
    tag: str


class Answering:
    """One per process."""

    def __init__(
        self, db: Database, clock: Clock, keys: KeyRing, asking: Asking, records: Records, receipts: HandingReceipts
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self._asking, self.records, self._receipts = asking, records, receipts

    async def own(self, person: UUID, check: UUID) -> View | None:
        """The candidate's; foreign and unknown are alike."""
        async with self._db.read() as session:
            found = await repository.own(session, person, check)
            key = await self._subjects.find(session, person)
        return None if found is None else self._view(*found, key)

    async def page(self, person: UUID, limit: int, before: UUID | None) -> list[View]:
        """Newest first."""
        async with self._db.read() as session:
            found = await repository.page(session, person, limit, before)
            key = await self._subjects.find(session, person) if found else None
        return [self._view(*one, key) for one in found]

    def saying(self, view: View, degrees: Sequence[Degree]) -> Saying:
        """What would be answered if the candidate, whose degrees these are, agreed now."""
        outcome = compared(view.claim, degrees)
        said = orjson.dumps([view.row.id.hex, outcome.as_json()])
        tag = self._keys.blind_index(said.decode(), domain="check.saying")[:_TAG_BYTES]
        return Saying(outcome, base64.urlsafe_b64encode(tag).decode())

    async def prepare(self, view: View, saying: Saying, seen: str | None) -> Handed:
        """What is handed over by agreeing. Raises :class:`CheckDecided`; :class:`CheckSaysOtherwise` unless that is
        what the candidate saw."""
        if (view.status, True) not in NEXT:
            raise CheckDecided
        if seen != saying.tag:
            raise CheckSaysOtherwise(path=("saying",))
        await self._receipts.ready()
        request = view.request
        to = EMPLOYER.filled(name=Text(th=request.title_th, en=request.title_en), number=request.number)
        return Handed(view.row.person, self.records.what, to, view.row.id, CHECK)

    async def agree(self, session: AsyncSession, person: UUID, check: UUID, outcome: Outcome) -> View:
        """After :meth:`prepare`. Raises :class:`CheckDecided`, :class:`CheckNotFound`."""
        row, request, line = await self._deciding(session, person, check, agrees=True)
        now, key = self._clock.now(), await self._subjects.for_sealing(session, person)
        row.answer, row.answered_at = Answer.AGREED.value, now
        told = {**outcome.as_json(), "since": bangkok_day(now).isoformat()}
        row.told_sealed = key.seal(orjson.dumps(told), bound_to=bound_to(CheckAsked.told_sealed, row.id))
        self._add_receipt(row, request, key, Event.GRANTED, now)
        await session.flush()
        return self._view(row, request, line, key)

    async def ready(self) -> None:
        """Before :meth:`decline`."""
        await self._receipts.ready()

    async def decline(self, session: AsyncSession, person: UUID, check: UUID) -> View:
        """Declines, or takes back that they agreed: also after its last day, at any time (PDPA s.19). After
        :meth:`ready`. Raises :class:`CheckDecided`, :class:`CheckNotFound`."""
        row, request, line = await self._deciding(session, person, check, agrees=False)
        now, key = self._clock.now(), await self._subjects.for_sealing(session, person)
        answer = NEXT[status_of(row, now), False]
        if answer is Answer.WITHDRAWN:
            self._add_receipt(row, request, key, Event.WITHDRAWN, now)
        row.answer, row.answered_at, row.told_sealed = answer.value, now, None
        await session.flush()
        return self._view(row, request, line, key)

    async def is_agreed(self, check: UUID) -> bool:
        """Whether the check that a receipt names is agreed to at this moment."""
        async with self._db.read() as session:
            row = await repository.by_key(session, check)
        return row is not None and row.answer == Answer.AGREED

    async def _deciding(
        self, session: AsyncSession, person: UUID, check: UUID, *, agrees: bool
    ) -> tuple[CheckAsked, CheckRequest, CheckLine]:
        found = await repository.own(session, person, check, lock=True)
        if found is None:
            raise CheckNotFound
        if (status_of(found[0], self._clock.now()), agrees) not in NEXT:
            raise CheckDecided
        return found

    def _add_receipt(self, row: CheckAsked, request: CheckRequest, key: DataKey, event: Event, now: datetime) -> None:
        assert row.answered_at is not None
        said = f"{WORDS.th}\0{WORDS.en}".encode()
        agreement = Agreement(
            id=row.id,
            person=row.person,
            number=request.number,
            controller=Text(th=request.title_th, en=request.title_en),
            purpose_id=CHECK.id,
            purpose=Text(**self._asking.purpose_of(request)),
            what=self.records.what,
            told=TOLD,
            words_version=WORDS_VERSION,
            words_sha256=hashlib.sha256(said).hexdigest(),
            agreed_at=row.answered_at,
            expires_at=request.until + KEPT,
        )
        receipts = [*_receipts_of(row, key), self._receipts.sign_now(agreement, event, now)]
        row.receipts_sealed = key.seal(orjson.dumps(receipts), bound_to=bound_to(CheckAsked.receipts_sealed, row.id))

    def _view(self, row: CheckAsked, request: CheckRequest, line: CheckLine, key: DataKey | None) -> View:
        told: dict[str, Any] | None = None
        if key is not None and row.told_sealed is not None:
            told = orjson.loads(key.open(row.told_sealed, bound_to=bound_to(CheckAsked.told_sealed, row.id)))
        return View(
            row,
            request,
            Text(**self._asking.purpose_of(request)),
            Claim(**self._asking.claim_of(line)["claim"]),
            status_of(row, self._clock.now()),
            None if told is None else Outcome.of_json(told),
            [] if key is None else _receipts_of(row, key),
        )


def _receipts_of(row: CheckAsked, key: DataKey) -> list[str]:
    if row.receipts_sealed is None:
        return []
    found: list[str] = orjson.loads(
        key.open(row.receipts_sealed, bound_to=bound_to(CheckAsked.receipts_sealed, row.id))
    )
    return found
