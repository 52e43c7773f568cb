"""An officer lets somebody in: codes that work once, for ten minutes, for the right person."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.assurance import StepUpRequired
from core.crypto import SealBroken
from core.errors import BadInput
from core.ids import NationalId
from core.text import Text
from identity.counter.codes import new_code
from identity.counter.errors import CounterCodeWrong, NotForAnOfficer, NotForYourself, NotSeen
from identity.counter.service import Admitted, Counter, Issued
from identity.officers.errors import NotAnOfficer, RoleMissing, RoleNotForAgency
from identity.officers.register import Officer
from tests.identity.officers_of_tests import THAID, WEAK, Office, number

MIGRANT = number(70, 6)
NAME = Text(th="ออง ซาน", en="Aung San")


async def clerk(office: Office, running: int = 1) -> Officer:
    return office.signed_in(await office.officer(running, "dopa", "identity.counter"), THAID)


async def issue(
    office: Office, counter: Counter, officer: Officer, who: NationalId = MIGRANT, name: Text = NAME, saw: bool = True
) -> Issued:
    async with office.database.write() as session:
        return await counter.issue(session, officer, who, name, saw_person=saw)


async def redeem(office: Office, counter: Counter, code: str) -> Admitted:
    async with office.database.write() as session:
        return await counter.redeem(session, code)


@pytest.mark.parametrize("person_type", range(9))
async def test_people_of_every_type_are_let_in(office: Office, counter: Counter, person_type: int) -> None:
    officer, who = await clerk(office), number(70, person_type)
    issued = await issue(office, counter, officer, who)
    admitted = await redeem(office, counter, issued.code)
    assert (admitted.name, admitted.officer, admitted.agency) == (NAME, officer.person, "dopa")
    assert admitted.person == await office.person(who)
    assert issued.expires_at == office.at() + timedelta(seconds=600)


async def test_both_steps_are_in_the_trail_under_the_officer(office: Office, counter: Counter) -> None:
    officer = await clerk(office)
    admitted = await redeem(office, counter, (await issue(office, counter, officer)).code)
    assert [(kind, by) for kind, by, _ in await office.acts("dopa")] == [
        ("COUNTER_CODE_MADE", officer.person.hex),
        ("COUNTER_CODE_USED", officer.person.hex),
    ]
    async with office.database.read() as session:
        assert {act.subject for act in await office.trail.of(session, officer.person)} == {admitted.person}


async def test_a_code_works_once(office: Office, counter: Counter) -> None:
    issued = await issue(office, counter, await clerk(office))
    await redeem(office, counter, issued.code)
    with pytest.raises(CounterCodeWrong):
        await redeem(office, counter, issued.code)


async def test_of_fifty_at_once_one_is_let_in(office: Office, counter: Counter) -> None:
    issued = await issue(office, counter, await clerk(office))
    outcomes = await asyncio.gather(*(redeem(office, counter, issued.code) for _ in range(50)), return_exceptions=True)
    assert [type(one) for one in outcomes].count(Admitted) == 1
    assert {type(one) for one in outcomes} == {Admitted, CounterCodeWrong}
    assert len(await office.acts("dopa")) == 2


async def test_a_code_is_good_for_ten_minutes(office: Office, counter: Counter) -> None:
    officer = await clerk(office)
    first = await issue(office, counter, officer, number(71))
    second = await issue(office, counter, officer, number(72))
    office.clock.advance(timedelta(seconds=599))
    await redeem(office, counter, first.code)
    office.clock.advance(timedelta(seconds=1))
    with pytest.raises(CounterCodeWrong):
        await redeem(office, counter, second.code)


async def test_another_code_for_the_same_person_replaces_the_first(office: Office, counter: Counter) -> None:
    officer = await clerk(office)
    first, second = await issue(office, counter, officer), await issue(office, counter, officer)
    with pytest.raises(CounterCodeWrong):
        await redeem(office, counter, first.code)
    await redeem(office, counter, second.code)


@pytest.mark.parametrize("typed", ["", "7K3QX", "a" * 5_000, "\x00", "๑๒๓๔๕-๖๗๘๙๐"])
async def test_what_is_no_code_answers_as_a_wrong_one(office: Office, counter: Counter, typed: str) -> None:
    await issue(office, counter, await clerk(office))
    for wrong in (typed, new_code()):
        with pytest.raises(CounterCodeWrong) as caught:
            await redeem(office, counter, wrong)
        assert caught.value.fields == {}


async def test_codes_of_an_officer_who_was_ended_let_nobody_in(office: Office, counter: Counter) -> None:
    officer = await clerk(office)
    issued = await issue(office, counter, officer)
    await office.end(officer)
    with pytest.raises(CounterCodeWrong):
        await redeem(office, counter, issued.code)


async def test_nor_of_one_whose_role_was_taken(office: Office, counter: Counter) -> None:
    issued = await issue(office, counter, await clerk(office))
    await office.officer(1, "dopa", "pay.plan")
    with pytest.raises(CounterCodeWrong):
        await redeem(office, counter, issued.code)


async def test_the_counter_takes_its_role_and_the_role_its_agency(office: Office, counter: Counter) -> None:
    other = office.signed_in(await office.officer(2, "dopa", "identity.propose"), THAID)
    with pytest.raises(RoleMissing):
        await issue(office, counter, other)
    with pytest.raises(RoleNotForAgency):
        await office.officer(3, "oic", "identity.counter")
    ended = await clerk(office)
    await office.end(ended)
    with pytest.raises(NotAnOfficer):
        await issue(office, counter, ended)


async def test_an_officer_whom_a_counter_let_in_lets_nobody_in(office: Office, counter: Counter) -> None:
    officer = office.signed_in(await clerk(office), WEAK)
    with pytest.raises(StepUpRequired):
        await issue(office, counter, officer)


async def test_an_officer_says_that_they_saw_the_person(office: Office, counter: Counter) -> None:
    with pytest.raises(NotSeen):
        await issue(office, counter, await clerk(office), saw=False)
    assert await office.acts("dopa") == []


async def test_an_officer_lets_nobody_in_as_themself(office: Office, counter: Counter) -> None:
    with pytest.raises(NotForYourself):
        await issue(office, counter, await clerk(office), number(1))


@pytest.mark.parametrize("name", [Text("", ""), Text(" ", "\n"), Text("ก" * 201, ""), Text("", "a\x07")])
async def test_a_name_is_needed(office: Office, counter: Counter, name: Text) -> None:
    with pytest.raises(BadInput):
        await issue(office, counter, await clerk(office), name=name)


@pytest.mark.parametrize(
    ("given", "kept"), [(Text("", "Aung"), Text("Aung", "Aung")), (Text("ก  ข", ""), Text("ก ข", "ก ข"))]
)
async def test_a_name_in_one_script_stands_for_both(office: Office, counter: Counter, given: Text, kept: Text) -> None:
    issued = await issue(office, counter, await clerk(office), name=given)
    assert (await redeem(office, counter, issued.code)).name == kept


async def test_the_table_holds_neither_code_nor_name_nor_number(office: Office, counter: Counter) -> None:
    issued = await issue(office, counter, await clerk(office))
    async with office.database.read() as session:
        row = (await session.execute(text("SELECT * FROM counter_code"))).one()
    kept = b"".join(str(v).encode() + (bytes(v) if isinstance(v, bytes | memoryview) else b"") for v in row)
    for secret in (issued.code, issued.code.replace("-", ""), NAME.th, NAME.en, MIGRANT.digits):
        assert secret.encode() not in kept


async def test_a_name_moved_to_another_code_does_not_open(office: Office, counter: Counter) -> None:
    officer = await clerk(office)
    one = await issue(office, counter, officer, number(71))
    await issue(office, counter, officer, number(72), Text("ผู้อื่น", "Other"))
    async with office.database.write() as session:
        await session.execute(
            text(
                "UPDATE counter_code SET name_sealed = (SELECT other.name_sealed FROM counter_code other"
                " WHERE other.person <> counter_code.person)"
            )
        )
    with pytest.raises(SealBroken):
        await redeem(office, counter, one.code)


async def test_nobody_is_let_in_as_an_officer(office: Office, counter: Counter) -> None:
    """An officer of the counter who came in as a colleague, and added a passkey, would be maker and checker."""
    officer = await clerk(office)
    await office.officer(2, "dla", "pay.plan")
    with pytest.raises(NotForAnOfficer):
        await issue(office, counter, officer, number(2))
    assert await office.acts("dopa") == []


async def test_whoever_was_an_officer_is_let_in_again(office: Office, counter: Counter) -> None:
    former = await office.officer(2, "dla", "pay.plan")
    await office.end(former)
    admitted = await redeem(office, counter, (await issue(office, counter, await clerk(office), number(2))).code)
    assert admitted.person == former.person


async def test_a_code_from_before_somebody_became_an_officer_is_good_no_more(office: Office, counter: Counter) -> None:
    issued = await issue(office, counter, await clerk(office), number(2))
    await office.officer(2, "dla", "pay.plan")
    with pytest.raises(CounterCodeWrong):
        await redeem(office, counter, issued.code)
