"""What is kept long enough goes, by the file and on its day; what is held, or what something hangs on, stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import func, select

from core.database import load_models
from core.ids import new_id
from identity.delegation.models import Delegation
from identity.inbox.models import Change, Message
from identity.notices.models import NoticeOutgoing
from identity.passkeys.models import Passkey
from services.apply.delivery.models import ServiceCase
from services.apply.models import Appeal, Application, Decision, Reassessment
from services.exchange.consent.models import Consent
from services.exchange.corrections.models import Correction
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.retention import Over, RetentionClass, read, retention_classes
from services.pay.benefits.models import Benefit
from services.pay.fees.models import Bill, IncomingPayment
from services.pay.models import Award, HeldMonth, Instalment, Overpayment, PaymentRun
from services.pay.recovery.models import RecoveryPlan, Underpayment
from services.receive.disputes.models import Dispute
from services.receive.models import Rating, Receipt
from services.receive.standing.models import HeldPaper, PrintedPaper, StandingAct
from tests.support.app import Served

PERSON: Final = UUID(int=7)
Make = Callable[[Served, datetime], Awaitable[None]]
S: Final = b"sealed"


async def _add(sitthi: Served, *rows: Any) -> None:
    async with sitthi.house.db.write() as session:
        for row in rows:
            session.add(row)
            await session.flush()


async def _message(sitthi: Served, at: datetime) -> None:
    row = Message(
        person=PERSON, id=new_id(), template="t", values={}, title_th="ก", title_en="a", body_th="ก", body_en="a",
        created_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _change(sitthi: Served, at: datetime) -> None:
    await _add(sitthi, Change(person=PERSON, id=new_id(), kind="MESSAGE", subject=new_id(), at=at))


async def _notice(sitthi: Served, at: datetime) -> None:
    row = NoticeOutgoing(
        channel=new_id(),
        message=new_id(),
        person=PERSON,
        template="x",
        topic="x",
        urgent=False,
        created_at=at,
        due_at=at,
    )
    await _add(sitthi, row)


async def _passkey(sitthi: Served, at: datetime) -> None:
    key = new_id()
    row = Passkey(
        person=PERSON, id=key, credential_id=key.bytes, public_key=S, sign_count=0, label="ก", ial="2.3",
        name_sealed=S, transports=[], synced=True, created_at=at, strong_at=at, ended_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _delegation(sitthi: Served, at: datetime) -> None:
    row = Delegation(
        person=PERSON, id=new_id(), delegate=UUID(int=8), kind="CARER", scopes=["VIEW"], names_sealed=S,
        starts_on=at.date(), ends_on=at.date() + timedelta(days=1), proposed_by=PERSON, proposed_at=at, ended_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


def application(at: datetime, status: str = "REJECTED") -> Application:
    key = new_id()
    return Application(
        person=PERSON, id=key, beneficiary=PERSON, unit_key=f"person:{key.hex}", subject="programme:x",
        title={"th": "ก", "en": "a"}, status=status, version=1, answers_sealed=S, missing=[{"attribute": "x"}],
        created_at=at, updated_at=at, decided_at=at,
    )  # fmt: skip


async def _application(sitthi: Served, at: datetime) -> None:
    await _add(sitthi, application(at))


async def _appeal(sitthi: Served, at: datetime) -> None:
    for_ = application(sitthi.clock.now())
    decision = Decision(
        person=PERSON,
        id=new_id(),
        application=for_.id,
        sequence=1,
        at=at,
        outcome="REFUSED",
        record_sealed=S,
        reasons=[],
    )
    appeal = Appeal(
        person=PERSON,
        id=new_id(),
        application=for_.id,
        decision=decision.id,
        grounds_sealed=S,
        opened_at=at,
        closed_at=at,
    )
    await _add(sitthi, for_, decision, appeal)


async def _service_case(sitthi: Served, at: datetime) -> None:
    for_ = application(sitthi.clock.now())
    case = ServiceCase(
        person=PERSON, application=for_.id, plugin="market", step="DONE", owed_since=at, checked_at=at, rests_on={}
    )
    await _add(sitthi, for_, case)


async def _receipt(sitthi: Served, at: datetime) -> None:
    await _add(sitthi, receipt(at))


def receipt(at: datetime) -> Receipt:
    key = new_id()
    return Receipt(
        person=PERSON, id=key, instalment=new_id(), number=key.hex[-20:], code=key.hex, subject="programme:x",
        title={"th": "ก", "en": "a"}, agency="dla", period=at.date(), satang=100, settled_at=at, created_at=at,
    )  # fmt: skip


async def _dispute(sitthi: Served, at: datetime) -> None:
    row = Dispute(
        person=PERSON, id=new_id(), instalment=new_id(), agency="dla", kind="NOT_RECEIVED", status="CLOSED",
        created_at=at, updated_at=at, due_on=at.date(), closed_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _rating(sitthi: Served, at: datetime) -> None:
    for_ = receipt(sitthi.clock.now())
    await _add(sitthi, for_, Rating(person=PERSON, receipt=for_.id, score=5, rated_at=at))


def award(ends: datetime | None) -> Award:
    return Award(
        person=PERSON, id=new_id(), application=new_id(), beneficiary=PERSON, subject="programme:x",
        title={"th": "ก", "en": "a"}, agency="dla", starts_on=datetime(2010, 1, 1).date(),  # noqa: DTZ001
        ends_on=None if ends is None else ends.date(), created_at=datetime.fromisoformat("2010-01-01T00:00+07:00"),
    )  # fmt: skip


async def _award(sitthi: Served, at: datetime) -> None:
    await _add(sitthi, award(at - timedelta(days=1)))


async def _benefit(sitthi: Served, at: datetime) -> None:
    of = Benefit(
        person=PERSON, id=new_id(), plugin="oic", reference=new_id().hex, satang=1, law={"th": "ก", "en": "a"},
        law_since=at.date(), told="PAID", told_at=at, times_told=1, created_at=at,
    )  # fmt: skip
    owed = {"told": None, "told_at": None, "times_told": 0, "id": new_id(), "reference": new_id().hex}
    await _add(sitthi, of, Benefit(**(of.model_dump() | owed)))


async def _instalment(sitthi: Served, at: datetime) -> None:
    of, run = award(None), new_id()
    paid = PaymentRun(
        id=run, agency="dla", period=at.date(), status="SETTLED", instalments=1, total=100, content_hash=S,
        planned_by=UUID(int=1), planned_at=at, approved_by=UUID(int=2), approved_at=at,
    )  # fmt: skip
    one = Instalment(
        person=PERSON, id=new_id(), award=of.id, beneficiary=PERSON, subject="programme:x", agency="dla",
        period=at.date(), satang=100, due_on=at.date(), status="SETTLED", run=run, settled_at=at, created_at=at,
    )  # fmt: skip
    await _add(sitthi, of, paid, one)


async def _overpayment(sitthi: Served, at: datetime) -> None:
    of = award(None)
    one = Instalment(
        person=PERSON, id=new_id(), award=of.id, beneficiary=PERSON, subject="programme:x", agency="dla",
        period=at.date(), satang=100, due_on=at.date(), status="CANCELLED", created_at=at,
    )  # fmt: skip
    row = Overpayment(
        person=PERSON, id=new_id(), instalment=one.id, award=of.id, agency="dla", period=at.date(), paid=100, satang=1,
        cause="DEATH", found_at=at,
    )  # fmt: skip
    await _add(sitthi, of, one, row)


async def _underpayment(sitthi: Served, at: datetime) -> None:
    of = award(None)
    one = Instalment(
        person=PERSON, id=new_id(), award=of.id, beneficiary=PERSON, subject="programme:x", agency="dla",
        period=at.date(), satang=100, due_on=at.date(), status="CANCELLED", created_at=at,
    )  # fmt: skip
    row = Underpayment(
        person=PERSON, id=new_id(), instalment=one.id, agency="dla", period=at.date(), satang=1, cause="CORRECTION",
        found_at=at,
    )  # fmt: skip
    await _add(sitthi, of, one, row)


async def _bill(sitthi: Served, at: datetime) -> None:
    row = Bill(
        person=PERSON, id=new_id(), agency="dla", kind="FEE", charge=f"application:{new_id().hex}:fee", title={},
        biller="0" * 15, reference=f"{at.timestamp():.0f}", second_reference="1", satang=1, status="EXPIRED",
        created_at=at, due_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _incoming_payment(sitthi: Served, at: datetime) -> None:
    row = IncomingPayment(
        id=new_id(), biller="0" * 15, bank_transaction=f"{at.timestamp():.0f}", agency="dla", person=PERSON,
        reference="1", second_reference="1", satang=1, paid_at=at, received_at=at, verdict="LATE",
    )  # fmt: skip
    await _add(sitthi, row)


async def _recovery_plan(sitthi: Served, at: datetime) -> None:
    row = RecoveryPlan(
        person=PERSON, id=new_id(), agency="dla", satang=100, parts=2, first_month=at.date().replace(day=1), floor=1,
        from_children=False, status="ENDED", reason="x", proposed_by=UUID(int=1), proposed_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _held_month(sitthi: Served, at: datetime) -> None:
    of = award(None)
    row = HeldMonth(
        person=PERSON, award=of.id, period=at.date(), agency="dla", reason="FACT_NEEDED", needs=[], held_at=at
    )
    await _add(sitthi, of, row)


async def _reassessment(sitthi: Served, at: datetime) -> None:
    for_ = application(sitthi.clock.now())
    row = Reassessment(
        person=PERSON, id=new_id(), application=for_.id, cause="OFFICER", reference="x", since=at.date(), owed_at=at,
        due_at=at, done_at=at, outcome="CONFIRMED",
    )  # fmt: skip
    await _add(sitthi, for_, row)


async def _consent(sitthi: Served, at: datetime) -> None:
    row = Consent(
        person=PERSON, id=new_id(), requester="slf", purpose="x", attributes=[], text_version="1", granted_at=at,
        expires_at=at, ended_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _correction(sitthi: Served, at: datetime) -> None:
    row = Correction(
        person=PERSON, id=new_id(), attribute="name", steward="dopa", statement_sealed=S, status="CLOSED",
        created_at=at, updated_at=at, due_on=at.date(), days_left=0, closed_at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _request(sitthi: Served, at: datetime) -> None:
    row = PrivacyRequest(
        person=PERSON, id=new_id(), kind="ACCESS", status="EXPIRED", stores=[], made_at=at, due_at=at, finished_at=at,
        stays=[],
    )  # fmt: skip
    await _add(sitthi, row)


async def _standing_act(sitthi: Served, at: datetime) -> None:
    row = StandingAct(
        person=PERSON, id=new_id(), agency="mhesi", kind="PAPER", issued=new_id(), act="REVOKE", reason_sealed=S,
        actor="registrar", key=b"k", digest=b"d", at=at,
    )  # fmt: skip
    await _add(sitthi, row)


async def _held_paper(sitthi: Served, at: datetime) -> None:
    paper = PrintedPaper(id=new_id(), agency="mhesi", sha256=b"h" * 32, printed_at=at)
    await _add(sitthi, paper)
    await _add(sitthi, HeldPaper(person=PERSON, paper=paper.id, document=new_id(), kept_at=at))


MAKERS: Final[dict[str, Make]] = {
    "standing_act": _standing_act,
    "held_paper": _held_paper,
    "message": _message,
    "change": _change,
    "notice_outgoing": _notice,
    "passkey": _passkey,
    "delegation": _delegation,
    "application": _application,
    "appeal": _appeal,
    "service_case": _service_case,
    "receipt": _receipt,
    "dispute": _dispute,
    "rating": _rating,
    "award": _award,
    "benefit": _benefit,
    "instalment": _instalment,
    "overpayment": _overpayment,
    "underpayment": _underpayment,
    "recovery_plan": _recovery_plan,
    "bill": _bill,
    "incoming_payment": _incoming_payment,
    "held_month": _held_month,
    "reassessment": _reassessment,
    "consent": _consent,
    "correction": _correction,
    "privacy_request": _request,
}
RULES: Final = {rule.table: (kind, rule) for kind in retention_classes().values() for rule in kind.rules}


def test_every_rule_is_tried() -> None:
    assert set(MAKERS) == set(RULES)


YEARS: Final = {"two": (2, 731), "three": (3, 1_096), "five": (5, 1_827), "ten": (10, 3_653)}
"""As a class's words have it: years, and the days of the longest such span, which has the most leap days."""


@pytest.mark.parametrize("kind", retention_classes().values(), ids=lambda kind: kind.id)
def test_so_many_years_are_never_a_day_less(kind: RetentionClass) -> None:
    said = [spans for word, spans in YEARS.items() if f"{word} years" in kind.text.en]
    assert said or "year" not in kind.text.en
    for years, days in said:
        spans = [date(y + years, 3, 1) - date(y, 3, 1) for y in range(2001, 2030)]
        assert kind.kept == max(spans) == timedelta(days=days)


async def rows_of(sitthi: Served, table: str) -> int:
    async with sitthi.house.db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(load_models().tables[table])) or 0)


@pytest.mark.parametrize("table", MAKERS)
async def test_a_row_goes_on_its_day_and_not_before(sitthi: Served, table: str) -> None:
    kind, rule = RULES[table]
    assert kind.kept is not None
    over = sitthi.clock.now() - kind.kept - timedelta(seconds=1)
    await MAKERS[table](sitthi, over)
    await MAKERS[table](sitthi, over + timedelta(days=2))
    before = await rows_of(sitthi, table)
    expected = [Over(kind.id, table, rule.do, 1)]
    room = sitthi.house.privacy.retention
    assert [one for one in await room.run(dry=True) if one.table == table] == expected
    assert await rows_of(sitthi, table) == before, "a dry run does nothing"
    assert [one for one in await room.run() if one.table == table] == expected
    assert await rows_of(sitthi, table) == before - (rule.do == "delete")
    assert [one for one in await room.run() if one.table == table] == [], "twice is as once"


async def test_what_something_hangs_on_stays(sitthi: Served) -> None:
    long_ago = sitthi.clock.now() - timedelta(days=3_700)
    ended = award(long_ago)
    scheduled = Instalment(
        person=PERSON, id=new_id(), award=ended.id, beneficiary=PERSON, subject="programme:x", agency="dla",
        period=long_ago.date(), satang=100, due_on=long_ago.date(), status="SCHEDULED", created_at=long_ago,
    )  # fmt: skip
    await _add(sitthi, ended, scheduled)
    await sitthi.house.privacy.retention.run()
    assert (await rows_of(sitthi, "award"), await rows_of(sitthi, "instalment")) == (1, 1)


@pytest.mark.parametrize(("whose", "left"), [(None, 1), (PERSON, 1), (UUID(int=9), 0)])
async def test_a_hold_stops_retention_for_whom_it_is_about(sitthi: Served, whose: UUID | None, left: int) -> None:
    await _message(sitthi, sitthi.clock.now() - timedelta(days=1_100))
    async with sitthi.house.db.write() as session:
        await sitthi.house.privacy.holds.place(
            session, store="messages", person=whose, law="x", reason="x", until=sitthi.clock.now() + timedelta(days=1),
            officer="command line: dpo",
        )  # fmt: skip
    await sitthi.house.privacy.retention.run()
    assert await rows_of(sitthi, "message") == left


async def test_what_lapsed_is_blanked_ten_years_after_it_did_though_nobody_decided_it(sitthi: Served) -> None:
    old = sitthi.clock.now() - timedelta(days=3_654)
    lapsed = application(old, "LAPSED")
    lapsed.decided_at = None
    await _add(sitthi, lapsed)
    [over] = [one for one in await sitthi.house.privacy.retention.run() if one.table == "application"]
    assert (over.do, over.rows) == ("blank", 1)


async def test_a_blanked_application_says_nothing_any_more(sitthi: Served) -> None:
    await _application(sitthi, sitthi.clock.now() - timedelta(days=3_654))
    await sitthi.house.privacy.retention.run()
    async with sitthi.house.db.read() as session:
        [row] = (await session.scalars(select(Application))).all()
    assert (row.missing, row.unit_key) == ([], f"erased:{row.id.hex}")
    opened = sitthi.house.keys.open(row.answers_sealed, bound_to=f"application.answers:{row.id.hex}")
    assert opened == b"{}"


ENTRY = "- class: a\n  days: {days}\n  by: {by}\n  th: ก\n  en: a\n  law:\n    th: ก\n    en: a\n  rules: {rules}\n"
RULE = "\n    - {table: message, from: created_at, do: delete}"


@pytest.mark.parametrize(
    "text",
    [
        ENTRY.format(days=1, by="this", rules=RULE) * 2,
        ENTRY.format(days=1, by="this", rules="[]"),
        ENTRY.format(days=1, by="erasure", rules=RULE),
        ENTRY.format(days=0, by="this", rules=RULE),
        ENTRY.format(days=-1, by="this", rules=RULE),
        ENTRY.format(days=1, by="this", rules=RULE.replace("delete", "burn")),
    ],
)
def test_a_file_of_classes_that_is_not_right_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        read(text)
