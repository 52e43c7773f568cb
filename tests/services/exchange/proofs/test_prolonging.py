"""Putting off when a citizen learns of an inquiry: two officers of its agency, by law, and not for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from core.assurance import StepUpRequired
from core.clock import FixedClock
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.text import Text
from identity.officers.errors import RoleMissing
from identity.officers.register import Officer
from identity.proposals.errors import MakerIsChecker
from services.exchange.access_log.contents import verify_contents
from services.exchange.access_log.log import AccessLog, Draft, Result
from services.exchange.access_log.prolonging import DISCLOSURE_APPROVE, DISCLOSURE_PROPOSE, Prolonging
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.facts import OWN_VIEW, Asker, AskerKind, Basis, Purpose
from services.exchange.privacy.trail import key_destroyed_at
from tests.identity.officers_of_tests import PASSKEY, THAID, Office
from tests.services.exchange.proofs.conftest import KEYS
from tests.services.exchange.proofs.test_investigations import CLASSES
from tests.services.exchange.proofs.test_verify import Owner

ROLES = (DISCLOSURE_PROPOSE, DISCLOSURE_APPROVE)
INQUIRY = Purpose("inquiry", Basis.PUBLIC_TASK, Text(th="ไต่สวน", en="An inquiry"))
OFFICER = Asker(AskerKind.OFFICER, "an officer", "rd", Text(th="เจ้าหน้าที่", en="An officer"))
LAW = "ประมวลรัษฎากร มาตรา 19"


@dataclass
class File:
    """An inquiry of the Revenue Department into somebody, and two of its officers."""

    prolonging: Prolonging
    office: Office
    maker: Officer
    checker: Officer
    citizen: UUID
    entry: UUID
    other: UUID
    """The citizen's entry of another purpose, shown at once."""
    made_at: datetime
    sees: Callable[[], Awaitable[list[UUID]]]

    async def asks(self, days: int, by: Officer | None = None, law: str = LAW) -> None:
        until = self.made_at + timedelta(days=days)
        await self.prolonging.propose(by or self.maker, self.citizen, self.entry, until, law)

    async def approves(self, by: Officer | None = None) -> datetime:
        return await self.prolonging.approve(by or self.checker, self.citizen, self.entry)


@pytest.fixture
async def file(database: Database, clock: FixedClock) -> File:
    log, citizen, office, made_at = (
        AccessLog(database, clock, KEYS, CLASSES),
        new_id(),
        Office(database, KEYS, clock),
        clock.now(),
    )
    drafts = [Draft(citizen, frozenset({"name"}), OFFICER, purpose) for purpose in (INQUIRY, OWN_VIEW)]
    asked, other = await log.decide(drafts)
    await log.conclude([Result(asked, {"name": "FRESH"}), Result(other, {"name": "FRESH"})])

    async def sees() -> list[UUID]:
        async with database.read() as session:
            reader, now = AccessLogReader(session, SubjectKeys(KEYS)), clock.now()
            page = [one.id for one in await reader.page(citizen, size=9, before=None, at=now)]
            one = await reader.get(citizen, asked.id, at=now)
            told = (
                await reader.outcomes(citizen, [asked.id], at=now),
                await reader.evidence(citizen, [asked.id], at=now),
            )
            assert {asked.id in page, one is not None, *(asked.id in each for each in told)} in ({True}, {False})
            return page

    prolonging = Prolonging(database, clock, SubjectKeys(KEYS), log, office.officers, CLASSES)
    maker, checker = await office.officer(1, "rd", *ROLES), await office.officer(2, "rd", *ROLES)
    return File(prolonging, office, maker, checker, citizen, asked.id, other.id, made_at, sees)


async def test_once_a_second_officer_approves_it_is_shown_on_the_later_day(
    file: File, database: Database, clock: FixedClock
) -> None:
    await file.asks(200)
    until = await file.approves()
    assert until == file.made_at + timedelta(days=200)
    for at in (file.made_at + timedelta(days=90), until - timedelta(microseconds=1)):
        clock.set(at)
        assert await file.sees() == [file.other]
    clock.set(until)
    assert file.entry in await file.sees()
    async with database.read() as session:
        told = await AccessLogReader(session, SubjectKeys(KEYS)).evidence(file.citizen, [file.entry], at=clock.now())
    documents = [one.canonical.decode() for one in told[file.entry]]
    assert len(documents) == 4, "the decision, its outcome, what was asked for and what was approved"
    assert LAW in documents[-1]
    assert file.checker.person.hex not in "".join(documents)
    found = await verify_contents(database, SubjectKeys(KEYS), key_destroyed_at)
    assert (found.findings, found.opened) == ([], 6)


async def test_what_nobody_approved_puts_nothing_off(file: File, clock: FixedClock) -> None:
    await file.asks(200)
    clock.set(file.made_at + timedelta(days=90))
    assert file.entry in await file.sees()
    with pytest.raises(NotFound):  # what is shown is not taken back
        await file.approves(file.office.signed_in(file.checker, PASSKEY))


async def test_who_asked_does_not_approve_and_one_request_is_approved_once(file: File) -> None:
    with pytest.raises(NotFound):
        await file.approves()
    await file.asks(200)
    with pytest.raises(MakerIsChecker):
        await file.approves(file.maker)
    await file.approves()
    with pytest.raises(NotFound):
        await file.approves()


@pytest.mark.parametrize(("days", "is_allowed"), [(90, False), (91, True), (730, True), (731, False)])
async def test_no_day_beyond_the_longest_of_the_class_or_before_the_one_it_has(
    file: File, days: int, is_allowed: bool
) -> None:
    if is_allowed:
        await file.asks(days)
        return
    with pytest.raises(BadInput):
        await file.asks(days)


async def test_it_is_put_off_again_but_never_back(file: File) -> None:
    for days in (200, 300):
        await file.asks(days)
        await file.approves()
    with pytest.raises(BadInput):
        await file.asks(250)


async def test_it_takes_the_roles_a_passkey_and_an_officer_of_that_agency(file: File) -> None:
    await file.asks(200)
    with pytest.raises(RoleMissing):
        await file.approves(await file.office.officer(3, "rd", DISCLOSURE_PROPOSE))
    with pytest.raises(StepUpRequired):
        await file.approves(await file.office.officer(4, "rd", *ROLES, acr=THAID))
    with pytest.raises(NotFound):
        await file.approves(await file.office.officer(5, "dopa", *ROLES))


@pytest.mark.parametrize("law", ["", "ม.1", "x" * 201, "a\nb and more"])
async def test_the_law_is_named(file: File, law: str) -> None:
    with pytest.raises(BadInput):
        await file.asks(200, law=law)


async def test_an_entry_that_is_shown_at_once_is_never_put_off(file: File) -> None:
    later = file.made_at + timedelta(days=100)
    for entry in (file.other, new_id()):
        with pytest.raises(NotFound):
            await file.prolonging.propose(file.maker, file.citizen, entry, later, LAW)


async def test_a_moment_that_is_not_the_approved_one_is_found(file: File, database: Database) -> None:
    await file.asks(200)
    await file.approves()
    await Owner(database).does(
        "UPDATE access_record SET disclosed_from = (SELECT min(disclosed_from) FROM access_record) WHERE id <> entry"
    )
    found = await verify_contents(database, SubjectKeys(KEYS), key_destroyed_at)
    assert "puts its decision off to another moment than it says" in " ".join(one.sentence for one in found.findings)
