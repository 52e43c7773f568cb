"""Who acts for a juristic person, and who does not: each of them is refused alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.crypto import SealBroken
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.personal_data import Erasure
from core.text import Text
from identity.juristic.appointing import (
    A_DAY,
    AT_ONCE_MAX,
    DAYS_MAX,
    OF_ONE_A_DAY_MAX,
    PROPOSAL_LASTS,
    PROPOSED_A_DAY_MAX,
    Wish,
)
from identity.juristic.errors import (
    AppointmentDecided,
    NotItsDirector,
    NotItsOfficer,
    PowerMissing,
    ProposerGone,
    SecondDirectorNeeded,
    TooManyAppointments,
    TooManyProposedToday,
)
from identity.juristic.models import JuristicOfficer
from identity.officers.errors import RoleMissing
from identity.personal_data import JURISTIC, personal_data
from identity.proposals.acts import ProposalKind
from identity.proposals.errors import ConcernsYourself
from tests.identity.juristic.conftest import POWERS, Companies, juristic_number
from tests.identity.officers_of_tests import REASON, number
from tests.support.firms import jwks


async def test_two_directors_appoint_and_the_officer_acts_for_that_company_alone(companies: Companies) -> None:
    ours, _ = await companies.enter(1, 10, 11), await companies.enter(2, 12, 13)
    held = await companies.appoint(ours, 20)
    acting = await companies.acting(20, 1)
    assert (acting.juristic, acting.number, acting.person) == (ours, juristic_number(1).digits, held.person)
    with pytest.raises(NotItsOfficer) as of_another:
        await companies.acting(20, 2)
    with pytest.raises(NotItsOfficer) as of_none:
        await companies.acting(20, 3)
    assert of_another.value.fields == of_none.value.fields == {}
    assert "juristic.offered" in await companies.office.told(held.person)


async def test_an_officer_before_one_agency_is_none_before_another(companies: Companies) -> None:
    await companies.appoint(await companies.enter(1, 10, 11), 20)
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1, agency="mhesi")


async def test_an_officer_has_the_powers_given_and_no_other(companies: Companies) -> None:
    await companies.appoint(await companies.enter(1, 10, 11), 20, "file:claims")
    await companies.acting(20, 1, "file:claims")
    with pytest.raises(PowerMissing):
        await companies.acting(20, 1, "report:policies")


async def test_what_was_not_approved_gives_no_right(companies: Companies) -> None:
    await companies.propose(await companies.enter(1, 10, 11), 10, 20)
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)


async def test_a_director_who_was_not_appointed_does_not_act(companies: Companies) -> None:
    await companies.enter(1, 10, 11)
    with pytest.raises(NotItsOfficer):
        await companies.acting(10, 1)


@pytest.mark.parametrize(("by", "reason"), [(10, "REVOKED"), (11, "REVOKED"), (20, "RENOUNCED")])
async def test_an_ended_appointment_is_refused_by_the_next_request(companies: Companies, by: int, reason: str) -> None:
    held = await companies.appoint(await companies.enter(1, 10, 11), 20)
    assert (await companies.end(held, by)).end_reason == reason
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)
    with pytest.raises(AppointmentDecided):
        await companies.end(held, by)


async def test_an_appointment_holds_through_its_last_day_and_not_the_next(companies: Companies) -> None:
    await companies.appoint(await companies.enter(1, 10, 11), 20, days=2)
    companies.office.clock.advance(timedelta(days=1))
    await companies.acting(20, 1)
    companies.office.clock.advance(timedelta(days=1))
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)


async def test_an_appointment_does_not_hold_before_its_first_day(companies: Companies) -> None:
    company, today = await companies.enter(1, 10, 11), companies.today()
    start = today + timedelta(days=1)
    wish = Wish(await companies.person(20), Text(th="นาย", en="Mr"), POWERS, start, start)
    director = await companies.person(10)
    async with companies.office.database.write() as session:
        held = await companies.appointing.propose(session, director, company, wish)
    await companies.accept(await companies.approve(held, 11), 20)
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)
    companies.office.clock.advance(timedelta(days=1))
    await companies.acting(20, 1)


async def test_nobody_loses_what_they_have_today_for_what_they_are_to_have_tomorrow(companies: Companies) -> None:
    company, tomorrow = await companies.enter(1, 10, 11), companies.today() + timedelta(days=1)
    wish = Wish(await companies.person(20), Text(th="นาย", en="Mr"), POWERS, tomorrow, tomorrow)
    director = await companies.person(10)
    async with companies.office.database.write() as session:
        early = await companies.appointing.propose(session, director, company, wish)
    early = await companies.approve(early, 11)
    await companies.appoint(company, 20)
    with pytest.raises(BadInput):
        await companies.accept(early, 20)
    with pytest.raises(BadInput):
        async with companies.office.database.write() as session:
            await companies.appointing.propose(session, director, company, wish)
    await companies.acting(20, 1)
    companies.office.clock.advance(timedelta(days=1))
    await companies.accept(early, 20)
    assert (await companies.acting(20, 1)).appointment == early.id


async def test_who_was_appointed_appoints_nobody(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    await companies.appoint(company, 20)
    with pytest.raises(NotItsDirector):
        await companies.propose(company, 20, 21)
    with pytest.raises(NotItsDirector):
        await companies.approve(await companies.propose(company, 10, 21), 20)


async def test_a_director_of_another_company_is_as_unknown_as_nobody(companies: Companies) -> None:
    company, _ = await companies.enter(1, 10, 11), await companies.enter(2, 12, 13)
    held = await companies.propose(company, 10, 20)
    for stranger in (12, 99):
        with pytest.raises(NotItsDirector):
            await companies.approve(held, stranger)
        with pytest.raises(NotFound):
            await companies.end(held, stranger)


async def test_neither_who_proposed_nor_who_is_appointed_approves(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    own, others = await companies.propose(company, 10, 20), await companies.propose(company, 10, 11)
    with pytest.raises(SecondDirectorNeeded):
        await companies.approve(own, 10)
    with pytest.raises(SecondDirectorNeeded):
        await companies.approve(others, 11)


async def test_a_director_who_was_removed_proposes_approves_and_ends_nothing(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11, 12)
    held, waits = await companies.appoint(company, 20), await companies.propose(company, 10, 21)
    await companies.enter(1, 11, 12)
    with pytest.raises(NotItsDirector):
        await companies.propose(company, 10, 22)
    with pytest.raises(NotFound):
        await companies.end(held, 10)
    with pytest.raises(ProposerGone):
        await companies.approve(waits, 11)
    await companies.acting(20, 1)  # what the company decided stays decided


async def test_a_proposal_that_nobody_approves_in_time_is_over(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    late, in_time = await companies.propose(company, 10, 20), await companies.propose(company, 10, 21)
    companies.office.clock.advance(PROPOSAL_LASTS - timedelta(seconds=1))
    await companies.approve(in_time, 11)
    companies.office.clock.advance(timedelta(seconds=1))
    with pytest.raises(AppointmentDecided):
        await companies.approve(late, 11)


async def test_of_two_approvals_at_once_one_counts(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11, 12)
    held = await companies.propose(company, 10, 20)
    await companies.person(11), await companies.person(12)
    done = await asyncio.gather(companies.approve(held, 11), companies.approve(held, 12), return_exceptions=True)
    assert [type(one) for one in done if isinstance(one, Exception)] == [AppointmentDecided]
    assert (await companies.events(company)).count("APPOINTED") == 1


async def test_of_an_approval_and_an_ending_at_once_the_ending_stays(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    held = await companies.propose(company, 10, 20)
    await companies.person(11)
    await asyncio.gather(companies.approve(held, 11), companies.end(held, 10), return_exceptions=True)
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)


async def test_of_two_appointments_accepted_at_once_one_holds(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    one, other = [await companies.offer(company, 20, power) for power in ("file:claims", "report:policies")]
    await asyncio.gather(companies.accept(one, 20), companies.accept(other, 20))
    async with companies.office.database.read() as session:
        rows = (await session.scalars(select(JuristicOfficer))).all()
    assert sorted(str(row.end_reason) for row in rows) == ["None", "RENEWED"]


async def test_a_company_that_is_struck_off_has_nobody_left(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    held = await companies.appoint(company, 20)
    await companies.do(ProposalKind.JURISTIC_END, {"number": juristic_number(1).digits})
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)
    with pytest.raises(NotItsDirector):
        await companies.propose(company, 10, 21)
    with pytest.raises(NotFound):
        await companies.end(held, 10)
    assert await companies.enter(1, 10, 11) == company, "it may come back"
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)


async def test_two_officers_of_the_agency_appoint_where_no_two_directors_can(companies: Companies) -> None:
    await companies.enter(1, 10)
    given = {
        "number": juristic_number(1).digits, "national_id": number(20).digits, "name_th": "นาย", "name_en": "Mr",
        "powers": ["report:policies"], "until": companies.today().isoformat(),
    }  # fmt: skip
    told = await companies.do(ProposalKind.JURISTIC_OFFICER, given)
    assert (await companies.acting(20, 1)).appointment.hex == told


async def test_an_officer_of_the_agency_does_not_approve_what_is_about_themselves(companies: Companies) -> None:
    await companies.enter(1, 10)
    given = {
        "number": juristic_number(1).digits, "national_id": number(2).digits, "name_th": "นาย", "name_en": "Mr",
        "powers": ["report:policies"], "until": companies.today().isoformat(),
    }  # fmt: skip
    with pytest.raises(ConcernsYourself):
        await companies.do(ProposalKind.JURISTIC_OFFICER, given)
    with pytest.raises(ConcernsYourself):
        await companies.enter(2, 2)


@pytest.mark.parametrize("insider", ["director", "officer"])
async def test_an_officer_of_the_agency_who_is_of_the_company_approves_nothing_about_it(
    companies: Companies, insider: str
) -> None:
    third = await companies.office.officer(3, "oic", "juristic.approve")
    theirs = replace(companies, checker=third)
    if insider == "director":
        await theirs.enter(1, 2, 10)
    else:
        await companies.appoint(await theirs.enter(1, 10, 11), 2)
    bears = {"number": juristic_number(1).digits}
    named = {"name_th": "นาย", "name_en": "Mr"}
    appointed = {"national_id": number(20).digits, "powers": ["file:claims"], "until": companies.today().isoformat()}
    with pytest.raises(ConcernsYourself):
        await companies.enter(1, 10)
    for kind, given in (
        (ProposalKind.JURISTIC_OFFICER, bears | named | appointed),
        (ProposalKind.JURISTIC_CLIENT, bears | named | {"jwks": jwks()}),
        (ProposalKind.JURISTIC_END, bears),
    ):
        with pytest.raises(ConcernsYourself):
            await companies.do(kind, given)
    await theirs.do(ProposalKind.JURISTIC_END, bears)


async def test_one_officer_of_the_agency_ends_an_appointment_and_one_of_another_agency_does_not(
    companies: Companies,
) -> None:
    held = await companies.appoint(await companies.enter(1, 10, 11), 20)
    other = await companies.office.officer(3, "mhesi", "juristic.propose")
    without = await companies.office.officer(4, "oic", "clients.propose")
    for officer, error in ((other, NotFound), (without, RoleMissing)):
        with pytest.raises(error):
            async with companies.office.database.write() as session:
                await companies.appointing.end_by_agency(session, officer, held.id, REASON)
    async with companies.office.database.write() as session:
        await companies.appointing.end_by_agency(session, companies.maker, held.id, REASON)
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)
    assert "juristic.ended" in await companies.office.told(held.person)


async def test_agencies_keep_registers_of_their_own(companies: Companies) -> None:
    ours = await companies.enter(1, 10, 11)
    office, roles = companies.office, ("juristic.propose", "juristic.approve")
    universities = Companies(
        office, await office.officer(5, "mhesi", *roles), await office.officer(6, "mhesi", *roles), "mhesi"
    )
    theirs = await universities.enter(1, 12, 13)
    assert ours != theirs
    with pytest.raises(NotItsDirector):
        await companies.propose(ours, 12, 20)


@pytest.mark.parametrize(
    "powers",
    [("Report:policies",), ("report",), ("report:",), ("r:p",), tuple(f"report:{'x' * n}" for n in range(1, 22))],
)
async def test_powers_of_another_form_are_refused(companies: Companies, powers: Sequence[str]) -> None:
    company = await companies.enter(1, 10, 11)
    with pytest.raises(BadInput):
        await companies.propose(company, 10, 20, *powers)


@pytest.mark.parametrize(("days", "is_taken"), [(0, False), (1, True), (DAYS_MAX, True), (DAYS_MAX + 1, False)])
async def test_an_appointment_lasts_a_day_at_least_and_three_years_at_most(
    companies: Companies, days: int, is_taken: bool
) -> None:
    company = await companies.enter(1, 10, 11)
    try:
        await companies.propose(company, 10, 20, days=days)
    except BadInput:
        assert not is_taken
    else:
        assert is_taken


async def test_a_company_has_so_many_appointments_and_no_more(companies: Companies) -> None:
    company, person = await companies.enter(1, 10, 11), await companies.person(10)
    wish = Wish(await companies.person(20), Text(th="นาย", en="Mr"), POWERS, companies.today())
    async with companies.office.database.write() as session:
        held = await companies.appointing.propose(session, person, company, wish)
        for _ in range(AT_ONCE_MAX - 1):
            row = held.model_dump(exclude={"id"})
            session.add(JuristicOfficer(**row, id=new_id()))
        await session.flush()
        with pytest.raises(TooManyAppointments):
            await companies.appointing.propose(session, person, company, wish)


async def test_the_same_person_is_proposed_three_times_a_day_though_each_was_ended(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    for _ in range(OF_ONE_A_DAY_MAX):
        await companies.end(await companies.propose(company, 10, 20), 10)
    with pytest.raises(TooManyProposedToday):
        await companies.propose(company, 11, 20)
    other = await companies.enter(2, 10, 11)
    for free, who in ((company, 21), (other, 20)):
        await companies.propose(free, 10, who)
    companies.office.clock.advance(A_DAY)
    await companies.propose(company, 10, 20)


async def test_a_company_proposes_so_many_a_day_and_no_more(companies: Companies) -> None:
    company, person = await companies.enter(1, 10, 11), await companies.person(10)
    held = await companies.propose(company, 10, 20)
    async with companies.office.database.write() as session:
        for _ in range(PROPOSED_A_DAY_MAX - 2):
            more = {"id": new_id(), "person": new_id(), "ended_at": held.proposed_at}
            session.add(JuristicOfficer(**{**held.model_dump(), **more}))
    await companies.propose(company, 10, 21)
    with pytest.raises(TooManyProposedToday):
        await companies.propose(company, 10, 22)
    wish = Wish(person=new_id(), name=Text(th="นาย", en="Mr"), powers=POWERS, until=companies.today())
    async with companies.office.database.write() as session:  # two officers of the agency are not bound by it
        row = await companies.register.get(session, company)
        assert row is not None
        await companies.appointing.appoint(session, row, wish, maker=new_id(), checker=person)


async def test_who_leaves_directs_and_serves_nobody(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    held = await companies.appoint(company, 20)
    office = companies.office
    stores = personal_data(office.keys, office.clock, office.delegations)
    [store] = [one for one in stores if one.about is JURISTIC]
    for person in (held.person, await companies.person(10)):
        async with office.database.write() as session:
            erasure = Erasure(person, office.at())
            await store.prepare(session, erasure)
            await store.erase(session, erasure)
    with pytest.raises(NotItsOfficer):
        await companies.acting(20, 1)
    with pytest.raises(NotItsDirector):
        await companies.propose(company, 10, 21)
    assert (await companies.events(company))[-2:] == ["APPOINTMENT_ENDED", "DIRECTOR_ENDED"]


async def test_the_trail_tells_who_did_what_in_whose_name(companies: Companies) -> None:
    company = await companies.enter(1, 10, 11)
    held = await companies.appoint(company, 20)
    acting = await companies.acting(20, 1)
    async with companies.office.database.write() as session:
        companies.register.note_act(session, acting, "oic/policies")
    await companies.end(held, 11)
    async with companies.office.database.read() as session:
        rows = list(reversed(await companies.register.events(session, company)))
    assert [row.kind for row in rows] == [
        "REGISTERED", "DIRECTOR_ENTERED", "DIRECTOR_ENTERED", "APPOINTMENT_PROPOSED", "APPOINTED", "ACCEPTED", "ACTED",
        "APPOINTMENT_ENDED",
    ]  # fmt: skip
    told = {row.kind: (row.by, row.by_officer_of, row.note) for row in rows}
    assert told["REGISTERED"] == (companies.checker.person.hex, "oic", "")
    assert told["APPOINTED"] == ((await companies.person(11)).hex, None, " ".join(POWERS))
    assert told["ACTED"] == (held.person.hex, None, "oic/policies")


async def test_a_name_is_sealed_to_its_row(companies: Companies) -> None:
    held = await companies.appoint(await companies.enter(1, 10, 11), 20)
    assert companies.appointing.name(held) == Text(th="นาย 20", en="Mr 20")
    with pytest.raises(SealBroken):
        companies.appointing.name(JuristicOfficer(**{**held.model_dump(), "id": held.juristic}))
