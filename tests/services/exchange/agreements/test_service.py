"""Two officers of two agencies: who may propose and accept, in which state, and that it happens once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.assurance import StepUpRequired
from core.errors import BadInput, NotFound, SitthiError
from core.ids import new_id
from identity.officers.errors import NotAnOfficer, RoleMissing
from services.exchange.agreements.errors import AgreementStateConflict, NotAParty
from services.exchange.agreements.repository import AgreementRepository, terms_of
from services.exchange.agreements.service import AGREEMENTS_ACCEPT, AGREEMENTS_PROPOSE
from services.exchange.agreements.states import TRANSITIONS, Act, State, after
from services.exchange.agreements.terms import Quota
from tests.identity.officers_of_tests import THAID
from tests.services.exchange.agreements.conftest import Desk

pytestmark = pytest.mark.fakeredis_only


async def test_what_one_agency_proposes_and_the_other_accepts_is_in_force(desk: Desk) -> None:
    proposed = await desk.propose()
    assert (proposed.state, proposed.version) == (State.PROPOSED, 1)
    accepted = await desk.accept(proposed)
    assert accepted.state == State.IN_FORCE
    terms = terms_of(accepted)
    assert terms.quota == Quota(100, 50)
    assert terms.attributes == {"birth_date", "nationality"}
    async with desk.office.database.read() as session:
        events = await AgreementRepository(session).events(proposed.agreement)
    assert [(one.kind, one.agency, one.by) for one in events] == [
        ("PROPOSE", "sso", desk.requester.person),
        ("ACCEPT", "dopa", desk.steward.person),
    ]
    assert {one.digest for one in events} == {proposed.digest}


async def test_the_steward_may_propose_as_well(desk: Desk) -> None:
    proposed = await desk.propose(desk.steward)
    with pytest.raises(NotAParty):
        await desk.accept(proposed, desk.steward)
    assert (await desk.accept(proposed, desk.requester)).state == State.IN_FORCE


async def test_nobody_accepts_for_their_own_agency_nor_for_a_third(desk: Desk) -> None:
    proposed = await desk.propose()
    colleague = await desk.office.officer(3, "sso", AGREEMENTS_ACCEPT)
    stranger = await desk.office.officer(4, "rd", AGREEMENTS_ACCEPT, AGREEMENTS_PROPOSE)
    for officer in (desk.requester, colleague, stranger):
        with pytest.raises(NotAParty):
            await desk.accept(proposed, officer)
    with pytest.raises(NotAParty):
        await desk.propose(stranger)


async def test_who_proposed_and_then_changed_agencies_does_not_accept_it(desk: Desk) -> None:
    proposed = await desk.propose()
    await desk.office.end(desk.requester)
    moved = await desk.office.officer(2, "dopa", AGREEMENTS_ACCEPT)
    assert moved.person == desk.requester.person
    with pytest.raises(SitthiError) as caught:
        await desk.accept(proposed, moved)
    assert caught.value.code == "MAKER_IS_CHECKER"


async def test_proposing_and_accepting_take_their_roles_and_accepting_a_passkey(desk: Desk) -> None:
    proposed = await desk.propose()
    with pytest.raises(StepUpRequired):
        await desk.accept(proposed, desk.office.signed_in(desk.steward, THAID))
    with pytest.raises(StepUpRequired):
        await desk.propose(desk.office.signed_in(desk.requester, THAID, timedelta(hours=9)))
    with pytest.raises(RoleMissing):
        await desk.accept(proposed, await desk.office.officer(3, "dopa", AGREEMENTS_PROPOSE))
    with pytest.raises(RoleMissing):
        await desk.propose(await desk.office.officer(4, "sso", AGREEMENTS_ACCEPT))
    await desk.office.end(desk.steward)
    with pytest.raises(NotAnOfficer):
        await desk.accept(proposed)


@pytest.mark.parametrize("agency", ["steward", "requester"])
async def test_either_agency_suspends_and_only_that_one_resumes(desk: Desk, agency: str) -> None:
    row = await desk.in_force()
    by = getattr(desk, agency)
    other = desk.requester if by is desk.steward else desk.steward
    assert (await desk.act("suspend", row, by)).state == State.SUSPENDED
    with pytest.raises(NotAParty):
        await desk.act("resume", row, other)
    assert (await desk.act("resume", row, by)).state == State.IN_FORCE
    assert (await desk.act("end", row, other)).state == State.ENDED
    for act in ("suspend", "resume", "end"):
        with pytest.raises(AgreementStateConflict):
            await desk.act(act, row, by)


async def test_a_version_in_force_ends_when_the_next_is_accepted_and_not_before(desk: Desk) -> None:
    first = await desk.in_force()
    second = await desk.propose(agreement=first.agreement, per_day=200)
    assert (second.agreement, second.version) == (first.agreement, 2)
    with pytest.raises(AgreementStateConflict):
        await desk.propose(agreement=first.agreement)
    assert [state async for state in _states(desk)] == [State.PROPOSED, State.IN_FORCE]
    await desk.accept(second)
    assert [state async for state in _states(desk)] == [State.IN_FORCE, State.ENDED]


async def test_a_new_version_is_between_the_same_agencies(desk: Desk) -> None:
    first = await desk.in_force()
    third = await desk.office.officer(3, "rd", AGREEMENTS_PROPOSE)
    with pytest.raises(BadInput):
        await desk.propose(third, agreement=first.agreement, requester="rd")
    with pytest.raises(NotFound):
        await desk.propose(agreement=new_id())


async def test_two_who_accept_at_once_accept_once(desk: Desk) -> None:
    row = await desk.propose()
    second = await desk.office.officer(3, "dopa", AGREEMENTS_ACCEPT)
    done = await asyncio.gather(desk.accept(row), desk.accept(row, second), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Agreement", "AgreementStateConflict"]


async def test_two_who_propose_the_next_version_at_once_propose_one(desk: Desk) -> None:
    first = await desk.in_force()
    done = await asyncio.gather(
        desk.propose(agreement=first.agreement),
        desk.propose(desk.steward, agreement=first.agreement),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["Agreement", "AgreementStateConflict"]


@pytest.mark.parametrize(
    ("terms", "path"),
    [
        ({"requester": "dopa"}, "requester"),
        ({"requester": "nobody"}, "requester"),
        ({"purposes": ["own-view"]}, "purposes"),
        ({"purposes": ["no-such"]}, "purposes"),
        ({"purposes": ["student-loan-screening"]}, "purposes"),
        ({"purposes": []}, "purposes"),
        ({"attributes": ["annual_income"]}, "attributes"),
        ({"attributes": ["children"]}, "attributes"),
        ({"attributes": ["lives_with_applicant"]}, "attributes"),
        ({"attributes": ["dopa:file"]}, "attributes"),
        ({"attributes": ["nothing"]}, "attributes"),
        ({"per_minute": 101}, "per_minute"),
        ({"per_day": 0}, "per_day"),
        ({"per_day": 10_000_001}, "per_day"),
        ({"valid_until": "2026-10-31"}, "valid_until"),
        ({"valid_until": "2031-12-31"}, "valid_until"),
        ({"valid_from": "2026-13-01"}, "valid_from"),
        ({"law": ""}, "law"),
        ({"law": "a\u0000bcdef"}, "law"),
        ({"more": 1}, "more"),
    ],
)
async def test_what_cannot_be_agreed_on_is_not_proposed(desk: Desk, terms: dict[str, Any], path: str) -> None:
    with pytest.raises(BadInput) as caught:
        await desk.propose(**terms)
    assert caught.value.path[0] == path


async def test_terms_that_the_calendar_has_left_behind_are_not_accepted(desk: Desk) -> None:
    row = await desk.propose(valid_until=desk.exchange.clock.today().isoformat())
    desk.exchange.clock.advance(timedelta(days=1))
    with pytest.raises(BadInput):
        await desk.accept(row, desk.office.signed_in(desk.steward, "ial2.3-aal2.2"))


async def test_unknown_ones_are_not_found(desk: Desk) -> None:
    row = await desk.propose()
    with pytest.raises(NotFound):
        await desk.accept(replace_version(row, 2))


async def test_events_are_neither_changed_nor_removed(desk: Desk) -> None:
    await desk.propose()
    for statement in ("UPDATE agreement_event SET reason = 'x'", "DELETE FROM agreement_event"):
        with pytest.raises(DBAPIError, match=r"append-only|append only|change"):
            async with desk.office.database.write() as session:
                await session.execute(text(statement))


@given(st.sampled_from(State), st.sampled_from(Act))
def test_what_is_not_in_the_table_is_a_conflict(state: State, act: Act) -> None:
    if (state, act) in TRANSITIONS:
        assert after(state, act) is TRANSITIONS[state, act]
    else:
        with pytest.raises(AgreementStateConflict):
            after(state, act)


async def _states(desk: Desk) -> Any:
    async with desk.office.database.read() as session:
        for row in await AgreementRepository(session).of_agency("sso"):
            yield State(row.state)


def replace_version(row: Any, version: int) -> Any:
    return type("Named", (), {"agreement": row.agreement, "version": version})
