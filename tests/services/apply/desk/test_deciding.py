"""Officers decide: the law on facts and findings, two people where money follows, and never whoever is near."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.assurance import StepUpRequired
from core.errors import BadInput, NotFound, ServiceUnavailable
from core.ids import new_id
from identity.officers import Officer
from identity.officers.errors import ConflictOfInterest
from identity.officers.models import Officer as OfficerRow
from identity.proposals.errors import MakerGone, MakerIsChecker, ProposalDecided
from services.apply import repository as applications
from services.apply.deciding import Outcome, Request
from services.apply.desk import acts
from services.apply.desk.deciding import BY_OFFICER, decided
from services.apply.desk.errors import (
    CaseNotTaken,
    DecidedItBefore,
    NotWhatTheLawGives,
    ProposalWaits,
    TiesUnknown,
)
from services.apply.errors import AlreadyDecided, ChangedMeanwhile
from services.apply.models import Application
from services.apply.records import DecisionRecords
from services.apply.roles import CHECK, DECIDE
from services.apply.states import Action, Status, Who
from tests.services.apply.desk.conftest import GRANT, REASON, REFUSE, THAID, World


async def approve(world: World, row: Application, proposal: UUID, by: str | Officer = "checker") -> Application:
    return await world.act(by, row, acts.Approve(proposal))


async def events(world: World, row: Application) -> list[tuple[str, UUID | None]]:
    async with world.db.read() as session:
        found = (await applications.events(session, row.person, [row.id]))[row.id]
    return [(one.action, one.officer) for one in found]


async def test_a_grant_that_pays_is_proposed_and_decided_by_another(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    assert await world.room.count("decision") == await world.room.count("test_award") == 0
    after = await approve(world, row, proposal)
    assert after.status == Status.APPROVED
    assert await world.room.count("decision") == await world.room.count("test_award") == 1
    assert (await events(world, row))[-1] == (Action.APPROVE, world["checker"].person)
    async with world.db.read() as session:
        [made] = await world.desk_decisions(session, row)
        decision = await applications.last_decision(session, row.id)
    assert decision is not None
    assert (made.maker, made.checker, made.result) == (world["maker"].person, world["checker"].person, "DONE")
    assert made.decision == decision.id


async def test_into_a_household_that_has_one_already_no_officer_grants_another(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    world.law.house = "household:3f2a"
    await world.waiting()
    with pytest.raises(NotWhatTheLawGives):
        await world.act("maker", row, GRANT)
    refused = await world.act("maker", row, REFUSE)
    assert refused.status == Status.REJECTED
    async with world.db.read() as session:
        decision = await applications.last_decision(session, row.id)
        assert decision is not None
        record = await DecisionRecords(world.room.keys).opened(session, decision)
    assert [one["condition"] for one in decision.reasons] == ["household", "officer"]
    assert record["household"] == {"taken": True}


async def test_a_proposal_falls_when_another_of_the_household_was_faster(world: World) -> None:
    row = await world.waiting()
    world.law.house = "household:3f2a"
    proposal = await world.proposed(row)
    await world.waiting()
    with pytest.raises(NotWhatTheLawGives):
        await approve(world, row, proposal)
    assert await world.room.count("decision") == await world.room.count("test_award") == 0


async def test_the_record_and_the_reasons_say_that_an_officer_decided_why_and_on_what(world: World) -> None:
    row = await world.waiting()
    await approve(world, row, await world.proposed(row))
    async with world.db.read() as session:
        decision = await applications.last_decision(session, row.id)
        assert decision is not None
        record = await DecisionRecords(world.room.keys).opened(session, decision)
    assert record["officer"]["found"] == ["birth_date"]
    assert record["facts"]["birth_date"]["value"] == "1950-01-01"
    [reason] = decision.reasons
    assert (reason["condition"], reason["outcome"], reason["facts"]) == ("officer", "MET", ["birth_date"])
    assert reason["law"]["th"] == REASON[1][0]
    names = {str(officer.person.hex) for officer in world.people.values()}
    assert not names & {str(record), str(decision.reasons)}
    assert all(name not in str(record) and name not in str(decision.reasons) for name in names)


async def test_what_is_signed_says_that_an_officer_of_the_agency_decided(world: World) -> None:
    key = new_id()
    prepared = await world.law.prepare(Request(key, key, "programme:allowance"))
    assert decided(prepared, REFUSE, "dla").decided_by == {"kind": BY_OFFICER, "agency": "dla"}


async def test_nobody_approves_what_they_proposed(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row, by="both")
    with pytest.raises(MakerIsChecker):
        await approve(world, row, proposal, by="both")
    with pytest.raises(MakerIsChecker):
        await world.act("both", row, acts.give_back(proposal, "ไม่ใช่แบบนี้"))
    assert await world.room.count("decision") == 0


async def test_the_table_itself_refuses_one_person_as_both_and_a_paying_grant_of_one(world: World) -> None:
    row = await world.waiting()
    await world.proposed(row)
    for change in ("checker = maker", "result = 'DONE', checker = NULL"):
        with pytest.raises(IntegrityError):
            async with world.db.write() as session:
                await session.execute(text(f"UPDATE desk_decision SET {change}"))  # noqa: S608 - our words


async def test_of_twenty_who_approve_at_once_one_does_and_it_is_granted_once(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    checkers = [await world.serves(f"c{n}", "dla", CHECK) for n in range(20)]

    async def one(officer: Officer) -> str:
        try:
            await approve(world, row, proposal, officer)
        except (ProposalDecided, ChangedMeanwhile, AlreadyDecided) as error:
            return error.code
        return "done"

    ended = await asyncio.gather(*(one(officer) for officer in checkers))
    assert ended.count("done") == 1
    assert await world.room.count("decision") == await world.room.count("test_award") == 1
    assert await world.room.count("officer_act", "kind = 'CASE_GRANTED'") == 1


async def test_approving_takes_a_passkey_of_this_moment_and_proposing_does_not(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    await world.act(world.signed_in("maker", THAID), row, GRANT)
    async with world.db.read() as session:
        [made] = await world.desk_decisions(session, row)
    with pytest.raises(StepUpRequired):
        await approve(world, row, made.id, world.signed_in("checker", THAID))
    earlier = world.signed_in("checker")
    world.room.clock.advance(timedelta(minutes=16))
    with pytest.raises(StepUpRequired):
        await approve(world, row, made.id, earlier)
    await approve(world, row, made.id)


async def test_a_proposal_given_back_decides_nothing_and_may_be_made_anew(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    with pytest.raises(ProposalWaits):
        await world.act("maker", row, GRANT)
    await world.act("checker", row, acts.give_back(proposal, "หลักฐานยังอ่านไม่ออก"))
    assert await world.room.count("desk_note") == 1
    with pytest.raises(ProposalDecided):
        await approve(world, row, proposal)
    await world.act("maker", row, GRANT)
    assert await world.room.count("desk_decision", "result IS NULL") == 1


async def test_a_proposal_about_what_moved_on_is_not_approved_and_gives_way_to_another(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    ask = acts.ask([{"attribute": "has_credit_card", "why": "คำตอบเดิมไม่ชัดเจน"}])
    await world.act("maker", row, ask)
    await world.room.supplement(row.person, row.id, {})
    with pytest.raises(ChangedMeanwhile):
        await approve(world, row, proposal)
    await world.act("maker", row, GRANT)
    async with world.db.read() as session:
        results = [one.result for one in await world.desk_decisions(session, row)]
    assert results == ["OUTDATED", None]


async def test_a_proposal_is_decided_anew_and_another_amount_is_another_proposal(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    world.law.satang = 70_000
    with pytest.raises(ChangedMeanwhile):
        await approve(world, row, proposal)
    world.law.satang = 60_000
    await approve(world, row, proposal)


async def test_a_proposal_of_who_left_or_lost_the_role_is_not_approved(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    async with world.db.write() as session:
        maker = col(OfficerRow.person) == world["maker"].person
        await session.execute(update(OfficerRow).where(maker).values(roles=["apply.read"]))
    with pytest.raises(MakerGone):
        await approve(world, row, proposal)
    assert await world.room.count("desk_decision", "result IS NULL") == 1


async def test_a_proposal_of_another_case_or_of_none_is_unknown(world: World) -> None:
    one, other = await world.waiting(), await world.waiting()
    proposal = await world.proposed(one)
    for row, key in ((other, proposal), (one, new_id())):
        with pytest.raises(NotFound):
            await approve(world, row, key)
    with pytest.raises(NotFound):
        await approve(world, one, proposal, "stranger")


async def test_a_grant_that_pays_nothing_takes_one_officer_with_a_passkey(world: World) -> None:
    world.law.pays = False
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    with pytest.raises(StepUpRequired):
        await world.act(world.signed_in("maker", THAID), row, GRANT)
    assert (await world.act("maker", row, GRANT)).status == Status.APPROVED


async def test_one_officer_refuses_with_law_and_reason_what_stays_unknown(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    after = await world.act(world.signed_in("maker", THAID), row, REFUSE)
    assert after.status == Status.REJECTED
    async with world.db.read() as session:
        decision = await applications.last_decision(session, row.id)
    assert decision is not None
    assert (decision.outcome, decision.reasons[-1]["outcome"]) == (Outcome.REFUSED, "UNMET")
    assert world.room.notices.told[-1] == (row.person, Status.REJECTED)
    with pytest.raises(AlreadyDecided):
        await world.act("maker", row, REFUSE)


async def test_only_who_has_the_case_decides(world: World) -> None:
    row = await world.waiting()
    for act in (GRANT, REFUSE):
        with pytest.raises(CaseNotTaken):
            await world.act("maker", row, act)
    assert await world.room.count("desk_decision") == 0


async def test_an_officer_grants_nothing_that_the_law_does_not_give(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    with pytest.raises(NotWhatTheLawGives) as open_yet:
        await world.act("maker", row, acts.decide(True, *REASON))  # noqa: FBT003 - a word of the law
    assert "birth date" in str(open_yet.value)
    world.law.registered = "1990-01-01"
    with pytest.raises(NotWhatTheLawGives):
        await world.act("maker", row, acts.decide(True, *REASON))  # noqa: FBT003 - as above


async def test_an_officer_refuses_nothing_that_the_law_gives(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    world.law.registered = "1950-01-01"
    with pytest.raises(NotWhatTheLawGives):
        await world.act("maker", row, REFUSE)


async def test_who_lives_with_the_applicant_neither_proposes_nor_approves(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    world.ties.near.add(row.person)
    back = acts.give_back(proposal, "ไม่ควรให้คนนี้")
    for who, act in (("maker", REFUSE), ("checker", acts.Approve(proposal)), ("checker", back)):
        with pytest.raises(ConflictOfInterest):
            await world.act(who, row, act)
    world.ties.near.clear()
    world.ties.silent = True
    with pytest.raises(TiesUnknown):
        await world.act("checker", row, back)


async def test_an_appeal_is_answered_by_nobody_who_had_a_part_in_the_decision(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    await world.act("maker", row, REFUSE)
    await world.room.appeal(row.person, row.id)
    for act in (acts.Claim(), REFUSE, GRANT):
        with pytest.raises(DecidedItBefore):
            await world.act("maker", row, act)
    await world.act("both", row, acts.Claim())
    await world.act("both", row, GRANT)
    async with world.db.read() as session:
        made = [one for one in await world.desk_decisions(session, row) if one.result is None]
    await world.serves("second", "dla", DECIDE, CHECK)
    assert (await approve(world, row, made[0].id, "second")).status == Status.APPROVED
    assert await world.room.count("appeal", "closed_at IS NULL") == 0


async def test_who_approved_what_ended_in_an_appeal_does_not_check_its_answer(world: World) -> None:
    row = await world.waiting()
    await approve(world, row, await world.proposed(row))
    async with world.db.write() as session:
        await session.execute(
            update(Application).where(col(Application.id) == row.id).values(status=Status.ENDED.value)
        )
    await world.room.appeal(row.person, row.id)
    await world.act("both", row, acts.Claim())
    await world.act("both", row, GRANT)
    async with world.db.read() as session:
        [made] = [one for one in await world.desk_decisions(session, row) if one.result is None]
    with pytest.raises(DecidedItBefore):
        await approve(world, row, made.id)


async def test_what_the_citizen_took_back_meanwhile_is_not_decided(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    ready = await world.desk.prepare(world.signed_in("maker"), row.id, REFUSE)
    await world.room.withdraw(row.person, row.id)
    with pytest.raises(ChangedMeanwhile):
        async with world.db.write() as session:
            await world.desk.perform(session, ready)
    assert await world.room.count("desk_decision") == 0


async def test_the_facts_are_read_in_the_officers_name_for_the_applicant(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    await world.act("maker", row, REFUSE)
    asker = world.law.seen[-1].asker
    assert asker is not None
    assert (asker.kind, asker.id, asker.agency) == ("OFFICER", world["maker"].person.hex, "dla")
    assert asker.applicant == row.person


@pytest.mark.parametrize(
    ("reason", "law", "findings"),
    [
        (("", None), REASON[1], None),
        (("ก" * 1_001, None), REASON[1], None),
        (REASON[0], ("x", None), None),
        ((REASON[0][0], "\x00ab cd"), REASON[1], None),
        (("ของ 0123456789012 นี้", None), REASON[1], None),
        (REASON[0], REASON[1], []),
        (REASON[0], REASON[1], {"birth_date": "\x00"}),
        (REASON[0], REASON[1], {"": 1}),
        ((7, None), REASON[1], None),
    ],
)
def test_a_decision_has_words_and_findings_in_form(reason: Any, law: Any, findings: Any) -> None:
    with pytest.raises(BadInput):
        acts.decide(False, reason, law, findings)  # noqa: FBT003 - a word of the law


async def test_nobody_refuses_because_a_register_does_not_answer_at_this_moment(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    world.law.register_down = True
    with pytest.raises(ServiceUnavailable):
        await world.act("maker", row, REFUSE)
    assert await world.room.count("decision") == 0
    world.law.register_down = False
    assert (await world.act("maker", row, REFUSE)).status == Status.REJECTED


async def test_a_proposal_outlives_the_agencys_last_day_and_nothing_else(world: World) -> None:
    row = await world.waiting()
    proposal = await world.proposed(row)
    async with world.db.write() as session:
        found = await world.room.service.steps.locked(session, row.person, row.id)
        await world.room.service.steps.move(session, found, Action.ESCALATE, Who.TIME)
    with pytest.raises(ProposalWaits):
        await world.act("maker", row, GRANT)
    assert (await approve(world, row, proposal)).status == Status.APPROVED
    other = await world.waiting()
    proposal = await world.proposed(other)
    async with world.db.write() as session:
        found = await world.room.service.steps.locked(session, other.person, other.id)
        await world.room.service.steps.move(session, found, Action.SUPPLEMENT, Who.CITIZEN)
        await world.room.service.steps.move(session, found, Action.ESCALATE, Who.TIME)
    with pytest.raises(ChangedMeanwhile):
        await approve(world, other, proposal)
