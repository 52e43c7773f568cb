"""Disputes: what the citizen says of a payment, and what the agency that paid answers.

The case is both sides' (PDPA s.30 would give it to the citizen anyway): each sees every step. Answering moves no money;
what turns out to be owed is paid as any other payment is, in a run that two officers plan and approve. Works in the
session of the edge's transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.errors import BadInput, Conflict, NotFound
from core.ids import new_id
from core.money import Money
from core.sealed import bound_to
from core.text import Text
from identity.inbox.models import ChangeKind
from identity.proposals.errors import ConcernsYourself
from services.pay.models import Award, Instalment
from services.pay.needs import Notices
from services.pay.states import InstalmentStatus
from services.receive.disputes import states
from services.receive.disputes.errors import (
    DisputeOpen,
    DisputeTooEarly,
    DisputeTooLate,
    NothingToDispute,
    PaymentNotFound,
)
from services.receive.disputes.messages import STEPS
from services.receive.disputes.models import Dispute, DisputeEvent
from services.receive.disputes.repository import DisputeRepository
from services.receive.disputes.states import DisputeAction, DisputeKind, DisputeStatus, Finding
from services.receive.repository import ReceiptRepository
from services.receive.wording import TitleOf

ANSWER_DAYS: Final = 15
"""For the agency (Administrative Procedure Act 2539 names none for this; unverified)."""
CONTEST_DAYS: Final = 30
"""For the citizen, after an answer."""
CONFIRMED_DAYS: Final = 30
"""After the citizen confirmed that the money came; later somebody would have to prove what nobody can look up."""
ARRIVES_DAYS: Final = 3
"""After the day it is due, money may still be on its way."""
STATEMENT_LENGTH_MAX: Final = 2_000
ROUNDS_MAX: Final = 20
"""Steps of a dispute, after which the citizen contests no more and may appeal."""
BATCH: Final = 200
_BAD_STATEMENT: Final = Text(
    th="{name} ต้องมีข้อความยาวไม่เกิน {most} ตัวอักษร", en="{name} must be text of at most {most} characters"
)
_AMOUNT_NEEDED: Final = Text(
    th="กรุณาบอกจำนวนเงินที่ได้รับจริง ซึ่งต่างจากที่แสดง", en="say how much came, which is not what the payment says"
)
_NO_AMOUNT: Final = Text(th="เมื่อเงินไม่เข้า ไม่ต้องบอกจำนวนเงิน", en="where nothing came there is no amount to say")
_ENOUGH: Final = Text(th="โต้แย้งในเรื่องนี้ครบจำนวนครั้งแล้ว", en="this dispute has gone back and forth often enough")


@dataclass(frozen=True, slots=True, repr=False)
class DisputeStep:
    at: datetime
    action: DisputeAction
    status: DisputeStatus
    finding: Finding | None
    by: UUID | None
    """The officer."""
    note: str | None


class DisputeService:
    """`titles` knows the name of an agency by its slug."""

    def __init__(self, clock: Clock, keys: KeyRing, notices: Notices, titles: TitleOf) -> None:
        self._clock, self._notices, self._titles = clock, notices, titles
        self._data_keys = SubjectKeys(keys)

    # The citizen.

    async def begin(
        self,
        session: AsyncSession,
        person: UUID,
        instalment: UUID,
        kind: DisputeKind,
        statement: str,
        said: Money | None = None,
    ) -> Dispute:
        """`said`: how much came, of a wrong amount.

        Raises PaymentNotFound, NothingToDispute, DisputeTooEarly, DisputeTooLate, DisputeOpen, BadInput.
        """
        words, repository = _said(statement, "statement"), DisputeRepository(session)
        found = await repository.payment(person, instalment)
        if found is None:
            raise PaymentNotFound(path=("payment",))
        payment, _ = found
        await self._may_be_disputed(session, payment)
        _check_amount(kind, said, payment)
        key, now = new_id(), self._clock.now()
        opened = await repository.insert_first(
            {
                "person": person,
                "id": key,
                "instalment": payment.id,
                "agency": payment.agency,
                "kind": kind.value,
                "said": None if said is None else said.satang,
                "status": DisputeStatus.OPEN.value,
                "version": 1,
                "created_at": now,
                "updated_at": now,
                "due_on": _in_days(self._clock.today(), ANSWER_DAYS),
            }
        )
        if not opened:
            raise DisputeOpen(path=("payment",))
        made = await repository.get(person, key)
        assert made is not None, "it was written just now"
        await self._log(session, made, DisputeAction.BEGIN, None, words)
        return made

    async def contest(self, session: AsyncSession, person: UUID, dispute: UUID, statement: str) -> Dispute:
        """The citizen does not agree with the answer. Raises NotFound, DisputeClosed, NotYourTurn, BadInput."""
        words = _said(statement, "statement")
        row = await self._own(session, person, dispute)
        moved = states.after(DisputeStatus(row.status), DisputeAction.CONTEST)
        if row.version >= ROUNDS_MAX:
            raise BadInput(_ENOUGH, path=("dispute",))
        row.due_on = _in_days(self._clock.today(), ANSWER_DAYS)
        return await self._move(session, row, DisputeAction.CONTEST, moved, None, words)

    async def close(self, session: AsyncSession, person: UUID, dispute: UUID) -> Dispute:
        """The citizen is content, or lets it be. Raises NotFound, DisputeClosed."""
        row = await self._own(session, person, dispute)
        moved = states.after(DisputeStatus(row.status), DisputeAction.CLOSE)
        return await self._move(session, row, DisputeAction.CLOSE, moved, None, None)

    async def steps(
        self, session: AsyncSession, person: UUID, disputes: Collection[UUID]
    ) -> Mapping[UUID, Sequence[DisputeStep]]:
        """All that happened, oldest first. Raises `core.crypto.SealBroken` where the person's data key is gone."""
        found: dict[UUID, list[DisputeStep]] = defaultdict(list)
        for row in await DisputeRepository(session).events(person, disputes):
            note = None
            if row.note_sealed is not None:
                place = bound_to(DisputeEvent.note_sealed, person, row.dispute, row.sequence)
                note = (await self._data_keys.open(session, person, row.note_sealed, bound_to=place)).decode()
            finding = None if row.finding is None else Finding(row.finding)
            step = DisputeStep(row.at, DisputeAction(row.action), DisputeStatus(row.status), finding, row.by, note)
            found[row.dispute].append(step)
        return found

    # The agency. Another agency's dispute is as unknown as one that never was.

    async def answer(
        self,
        session: AsyncSession,
        agency: str,
        officer: UUID,
        dispute: UUID,
        finding: Finding,
        reason: str,
        *,
        seen: int | None = None,
    ) -> Dispute:
        """What the agency found, with its reason. `seen` is the version that the officer looked at.

        Raises NotFound, ConcernsYourself, DisputeClosed, NotYourTurn, BadInput; Conflict if it went on since `seen`.
        """
        words = _said(reason, "reason")
        row = await DisputeRepository(session).of_agency(agency, dispute, lock=True)
        if row is None:
            raise NotFound
        if row.person == officer:
            raise ConcernsYourself
        moved = states.after(DisputeStatus(row.status), DisputeAction.ANSWER)
        if seen is not None and seen != row.version:
            raise Conflict
        row.finding, row.due_on = finding.value, _in_days(self._clock.today(), CONTEST_DAYS)
        return await self._move(session, row, DisputeAction.ANSWER, moved, officer, words)

    # The job.

    async def lapse(self, session: AsyncSession) -> int:
        """Ends what was answered and left alone; answers how many."""
        rows = await DisputeRepository(session).left_alone(self._clock.today(), limit=BATCH)
        for row in rows:
            moved = states.after(DisputeStatus(row.status), DisputeAction.LAPSE)
            await self._move(session, row, DisputeAction.LAPSE, moved, None, None)
        return len(rows)

    # Inside.

    async def _may_be_disputed(self, session: AsyncSession, payment: Instalment) -> None:
        status, today = InstalmentStatus(payment.status), self._clock.today()
        if status in (InstalmentStatus.RETURNED, InstalmentStatus.CANCELLED):
            raise NothingToDispute(path=("payment",))
        if status is not InstalmentStatus.SETTLED:
            first = payment.due_on + timedelta(days=ARRIVES_DAYS)
            if today < first:
                raise DisputeTooEarly(path=("payment",), day=first)
            return
        receipt = (await ReceiptRepository(session).of_instalments(payment.person, [payment.id])).get(payment.id)
        if receipt is not None and receipt.confirmed_at is not None:
            last = bangkok_day(receipt.confirmed_at) + timedelta(days=CONFIRMED_DAYS)
            if today > last:
                raise DisputeTooLate(path=("payment",), day=last)

    async def _own(self, session: AsyncSession, person: UUID, dispute: UUID) -> Dispute:
        found = await DisputeRepository(session).get(person, dispute, lock=True)
        if found is None:
            raise NotFound(path=("dispute",))
        return found

    async def _move(
        self,
        session: AsyncSession,
        row: Dispute,
        action: DisputeAction,
        status: DisputeStatus,
        officer: UUID | None,
        note: str | None,
    ) -> Dispute:
        now = self._clock.now()
        row.status, row.version, row.updated_at = status.value, row.version + 1, now
        if status is DisputeStatus.CLOSED:
            row.closed_at = now
        await session.flush()
        await self._log(session, row, action, officer, note)
        return row

    async def _log(
        self, session: AsyncSession, row: Dispute, action: DisputeAction, officer: UUID | None, note: str | None
    ) -> None:
        sealed = None
        if note is not None:
            key = await self._data_keys.for_sealing(session, row.person)
            place = bound_to(DisputeEvent.note_sealed, row.person, row.id, row.version)
            sealed = key.seal(note.encode(), bound_to=place)
        event = DisputeEvent(
            person=row.person,
            dispute=row.id,
            sequence=row.version,
            at=row.updated_at,
            action=action.value,
            status=row.status,
            finding=row.finding if action is DisputeAction.ANSWER else None,
            by=officer,
            note_sealed=sealed,
        )
        session.add(event)
        await session.flush()
        await self._tell(session, row, action)

    async def _tell(self, session: AsyncSession, row: Dispute, action: DisputeAction) -> None:
        await self._notices.announce(session, row.person, ChangeKind.PAYMENT, row.instalment)
        template, found = STEPS.get(action), await DisputeRepository(session).payment(row.person, row.instalment)
        if template is None or found is None:  # an old payment may have been erased by now
            return
        payment, award = found
        values = {
            "title": _title(award),
            "agency": self._titles(row.agency),
            "amount": Money(payment.net),
            "due": row.due_on,
        }
        told = {name: value for name, value in values.items() if f"{{{name}}}" in template.title.th + template.body.th}
        await self._notices.send(session, row.person, template, **told)


def _title(award: Award) -> Text:
    return Text(**award.title)


def _check_amount(kind: DisputeKind, said: Money | None, payment: Instalment) -> None:
    if kind is DisputeKind.NOT_RECEIVED and said is not None:
        raise BadInput(_NO_AMOUNT, path=("amountReceived",))
    wrong = said is None or said.satang < 0 or said.satang == payment.net
    if kind is DisputeKind.WRONG_AMOUNT and wrong:
        raise BadInput(_AMOUNT_NEEDED, path=("amountReceived",))


def _in_days(today: date, days: int) -> date:
    return today + timedelta(days=days)


def _said(text: str, name: str) -> str:
    """Raises BadInput."""
    said = text.strip()
    storable = "\x00" not in said and not any("\ud800" <= letter <= "\udfff" for letter in said)
    if not said or len(said) > STATEMENT_LENGTH_MAX or not storable:
        raise BadInput(_BAD_STATEMENT.filled(name=name, most=STATEMENT_LENGTH_MAX), path=(name,))
    return said
