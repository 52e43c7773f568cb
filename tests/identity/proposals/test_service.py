"""Two officers: who may propose and decide, when, and that it happens once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.assurance import StepUpRequired
from core.errors import BadInput, NotAllowed, NotFound, SitthiError
from core.ids import new_id
from identity.officers.demands import APPROVAL_SECONDS, WORKING_DAY_SECONDS
from identity.officers.errors import NotAnOfficer, RoleMissing, RoleNotForAgency, ServesAnotherAgency
from identity.officers.register import Officer
from identity.proposals.acts import ProposalKind
from identity.proposals.errors import (
    ConcernsYourself,
    MakerGone,
    MakerIsChecker,
    NotTheMaker,
    ProposalDecided,
    ProposalExpired,
)
from identity.proposals.service import Done
from tests.identity.officers_of_tests import PASSKEY, REASON, THAID, WEAK, Office, number

ADMIN = ("officers.propose", "officers.approve")
NEW = {"national_id": number(50).digits, "name_th": "ใหม่", "name_en": "New", "roles": ["pay.plan"]}
SECOND = timedelta(seconds=1)


async def pair(office: Office) -> tuple[Officer, Officer]:
    return await office.officer(1, "dla", *ADMIN), await office.officer(2, "dla", *ADMIN)


async def propose(
    office: Office,
    officer: Officer,
    given: Mapping[str, Any] = NEW,
    kind: ProposalKind = ProposalKind.OFFICER_ADD,
    reason: str = REASON,
) -> UUID:
    async with office.database.write() as session:
        return await office.proposals.propose(session, officer, kind, given, reason)


async def approve(office: Office, officer: Officer, proposal: UUID, reason: str = "") -> Done:
    async with office.database.write() as session:
        return await office.proposals.approve(session, officer, proposal, reason)


async def refuse(office: Office, officer: Officer, proposal: UUID, reason: str = REASON) -> None:
    async with office.database.write() as session:
        await office.proposals.refuse(session, officer, proposal, reason)


async def withdraw(office: Office, officer: Officer, proposal: UUID) -> None:
    async with office.database.write() as session:
        await office.proposals.withdraw(session, officer, proposal, REASON)


async def serving(office: Office, running: int = 50) -> Officer | None:
    async with office.database.read() as session:
        person = await office.people.find(session, number(running))
        return None if person is None else await office.officers.find(session, person)


async def waiting(office: Office, officer: Officer) -> list[UUID]:
    async with office.database.read() as session:
        return [one.id for one in await office.proposals.open(session, officer)]


async def test_one_proposes_another_approves_and_each_step_is_in_the_trail(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    assert await serving(office) is None, "a proposal alone does nothing"
    assert await waiting(office, checker) == [proposal]
    await approve(office, checker, proposal)
    added = await serving(office)
    assert added is not None
    assert (added.agency, added.roles, added.name.th) == ("dla", frozenset({"pay.plan"}), "ใหม่")
    assert await office.acts("dla") == [
        ("PROPOSED", maker.person.hex, REASON),
        ("APPROVED", checker.person.hex, ""),
    ]
    assert await waiting(office, checker) == []


async def test_who_may_approve_is_told_and_then_the_maker(office: Office) -> None:
    maker, checker = await pair(office)
    bystander = await office.officer(3, "dla", "pay.plan")
    elsewhere = await office.officer(4, "dcy", *ADMIN)
    proposal = await propose(office, maker)
    assert await office.told(checker.person) == ["identity.proposal_awaits"]
    for other in (maker, bystander, elsewhere):
        assert await office.told(other.person) == []
    await approve(office, checker, proposal)
    assert await office.told(maker.person) == ["identity.proposal_decided"]


async def test_nobody_approves_or_refuses_their_own(office: Office) -> None:
    maker, _ = await pair(office)
    proposal = await propose(office, maker)
    with pytest.raises(MakerIsChecker):
        await approve(office, maker, proposal)
    with pytest.raises(MakerIsChecker):
        await refuse(office, maker, proposal)
    assert await waiting(office, maker) == [proposal]


async def test_the_table_itself_refuses_one_officer_twice(office: Office) -> None:
    maker, _ = await pair(office)
    await propose(office, maker)
    with pytest.raises(IntegrityError):
        async with office.database.write() as session:
            await session.execute(text("UPDATE proposal SET checker = maker, outcome = 'APPROVED'"))


async def test_nobody_approves_what_is_about_themself(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker, {**NEW, "national_id": number(2).digits})
    with pytest.raises(ConcernsYourself):
        await approve(office, checker, proposal)
    assert await office.told(checker.person) == [], "it is not theirs to decide"


async def test_an_officer_may_ask_for_roles_and_another_decides(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker, {**NEW, "national_id": number(1).digits, "roles": [*ADMIN, "pay.plan"]})
    await approve(office, checker, proposal)
    changed = await serving(office, 1)
    assert changed is not None
    assert changed.roles == {*ADMIN, "pay.plan"}


async def test_a_refused_proposal_does_nothing(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    await refuse(office, checker, proposal, "the person left last week")
    assert await serving(office) is None
    assert (await office.acts("dla"))[-1] == ("REFUSED", checker.person.hex, "the person left last week")
    with pytest.raises(ProposalDecided):
        await approve(office, checker, proposal)


async def test_the_maker_may_withdraw_and_nobody_else(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    with pytest.raises(NotTheMaker):
        await withdraw(office, checker, proposal)
    await withdraw(office, maker, proposal)
    assert (await office.acts("dla"))[-1][0] == "WITHDRAWN"
    for decide in (approve, refuse):
        with pytest.raises(ProposalDecided):
            await decide(office, checker, proposal)
    with pytest.raises(ProposalDecided):
        await withdraw(office, maker, proposal)


async def test_a_proposal_stands_for_seven_days(office: Office) -> None:
    maker, checker = await pair(office)
    first, second = await propose(office, maker), await propose(office, maker)
    office.clock.advance(timedelta(days=7) - SECOND)
    await approve(office, office.signed_in(checker, PASSKEY), first)
    office.clock.advance(SECOND)
    assert await waiting(office, checker) == []
    checker, maker = office.signed_in(checker, PASSKEY), office.signed_in(maker, PASSKEY)
    with pytest.raises(ProposalExpired):
        await approve(office, checker, second)
    with pytest.raises(ProposalExpired):
        await refuse(office, checker, second)
    with pytest.raises(ProposalExpired):
        await withdraw(office, maker, second)


async def test_of_many_decisions_at_once_one_wins(office: Office) -> None:
    maker = await office.officer(1, "dla", *ADMIN)
    checkers = [await office.officer(10 + n, "dla", *ADMIN) for n in range(8)]
    proposal = await propose(office, maker)
    outcomes = await asyncio.gather(
        *(approve(office, one, proposal) for one in checkers[:4]),
        *(refuse(office, one, proposal) for one in checkers[4:]),
        withdraw(office, maker, proposal),
        return_exceptions=True,
    )
    won = [one for one in outcomes if not isinstance(one, BaseException)]
    lost = [type(one) for one in outcomes if isinstance(one, BaseException)]
    assert (len(won), set(lost)) == (1, {ProposalDecided})
    kinds = [kind for kind, _, _ in await office.acts("dla")]
    assert len(kinds) == 2, "one proposal and one decision"
    assert (await serving(office) is not None) is (kinds[-1] == "APPROVED")


async def test_another_agencys_proposal_is_not_found(office: Office) -> None:
    maker, _ = await pair(office)
    other = await office.officer(3, "dcy", *ADMIN)
    proposal = await propose(office, maker)
    assert await waiting(office, other) == []
    for decide in (approve, refuse):
        with pytest.raises(NotFound):
            await decide(office, other, proposal)
    with pytest.raises(NotFound):
        await withdraw(office, other, proposal)
    with pytest.raises(NotFound):
        await approve(office, other, new_id())


@pytest.mark.parametrize("roles", [("officers.propose",), ("pay.plan",), ("clients.approve",)])
async def test_approving_takes_its_role(office: Office, roles: tuple[str, ...]) -> None:
    maker, _ = await pair(office)
    other = await office.officer(3, "dla", *roles)
    proposal = await propose(office, maker)
    with pytest.raises(RoleMissing) as caught:
        await approve(office, other, proposal)
    assert caught.value.fields == {"role": "officers.approve"}
    with pytest.raises(NotAllowed):
        async with office.database.read() as session:
            await office.proposals.show(session, office.signed_in(other, THAID), proposal)


async def test_proposing_takes_its_role(office: Office) -> None:
    other = await office.officer(3, "dla", "officers.approve")
    with pytest.raises(RoleMissing):
        await propose(office, other)


async def test_a_role_that_was_taken_away_a_moment_ago_is_gone(office: Office) -> None:
    """The officer in hand was read when the request began; what counts is the register at this moment."""
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    await office.officer(2, "dla", "pay.plan")
    with pytest.raises(RoleMissing):
        await approve(office, checker, proposal)
    await office.end(checker)
    with pytest.raises(NotAnOfficer):
        await approve(office, checker, proposal)


async def test_what_a_former_officer_proposed_cannot_be_approved(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    await office.end(maker)
    with pytest.raises(MakerGone):
        await approve(office, checker, proposal)
    await refuse(office, checker, proposal)


@pytest.mark.parametrize("acr", [WEAK, THAID, "ial2.2-aal2.2", ""])
async def test_approving_asks_for_a_passkey(office: Office, acr: str) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    with pytest.raises(StepUpRequired) as caught:
        await approve(office, office.signed_in(checker, acr), proposal)
    assert caught.value.fields == {"acr_values": "ial2.3-aal2.2", "max_age": APPROVAL_SECONDS}


async def test_approving_asks_for_a_sign_in_of_just_now(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    late = office.signed_in(checker, PASSKEY, timedelta(seconds=APPROVAL_SECONDS + 1))
    with pytest.raises(StepUpRequired):
        await approve(office, late, proposal)
    await approve(office, office.signed_in(checker, PASSKEY, timedelta(seconds=APPROVAL_SECONDS)), proposal)


async def test_proposing_and_refusing_ask_for_two_factors_of_today(office: Office) -> None:
    maker, checker = await pair(office)
    for sign_in in (office.signed_in(maker, WEAK), office.signed_in(maker, THAID, SECOND * (WORKING_DAY_SECONDS + 1))):
        with pytest.raises(StepUpRequired):
            await propose(office, sign_in)
    proposal = await propose(office, office.signed_in(maker, THAID, SECOND * WORKING_DAY_SECONDS))
    with pytest.raises(StepUpRequired):
        await refuse(office, office.signed_in(checker, WEAK), proposal)
    await refuse(office, office.signed_in(checker, THAID), proposal)


async def test_whoever_did_not_sign_in_may_do_nothing(office: Office) -> None:
    await pair(office)
    async with office.database.read() as session:
        listed = (await office.officers.of_agency(session, "dla"))[0]
    with pytest.raises(StepUpRequired):
        await propose(office, listed)


WRITTEN = ("1-1000-00000-07-1", "1 1000 00000 07 1", "1.1000.00000.07.1", "1/1000/00000/07/1", "1_1000_00000_07_1",
           "1\u20111000\u201100000\u201107\u20111", "1\u20131000\u201300000\u201307\u20131")  # fmt: skip
"""Numbers as people and their word processors write them."""


@pytest.mark.parametrize(
    "reason", ["", "    ", "why", "x" * 501, f"for {number(7).digits}", *(f"for {one}" for one in WRITTEN)]
)
async def test_a_reason_is_a_sentence_without_a_national_id(office: Office, reason: str) -> None:
    maker, checker = await pair(office)
    with pytest.raises(BadInput):
        await propose(office, maker, reason=reason)
    proposal = await propose(office, maker)
    with pytest.raises(BadInput):
        await refuse(office, checker, proposal, reason)
    assert await waiting(office, checker) == [proposal]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"roles": ["identity.approve"]}, RoleNotForAgency),
        ({"roles": ["officers.everything"]}, BadInput),
        ({"roles": []}, BadInput),
        ({"roles": ["*"]}, BadInput),
        ({"national_id": "1234567890123"}, SitthiError),
        ({"name_th": ""}, BadInput),
        ({"name_en": "\x1b[2J"}, BadInput),
        ({"agency": "dopa"}, BadInput),
    ],
)
async def test_what_cannot_be_is_not_proposed(
    office: Office, changes: dict[str, Any], error: type[SitthiError]
) -> None:
    maker, checker = await pair(office)
    with pytest.raises(error):
        await propose(office, maker, {**NEW, **changes})
    assert await waiting(office, checker) == []


async def test_an_officer_of_another_agency_is_not_taken(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    await office.officer(50, "dcy", "pay.plan")
    with pytest.raises(ServesAnotherAgency):
        await propose(office, maker)
    with pytest.raises(ServesAnotherAgency):
        await approve(office, checker, proposal)
    assert await waiting(office, checker) == [proposal], "what could not be done stays open"
    assert [kind for kind, _, _ in await office.acts("dla")] == ["PROPOSED"]


async def test_a_payload_is_sealed_to_its_proposal(office: Office) -> None:
    maker, checker = await pair(office)
    first = await propose(office, maker)
    second = await propose(office, maker, {**NEW, "national_id": number(51).digits})
    async with office.database.write() as session:
        rows = (await session.execute(text("SELECT id, payload_sealed FROM proposal"))).all()
        assert not any(number(n).digits.encode() in bytes(row[1]) for row in rows for n in (50, 51))
        swapped = {str(rows[0][0]): rows[1][1], str(rows[1][0]): rows[0][1]}
        for row in rows:
            await session.execute(
                text("UPDATE proposal SET payload_sealed = :sealed WHERE id = :id"),
                {"sealed": swapped[str(row[0])], "id": row[0]},
            )
    for one in (first, second):
        with pytest.raises(SitthiError) as caught:
            await approve(office, checker, one)
        assert caught.value.code == "SEAL_BROKEN"


async def test_who_decides_sees_what_it_would_do(office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await propose(office, maker)
    async with office.database.read() as session:
        shown = await office.proposals.show(session, checker, proposal)
        [listed] = await office.proposals.open(session, checker)
    assert ("เลขประจำตัว", number(50).digits) in [(label.th, value) for label, value in shown.lines]
    assert (shown.maker_name.en, shown.reason) == ("Officer 1", REASON)
    assert [act.kind for act in shown.trail] == ["PROPOSED"]
    assert listed.lines == (), "a list names no numbers"
