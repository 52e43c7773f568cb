"""Two officers have a whole population looked at: through the gate, once each, for as long as they said."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from core.errors import BadInput, NotFound
from identity.officers.errors import RoleMissing
from identity.proposals.errors import MakerIsChecker
from services.exchange.bulk.errors import BulkRefused
from services.exchange.bulk.models import BulkMember
from tests.welfare.determination.populations import ALL, LOW_INCOME, OLD_AGE, RESIDENT, Land
from welfare.determination.acts import asker_of
from welfare.determination.errors import NotCovered, NotForEverybody, NotYourProgramme, RunGone
from welfare.determination.models import DeterminationRun
from welfare.programmes import ProgrammeUnknown

pytestmark = pytest.mark.fakeredis_only


async def test_the_answers_are_those_of_one_citizen_at_a_time(land: Land) -> None:
    await land.populate(300)
    run = await land.decided()
    await land.determinations.run(run, chunk=37)
    assert await land.answers(run) == land.single()
    row = await land.row(run)
    assert (row.state, row.people, row.decided_on) == ("DECIDED", len(land.people), land.clock.today())
    assert row.evaluated == dict.fromkeys(ALL, len(land.people))


async def test_everybody_finds_the_look_in_the_access_log_with_its_purpose(land: Land) -> None:
    await land.populate(20)
    run = await land.decided()
    assert not any(one.asked for one in land.sources.values())
    await land.determinations.run(run)
    for person in land.people:
        [entry] = await land.exchange.entries(person)
        assert (entry.purpose, entry.request, entry.asker_agency) == ("welfare-register", run, "dla")
        assert "annual_income" in entry.attributes


async def test_who_has_applied_for_all_is_not_looked_at(land: Land) -> None:
    await land.populate(12)
    both, one, *_ = land.people
    for slug in (LOW_INCOME, RESIDENT):
        await land.applies(both, slug)
    await land.applies(one, LOW_INCOME, "APPROVED")
    run = await land.decided(programmes=[LOW_INCOME, RESIDENT], population="NOT_APPLIED")
    await land.determinations.run(run)
    assert await land.exchange.entries(both) == []
    assert len(await land.exchange.entries(one)) == 1
    shown = await land.determinations.show("dla", run)
    answers = await land.answers(run)
    entitled: dict[str, set[UUID]] = {LOW_INCOME: set(), RESIDENT: set()}
    for (person, slug), outcome in answers.items():
        entitled[slug] |= {person} if outcome == "MET" else set()
    assert shown.people == len(land.people) - 1
    assert shown.entitled == {slug: len(people) for slug, people in entitled.items()}
    assert shown.not_applied == {LOW_INCOME: len(entitled[LOW_INCOME] - {one}), RESIDENT: len(entitled[RESIDENT])}


async def test_the_maker_cannot_approve_and_roles_are_needed(land: Land) -> None:
    maker = await land.office.officer(1, "dla", "bulk.propose", "bulk.approve")
    nobody = await land.office.officer(3, "dla", "pay.plan")
    proposal = await land.propose(maker)
    with pytest.raises(MakerIsChecker):
        async with land.database.write() as session:
            await land.proposals.approve(session, maker, proposal)
    with pytest.raises(RoleMissing):
        async with land.database.write() as session:
            await land.proposals.approve(session, nobody, proposal)
    with pytest.raises(RoleMissing):
        await land.propose(nobody)
    with pytest.raises(NotFound):
        await land.determinations.run(proposal)
    async with land.database.read() as session:
        assert (await session.scalars(select(DeterminationRun))).all() == []


async def test_the_checker_reads_what_would_be_read_and_on_which_agreements(land: Land) -> None:
    maker, checker = await land.officers()
    proposal = await land.propose(maker, tell=True)
    async with land.database.read() as session:
        lines = {label.en: value for label, value in (await land.proposals.show(session, checker, proposal)).lines}
    assert lines["programmes"] == "low-income, old-age-allowance, resident"
    assert "annual_income, birth_date, deceased" in lines["facts read of each"]
    assert lines["agreements it rests on"] == (
        "welfare-civil-registry-dla:1, welfare-revenue-dla:1, welfare-treasury-dla:1"
    )
    assert lines["people who are newly entitled are told"] == "yes"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"programmes": ["of-another"]}, NotYourProgramme),
        ({"programmes": ["aids-allowance"]}, NotForEverybody),
        ({"programmes": ["of-their-own-word"]}, NotCovered),
        ({"programmes": ["nothing"]}, ProgrammeUnknown),
        ({"programmes": []}, BadInput),
        ({"purpose": "welfare-decision"}, BadInput),
        ({"purpose": "welfare-rule-making"}, BadInput),
        ({"population": "NEIGHBOURS"}, BadInput),
        ({"keep_days": 0}, BadInput),
        ({"keep_days": 91}, BadInput),
        ({"file": "programme: x"}, BadInput),
        ({"file": 1}, BadInput),
        ({"more": 1}, BadInput),
    ],
)
async def test_what_may_not_be_found_out_is_not_even_proposed(land: Land, given: dict[str, Any], error: Any) -> None:
    maker, _ = await land.officers()
    with pytest.raises(error):
        await land.propose(maker, **given)


async def test_an_agency_without_an_agreement_finds_nothing_out(land: Land) -> None:
    purpose = land.exchange.catalogue.purposes["welfare-register"].purpose
    with pytest.raises(BulkRefused):
        await land.exchange.gate.bulk.check(["annual_income"], asker=asker_of("nhso"), purpose=purpose)
    assert await land.exchange.gate.bulk.check(["annual_income"], asker=asker_of("dla"), purpose=purpose)


@pytest.mark.parametrize("where", range(6))
async def test_killed_at_any_step_it_goes_on_and_everybody_is_decided_once(
    land: Land, monkeypatch: pytest.MonkeyPatch, where: int
) -> None:
    """Each step that writes is one transaction; the process dies before the commit of the `where`-th of them."""
    await land.populate(60)
    run = await land.decided(tell=True)
    written, real = 0, land.database.write

    class Killed(BaseException):
        pass

    class Dying:
        def __init__(self) -> None:
            self._whole = real()

        async def __aenter__(self) -> Any:
            return await self._whole.__aenter__()

        async def __aexit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> Any:
            nonlocal written
            written += 1
            if written == steps and kind is None:
                await self._whole.__aexit__(Killed, Killed(), None)
                raise Killed
            return await self._whole.__aexit__(kind, error, trace)

    steps = (1, 2, 5, 6, 8, 10)[where]
    monkeypatch.setattr(land.database, "write", Dying)
    with pytest.raises(Killed):
        await land.determinations.run(run, chunk=13)
    monkeypatch.setattr(land.database, "write", real)
    land.clock.advance(timedelta(minutes=3))  # for which the dead worker has the reading
    land.again()
    await land.determinations.run(run, chunk=13)
    assert await land.answers(run) == land.single()
    row = await land.row(run)
    assert (row.state, row.people) == ("DECIDED", len(land.people))
    assert row.evaluated == dict.fromkeys(ALL, len(land.people))


async def test_several_workers_decide_everybody_once(land: Land) -> None:
    await land.populate(80)
    run = await land.decided(tell=True)
    await land.determinations._read(await land.row(run))
    today = land.clock.today()
    await asyncio.gather(*(land.determinations._decide(run, today, 7) for _ in range(4)))
    assert await land.answers(run) == land.single()
    assert (await land.row(run)).evaluated == dict.fromkeys(ALL, len(land.people))


async def test_everything_goes_on_its_day_and_not_before(land: Land) -> None:
    await land.populate(10)
    run = await land.decided(keep_days=5, tell=True)
    await land.determinations.run(run)
    land.clock.advance(timedelta(days=5) - timedelta(seconds=1))
    assert await land.determinations.delete_due() == 0
    assert await land.exchange.gate.bulk.delete_due() == 0
    kept = len(await land.answers(run))
    assert kept
    land.clock.advance(timedelta(seconds=1))
    with pytest.raises(RunGone):
        await land.determinations.run(run)
    assert await land.determinations.delete_due() == kept
    assert await land.exchange.gate.bulk.delete_due() == len(land.people)
    assert (await land.row(run)).state == "DELETED"
    assert await land.answers(run) == {}
    async with land.database.read() as session:
        assert (await session.scalars(select(BulkMember))).all() == []
    assert await land.determinations.delete_due() == 0


async def test_only_the_agency_sees_what_came_of_it(land: Land) -> None:
    run = await land.decided()
    with pytest.raises(NotFound):
        await land.determinations.show("cgd", run)
    assert [row.id for row in await land.determinations.of_agency("dla")] == [run]
    assert await land.determinations.of_agency("cgd") == []


async def test_a_silent_source_makes_nobody_ineligible(land: Land) -> None:
    await land.populate(15)
    land.exchange.dopa.breaks()
    run = await land.decided(programmes=[OLD_AGE])
    await land.determinations.run(run)
    assert all(outcome == "UNKNOWN" for outcome in (await land.answers(run)).values())
