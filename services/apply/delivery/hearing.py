"""What an agency says of an application, entered: into the case, and into the application's status and history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.money import Money
from core.sealed import bound_to
from core.text import Text
from services.apply.deciding import Holder, Missing, Outcome, Prepared
from services.apply.delivery import fees, repository
from services.apply.delivery.desk import DeliveryDesk
from services.apply.delivery.fees import FeeNotices
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import FEE_UNPAID, LATE, Hindrance, Step, after_answer, is_late, poll_in
from services.apply.models import Application
from services.apply.service import ApplyService
from services.apply.states import TURNS, Action, Status, Turn, Who
from services.plugins.contract import ApplicationState, EventKind, Manifest, OperationKind, PaymentRequest, State

ASKED_FOR: Final = "agency_request"
"""Stands for what an agency asks for, which is no attribute of the catalogue."""
_ASKED_FOR: Final = Text(
    th="สิ่งที่หน่วยงานขอเพิ่มเติม ดูข้อความของหน่วยงาน", en="What the agency asks for; its note says what that is"
)
_APPROVED: Final = Text(th="หน่วยงานอนุมัติคำขอ", en="The agency approved the application")
_REJECTED: Final = Text(
    th="หน่วยงานไม่อนุมัติคำขอ ดูเหตุผลในข้อความของหน่วยงาน", en="The agency did not approve it; its note says why"
)
_BY: Final = Text(th="คำวินิจฉัยของ{agency}", en="Decision of the {agency}")
CLOSED: Final = frozenset(status for status, turn in TURNS.items() if turn is Turn.DONE)

log = structlog.get_logger(__name__)


class PaymentNotices(Protocol):
    async def payment_requested(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money
    ) -> None:
        """Tells `person` that an agency asks for a payment. Once per amount. Called inside the transaction."""
        ...


class HindranceNotices(PaymentNotices, FeeNotices, Protocol):
    async def hindered(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, hindrance: Hindrance
    ) -> None:
        """Tells `person` what keeps their application from the agency. Called inside the transaction."""
        ...


class Hearing:
    """Every method writes in the caller's transaction, which holds the application and then the case."""

    def __init__(
        self, keys: KeyRing, clock: Clock, apply: ApplyService, desk: DeliveryDesk, notices: HindranceNotices
    ) -> None:
        self._keys, self._clock, self._apply, self._desk, self._notices = keys, clock, apply, desk, notices

    async def ready(self) -> None:
        """Comes before the transaction: a decision that is heard is signed in it."""
        await self._apply.ready_to_decide()

    async def answered(
        self,
        session: AsyncSession,
        application: Application,
        case: ServiceCase,
        manifest: Manifest,
        said: ApplicationState,
        *,
        chance: float,
    ) -> str | None:
        """Enters an answer; :data:`LATE` where it must not change what was said before, with the reason in the log."""
        now, step = self._clock.now(), Step(case.step)
        before = State(case.state) if case.state is not None else None
        values: dict[str, Any] = {"checked_at": now, "attempts": 0, "trouble": None, "failed_at": None}
        late = is_late(before, case.state_at, said)
        told, old = (_told(said), self.told(case)) if not late else ({}, {})
        if late:
            assert before is not None, "what nothing came before is not late"
            said = said.model_copy(update={"state": before})
            log.warning("agency_contradicts_itself", plugin=case.plugin, application=case.application.hex)
        else:
            told = fees.timed(told, old, said.state, case.paid)
            values |= {
                "reference": said.reference,
                "state": said.state,
                "state_at": _since(case.state_at, said.at, now),
            }
            values["told_sealed"] = self._seal(case.application, told) if told else None
        news = not late and said.state is not before
        polls = bool(manifest.operations_of(OperationKind.STATUS))
        wanted = case.cancel_wanted and self._desk.cancels(case.plugin)
        following = after_answer(step, said, cancel_wanted=wanted, polls=polls and not case.cancel_wanted)
        values |= {"step": following, "polls": 0 if news else case.polls + 1}
        values["due_at"] = self._due(following, values["polls"], chance)
        if following is not step or step is Step.STATUS:
            values["owed_since"] = now
        if step is Step.SUBMIT:
            values["document_sealed"] = None
        await repository.store(session, case.person, case.application, values)
        if step is Step.SUBMIT and case.cancel_wanted:
            await self._desk.tell(
                session, case, EventKind.APPLICATION_WITHDRAWN, case.application, reference=said.reference
            )
        asked = not late and told.get("payment") != old.get("payment")
        is_open = application.status not in CLOSED
        if news or asked:
            await self._move(session, application, case, manifest, said, told, news=news)
        if asked and told.get("payment") and is_open and said.state is not State.APPROVED:
            await self._tell_of_payment(session, application, said.payment)
        return LATE if late else None

    async def declined(
        self, session: AsyncSession, application: Application, case: ServiceCase, manifest: Manifest, words: Text
    ) -> None:
        """A declared error: to `submit` the agency's rejection, to `cancel` its word that it does not take it back."""
        values: dict[str, Any] = {
            "step": Step.DONE, "due_at": None, "attempts": 0, "checked_at": self._clock.now(), "document_sealed": None,
            "told_sealed": self._seal(case.application, {"note": _written(words)}), "trouble": None,
        }  # fmt: skip
        if case.step == Step.SUBMIT:
            values |= {"state": State.REJECTED, "state_at": self._clock.now()}
        await repository.store(session, case.person, case.application, values)
        if case.step == Step.SUBMIT and application.status not in CLOSED:
            said = _decided(application, manifest, Outcome.REFUSED, words, {"declined": _written(words)})
            await self._apply.hear(session, application.person, application.id, said, news=True)

    async def failed(
        self, session: AsyncSession, application: Application, case: ServiceCase, reason: str | None
    ) -> None:
        """Given up: nothing is due any more, and the citizen is told. What an operator may have tried again stays."""
        values = {"due_at": None, "failed_at": self._clock.now(), "trouble": reason or case.trouble}
        await repository.store(session, case.person, case.application, values)
        if case.step == Step.SUBMIT and case.cancel_wanted:
            await self._desk.tell_unnumbered(session, case)
        log.error("delivery_given_up", plugin=case.plugin, step=case.step, application=case.application.hex)
        taken_back = case.step == Step.CANCEL or application.status == Status.WITHDRAWN
        await self.hindered(session, application, Hindrance.NOT_TAKEN_BACK if taken_back else Hindrance.FAILED)

    async def stopped(
        self, session: AsyncSession, application: Application, case: ServiceCase, values: Mapping[str, Any]
    ) -> None:
        """The citizen has had the use of their data stopped; `values` say when it is looked at again. What they have
        withdrawn meanwhile, and the agency may have, is never sent again: the agency is told of it by an event."""
        if case.cancel_wanted:
            await self._desk.tell_unnumbered(session, case)
            values = {**values, "step": Step.DONE, "due_at": None, "document_sealed": None}
        elif case.trouble != values["trouble"]:
            await self.hindered(session, application, Hindrance.STOPPED)
        await repository.store(session, case.person, case.application, values)

    async def hindered(self, session: AsyncSession, application: Application, hindrance: Hindrance) -> None:
        await self._notices.hindered(
            session,
            person=application.person,
            application=application.id,
            title=Text(**application.title),
            hindrance=hindrance,
        )

    def told(self, case: ServiceCase) -> Mapping[str, Any]:
        """`note` and `payment` of the agency's last word, as they were sealed."""
        if case.told_sealed is None:
            return {}
        plain = self._keys.open(case.told_sealed, bound_to=bound_to(ServiceCase.told_sealed, case.application))
        return orjson.loads(plain)  # type: ignore[no-any-return]  # an object, as it was sealed

    async def fee_paid(
        self,
        session: AsyncSession,
        application: Application,
        case: ServiceCase,
        manifest: Manifest,
        satang: int,
        bill: UUID,
    ) -> None:
        """A fee was paid that is owed to an agency that has the application: it hears of it, once for each bill, and
        is asked how far it is now. What it approved takes effect. The caller came by :meth:`ready`."""
        granted, works = fees.waits_afterwards(case), case.step == Step.STATUS
        values: dict[str, Any] = {"paid": [*case.paid, satang]}
        if granted:
            values |= {"trouble": None, "pay_by": None, "remind_at": None}
        elif works:
            values |= {"due_at": self._clock.now(), "polls": 0}
        await repository.store(session, case.person, case.application, values)
        await self._desk.tell(session, case, EventKind.FEE_PAID, bill, reference=case.reference, satang=satang)
        if granted:
            record = {"reference": case.reference, "state": case.state, "at": _stamp(case.state_at), **self.told(case)}
            said = _decided(application, manifest, Outcome.GRANTED, _APPROVED, record)
            await self._apply.hear(session, application.person, application.id, said, news=True)
        elif [one["attribute"] for one in application.missing] == [fees.FEE] and case.state is not None:
            state, now = State(case.state), self._clock.now()
            if fees.due(manifest, state, self.told(case), values["paid"], now) is not None:
                return  # it paid what was asked for before, and something else is asked for by now
            await self._apply.steps.move(session, application, Action.AWAIT_AGENCY, Who.DECISION, missing=[])
            await self._apply.steps.tell(session, application)

    async def fee_reminded(self, session: AsyncSession, application: Application, case: ServiceCase) -> None:
        await repository.store(session, case.person, case.application, {"remind_at": None})
        manifest = self._desk.manifest(case.plugin)
        amount = None if manifest is None else fees.afterwards(manifest, self.told(case))
        if amount is None or case.pay_by is None or application.status in CLOSED:
            return
        day = fees.Due(amount, case.pay_by).last_day
        await self._notices.fee_reminded(session, **_of(application), amount=Money(amount), day=day)

    async def fee_lapsed(self, session: AsyncSession, application: Application, case: ServiceCase) -> None:
        """Nobody paid what would have put it in force: it is over, here and for the agency."""
        values = {"trouble": None, "pay_by": None, "remind_at": None}
        await repository.store(session, case.person, case.application, values)
        if self._desk.bills is not None:
            await self._desk.bills.withdrawn(session, application.id)
        if application.status in CLOSED:
            return
        about = case.application
        await self._desk.tell(session, case, EventKind.FEE_LAPSED, about, reference=case.reference)
        yesterday = self._clock.today() - timedelta(days=1)  # it is the agency's: nobody opens it again here
        await self._apply.steps.move(
            session, application, Action.LAPSE, Who.TIME, cause=fees.NOT_PAID, missing=[], reopen_until=yesterday
        )
        await self._notices.fee_lapsed(session, **_of(application))

    async def _move(
        self,
        session: AsyncSession,
        application: Application,
        case: ServiceCase,
        manifest: Manifest,
        said: ApplicationState,
        told: Mapping[str, Any],
        *,
        news: bool,
    ) -> None:
        """Moves the application by what is news. One that is closed here stays so: what the citizen took back is not
        granted to them after all, and they see beside it what the agency says."""
        if application.status in CLOSED:
            if said.state.is_final and said.state is not State.CANCELLED:
                log.warning("agency_decided_what_is_closed", plugin=manifest.slug, application=application.id.hex)
            return
        owed = fees.due(manifest, said.state, told, case.paid, self._clock.now())
        if owed is None:
            prepared = _prepared(application, manifest, said)
            await self._apply.hear(session, application.person, application.id, prepared, news=news)
            return
        changes: dict[str, Any] = {"missing": fees.missing(manifest.agency.slug)}
        if owed.pay_by is not None:
            values = {"trouble": FEE_UNPAID, "pay_by": owed.pay_by, "remind_at": owed.remind_at}
            await repository.store(session, case.person, case.application, values)
            changes["due_on"] = owed.last_day
        await self._apply.steps.move(session, application, Action.ASK_CITIZEN, Who.DECISION, **changes)
        if owed.pay_by is not None:
            amount = Money(owed.satang)
            await self._notices.fee_due(session, **_of(application), amount=amount, day=owed.last_day)

    async def _tell_of_payment(
        self, session: AsyncSession, application: Application, payment: PaymentRequest | None
    ) -> None:
        assert payment is not None, "it was told just now"
        await self._notices.payment_requested(
            session,
            person=application.person,
            application=application.id,
            title=Text(**application.title),
            amount=Money(payment.satang),
        )

    def _due(self, step: Step, polls: int, chance: float) -> Any:
        if step is Step.DONE:
            return None
        return self._clock.now() + (poll_in(polls, chance) if step is Step.STATUS else timedelta())

    def _seal(self, application: UUID, told: Mapping[str, Any]) -> bytes:
        return self._keys.seal(orjson.dumps(told), bound_to=bound_to(ServiceCase.told_sealed, application))


def _of(application: Application) -> dict[str, Any]:
    return {"person": application.person, "application": application.id, "title": Text(**application.title)}


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _since(before: datetime | None, said: datetime, now: datetime) -> datetime:
    """Since when a state is known to hold. It never moves back, and what an agency says of the future is of now: else
    a later answer would be taken for a late one, or none ever be taken again."""
    return min(max(said, before or said), now)


def _told(said: ApplicationState) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if said.note is not None:
        told["note"] = _written(said.note.text)
    if said.payment is not None:
        told["payment"] = {"satang": said.payment.satang, "text": _written(said.payment.text.text)}
    return told


def _written(words: Text) -> dict[str, str]:
    return {"th": words.th, "en": words.en}


def _prepared(application: Application, manifest: Manifest, said: ApplicationState) -> Prepared | None:
    """What an agency's state means for the application; None: it is off the agency's list."""
    title = Text(**application.title)
    record = {"reference": said.reference, "state": said.state, "at": said.at.isoformat(), **_told(said)}
    match said.state:
        case State.RECEIVED | State.IN_PROGRESS:
            return Prepared(Outcome.NEEDS_INFORMATION, title, {})
        case State.NEEDS_SUPPLEMENT:
            missing = Missing(ASKED_FOR, _ASKED_FOR, Holder.CITIZEN, manifest.agency.slug)
            return Prepared(Outcome.NEEDS_INFORMATION, title, {}, missing=(missing,))
        case State.APPROVED:
            return _decided(application, manifest, Outcome.GRANTED, _APPROVED, record)
        case State.REJECTED:
            return _decided(application, manifest, Outcome.REFUSED, _REJECTED, record)
        case State.CANCELLED:
            return None


def _decided(
    application: Application, manifest: Manifest, outcome: Outcome, words: Text, record: Mapping[str, Any]
) -> Prepared:
    by = _BY.filled(agency=manifest.agency.title.text)
    reason = {
        "condition": "agency",
        **_written(words),
        "outcome": "MET" if outcome is Outcome.GRANTED else "UNMET",
        "law": _written(by),
    }
    service = {"service": manifest.slug, "version": manifest.version, "agency": manifest.agency.slug}
    decided_by = {"kind": "AGENCY", "agency": manifest.agency.slug}
    title = Text(**application.title)
    return Prepared(outcome, title, {**service, **record}, (reason,), closes=True, decided_by=decided_by)
