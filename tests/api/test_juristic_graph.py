"""Directors and officers of juristic persons in the graph: by real tokens, over the whole application."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select
from sqlmodel import col

from core.ids import NationalId, new_id
from identity.inbox.models import Message
from identity.juristic.companies import DepartmentOfBusinessDevelopment
from identity.juristic.errors import NotItsOfficer
from identity.juristic.models import JuristicOfficer
from identity.juristic.numbers import JuristicNumber
from identity.people import PeopleRegister
from services.sandbox.companies import company_number, entries
from services.sandbox.population.personas import persona
from tests.support.acting import act, delegated
from tests.support.app import Served
from tests.support.firms import MANAGE, POWER, Firm, jwks

MINE: Final = (
    "{ viewer { juristicPersons { id number title directedByMe signedByMe signatures asOf"
    " directors { name isMe signs } appointments { id name nationalIdEnding status powers isMine endReason }"
    " systems { client name keys { kid alg } } history(first: 200) { kind by name about note } } } }"
)
DIRECTORS: Final = ("graduate", "official")


async def seen(sitthi: Served, who: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sitthi.graph(MINE, persona=who))["viewer"]["juristicPersons"]
    return found


async def codes(sitthi: Served, field: str, who: str, **given: Any) -> list[str]:
    thing = "system { client }" if "System" in field else "appointment { id }"
    if field.startswith("find"):
        thing = "juristicPerson { id }"
    return [one["code"] for one in (await sitthi.do(field, thing, who, **given))["problems"]]


async def _key(sitthi: Served, who: str) -> UUID:
    return (await sitthi.house.identity.verifier.verify(await sitthi.token(who))).person


async def told(sitthi: Served, who: str) -> list[str]:
    person = await _key(sitthi, who)
    async with sitthi.house.db.read() as session:
        query = select(col(Message.template)).where(col(Message.person) == person).order_by(col(Message.id))
        return [one for one in await session.scalars(query) if one.startswith("juristic.")]


async def rewrite(sitthi: Served, running: int, **changed: Any) -> None:
    """The register of companies says something else from now on."""
    number = company_number(running)
    entry = {**entries()[number], **changed}
    answer = await sitthi.http.post("/sandbox/dbd/_company", json=entry)
    assert answer.status_code == 200, answer.text


async def acts(sitthi: Served, firm: Firm, who: str, power: str = POWER) -> bool:
    person = await _key(sitthi, who)
    try:
        async with sitthi.house.db.read() as session:
            await sitthi.house.identity.office.juristic.acting_for(session, person, firm.key, power)
    except NotItsOfficer:
        return False
    return True


async def test_two_directors_appoint_the_officer_accepts_and_each_sees_what_is_theirs(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    proposed = await firm.propose("graduate", "worker", POWER, MANAGE)
    assert await seen(sitthi, "worker") == [], "nobody is told before the company has decided"
    [of_other] = await seen(sitthi, "official")
    assert [one["status"] for one in of_other["appointments"]] == ["PROPOSED"]
    [ending] = [one["nationalIdEnding"] for one in of_other["appointments"]]
    assert ending == persona("worker").national_id[-4:], "whoever approves knows whom, whatever name is written"
    await firm.approve("official", proposed)
    assert not await acts(sitthi, firm, "worker"), "not before they accept"
    [offered] = await seen(sitthi, "worker")
    assert (offered["directedByMe"], offered["directors"], offered["systems"]) == (False, [], [])
    assert [one["status"] for one in offered["appointments"]] == ["OFFERED"]
    await firm.accept("worker", proposed)
    assert await acts(sitthi, firm, "worker")
    [of_director] = await seen(sitthi, "graduate")
    steps = [(one["kind"], one["by"]) for one in of_director["history"]]
    assert steps == [
        ("ACCEPTED", "OFFICER"), ("APPOINTED", "DIRECTOR"), ("APPOINTMENT_PROPOSED", "DIRECTOR"),
        ("DIRECTOR_ENTERED", "AGENCY"), ("DIRECTOR_ENTERED", "AGENCY"), ("REGISTERED", "AGENCY"),
    ]  # fmt: skip
    [of_officer] = await seen(sitthi, "worker")
    assert [one["kind"] for one in of_officer["history"]] == ["ACCEPTED", "APPOINTED", "APPOINTMENT_PROPOSED"]
    assert {one["about"] for one in of_officer["history"]} == {persona("worker").name.en}
    assert await told(sitthi, "worker") == ["juristic.offered"]
    assert await told(sitthi, "official") == ["juristic.director", "juristic.proposed", "juristic.accepted"]
    assert await told(sitthi, "graduate") == ["juristic.director", "juristic.approved", "juristic.accepted"]


async def test_only_whom_it_concerns_decides_and_strangers_learn_nothing(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    proposed = await firm.propose("graduate", "worker")
    given = {"appointment": proposed}
    assert await codes(sitthi, "approveJuristicOfficer", "graduate", **given) == ["SECOND_DIRECTOR_NEEDED"]
    for field in ("approveJuristicOfficer", "acceptJuristicOfficer", "endJuristicOfficer"):
        assert await codes(sitthi, field, "worker", **given) == ["NOT_FOUND"], "who is not yet asked"
        assert await codes(sitthi, field, "elder", **given) == ["NOT_FOUND"]
    assert await codes(sitthi, "proposeJuristicOfficer", "elder", **firm.wish("worker")) == ["NOT_ITS_DIRECTOR"]
    await firm.approve("official", proposed)
    assert await codes(sitthi, "acceptJuristicOfficer", "graduate", **given) == ["NOT_FOUND"], "a director for them"
    assert await codes(sitthi, "acceptJuristicOfficer", "elder", **given) == ["NOT_FOUND"]
    assert await codes(sitthi, "proposeJuristicOfficer", "worker", **firm.wish("elder")) == ["NOT_ITS_DIRECTOR"]
    assert not await acts(sitthi, firm, "worker")


@pytest.mark.parametrize(("who", "reason"), [("official", "REVOKED"), ("worker", "RENOUNCED")])
async def test_it_ends_by_either_side_at_once_and_both_see_who_ended_it(sitthi: Served, who: str, reason: str) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    held = await firm.appoint(DIRECTORS, "worker")
    assert await codes(sitthi, "endJuristicOfficer", who, appointment=held) == []
    assert not await acts(sitthi, firm, "worker")
    [of_director] = await seen(sitthi, "graduate")
    assert [one["endReason"] for one in of_director["appointments"]] == [reason]
    assert of_director["history"][0]["kind"] == "APPOINTMENT_ENDED"
    assert await codes(sitthi, "endJuristicOfficer", who, appointment=held) == ["APPOINTMENT_DECIDED"]
    assert "juristic.officer-ended" in await told(sitthi, "graduate")


async def test_an_offer_that_is_declined_or_not_answered_in_time_holds_nothing(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    declined = await firm.approve("official", await firm.propose("graduate", "worker"))
    late = await firm.approve("official", await firm.propose("graduate", "worker", "file:claims"))
    assert await codes(sitthi, "endJuristicOfficer", "worker", appointment=declined) == []
    sitthi.clock.advance(timedelta(days=7))
    sitthi.forget_tokens()
    assert await codes(sitthi, "acceptJuristicOfficer", "worker", appointment=late) == ["APPOINTMENT_DECIDED"]
    assert await seen(sitthi, "worker") == []
    [of_director] = await seen(sitthi, "graduate")
    assert [(one["status"], one["endReason"]) for one in of_director["appointments"]] == [
        ("ENDED", None), ("ENDED", "DECLINED"),
    ]  # fmt: skip


async def test_a_sign_in_that_is_not_fresh_gives_nobody_a_right_and_ends_one(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    held = await firm.appoint(DIRECTORS, "worker", MANAGE)
    sitthi.clock.advance(timedelta(minutes=15, seconds=1))
    for field, who, given in (
        ("proposeJuristicOfficer", "graduate", firm.wish("elder")),
        ("approveJuristicOfficer", "graduate", {"appointment": held}),
        ("acceptJuristicOfficer", "worker", {"appointment": held}),
        ("findJuristicPerson", "worker", {"number": company_number(1)}),
        ("addJuristicSystem", "worker", {"juristicPerson": firm.id, "nameTh": "ก", "nameEn": "A", "jwks": jwks()}),
    ):
        assert await codes(sitthi, field, who, **given) == ["STEP_UP_REQUIRED"], field
    assert await codes(sitthi, "endJuristicOfficer", "graduate", appointment=held) == []


async def test_who_acts_for_a_citizen_sees_and_does_nothing_of_it(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter("elder", "official")
    acting = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker"))
    answer = (await sitthi.post("{ viewer { juristicPersons { id } } }", persona=acting)).json()
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["NOT_DELEGATED"]
    assert await codes(sitthi, "proposeJuristicOfficer", acting, **firm.wish("graduate")) == ["NOT_DELEGATED"]


async def test_a_director_is_found_by_the_register_of_companies_and_nobody_else(sitthi: Served) -> None:
    firm = await Firm(sitthi, 1).enter()
    given = {"number": firm.number.digits}
    assert await codes(sitthi, "findJuristicPerson", "elder", **given) == ["NOT_ITS_DIRECTOR"]
    assert await codes(sitthi, "findJuristicPerson", "elder", number=company_number(77)) == ["NOT_ITS_DIRECTOR"]
    assert await codes(sitthi, "findJuristicPerson", "worker", **given) == []
    [mine] = await seen(sitthi, "worker")
    assert (mine["signatures"], mine["signedByMe"]) == (2, True)
    assert mine["title"] == "Suphakon Insurance Plc."
    assert mine["asOf"] is not None
    assert mine["directors"] == [{"name": persona("worker").name.en, "isMe": True, "signs": True}], "who is here"


async def test_a_director_who_left_the_register_does_nothing_more_and_who_was_appointed_stays(sitthi: Served) -> None:
    firm, given = await Firm(sitthi, 1).enter(), {"number": company_number(1)}
    for who in ("worker", "graduate", "official"):
        assert await codes(sitthi, "findJuristicPerson", who, **given) == []
    await firm.appoint(("worker", "graduate"), "elder")
    waits = await firm.propose("worker", "disabled-adult")
    others = [one for one in entries()[firm.number.digits]["directors"] if one["pid"] != persona("worker").national_id]
    await rewrite(sitthi, 1, directors=others)
    assert await codes(sitthi, "proposeJuristicOfficer", "worker", **firm.wish("minor")) == ["NOT_ITS_DIRECTOR"]
    assert await seen(sitthi, "worker") == []
    assert (await told(sitthi, "worker"))[-1] == "juristic.director-ended"
    assert await codes(sitthi, "approveJuristicOfficer", "graduate", appointment=waits) == ["PROPOSER_GONE"]
    assert await acts(sitthi, firm, "elder"), "the company appointed them, not who signed for it"


async def test_a_director_who_left_the_register_ends_nothing_and_no_system(sitthi: Served) -> None:
    firm, given = await Firm(sitthi, 1).enter(), {"number": company_number(1)}
    for who in ("worker", "graduate"):
        assert await codes(sitthi, "findJuristicPerson", who, **given) == []
    held = await firm.appoint(("worker", "graduate"), "elder", MANAGE)
    made = await sitthi.do(
        "addJuristicSystem", "system { client }", "elder",
        juristicPerson=firm.id, nameTh="ก", nameEn="A", jwks=jwks(),
    )  # fmt: skip
    system = {"juristicPerson": firm.id, "client": made["system"]["client"]}
    others = [one for one in entries()[firm.number.digits]["directors"] if one["pid"] != persona("worker").national_id]
    await rewrite(sitthi, 1, directors=others)
    assert await codes(sitthi, "endJuristicSystem", "worker", **system) == ["NOT_FOUND"]
    await rewrite(sitthi, 1)
    assert await codes(sitthi, "findJuristicPerson", "worker", **given) == []
    await rewrite(sitthi, 1, directors=others)
    assert await codes(sitthi, "endJuristicOfficer", "worker", appointment=held) == ["NOT_FOUND"]
    assert await acts(sitthi, firm, "elder", MANAGE)
    assert await codes(sitthi, "endJuristicSystem", "graduate", **system) == []
    assert await codes(sitthi, "endJuristicOfficer", "graduate", appointment=held) == []


async def test_the_proposer_who_left_is_noticed_when_another_director_approves(sitthi: Served) -> None:
    firm, given = await Firm(sitthi, 1).enter(), {"number": company_number(1)}
    for who in ("worker", "graduate"):
        assert await codes(sitthi, "findJuristicPerson", who, **given) == []
    waits = await firm.propose("worker", "elder")
    others = [one for one in entries()[firm.number.digits]["directors"] if one["pid"] != persona("worker").national_id]
    await rewrite(sitthi, 1, directors=others)
    assert await codes(sitthi, "approveJuristicOfficer", "graduate", appointment=waits) == ["PROPOSER_GONE"]


async def test_a_director_who_does_not_sign_sees_and_ends_and_appoints_nobody(sitthi: Served) -> None:
    firm, given = await Firm(sitthi, 1).enter(), {"number": company_number(1)}
    for who in ("worker", "graduate", "official"):
        await codes(sitthi, "findJuristicPerson", who, **given)
    held = await firm.propose("worker", "elder")
    assert await codes(sitthi, "proposeJuristicOfficer", "official", **firm.wish("elder")) == ["NOT_ITS_SIGNATORY"]
    assert await codes(sitthi, "approveJuristicOfficer", "official", appointment=held) == ["NOT_ITS_SIGNATORY"]
    assert await codes(sitthi, "endJuristicOfficer", "official", appointment=held) == []


async def test_where_one_signs_alone_one_appoints_and_may_act_themself(sitthi: Served) -> None:
    firm = await Firm(sitthi, 2).enter()
    assert await codes(sitthi, "findJuristicPerson", "worker", number=company_number(2)) == []
    await firm.accept("elder", await firm.propose("worker", "elder"))
    assert await acts(sitthi, firm, "elder")
    await firm.propose("worker", "worker", "file:claims")
    assert await acts(sitthi, firm, "worker", "file:claims")


async def test_where_three_sign_together_officers_of_the_agency_appoint(sitthi: Served) -> None:
    firm = await Firm(sitthi, 3).enter()
    assert await codes(sitthi, "findJuristicPerson", "worker", number=company_number(3)) == []
    assert await codes(sitthi, "proposeJuristicOfficer", "worker", **firm.wish("elder")) == ["MORE_SIGNATURES_NEEDED"]


async def test_a_company_that_is_dissolved_has_nobody_left(sitthi: Served) -> None:
    firm = await Firm(sitthi, 2).enter()
    assert await codes(sitthi, "findJuristicPerson", "worker", number=company_number(2)) == []
    await firm.accept("elder", await firm.propose("worker", "elder"))
    await rewrite(sitthi, 2, status="dissolved")
    assert await codes(sitthi, "proposeJuristicOfficer", "worker", **firm.wish("graduate")) == ["NOT_ITS_DIRECTOR"]
    assert not await acts(sitthi, firm, "elder")
    assert await seen(sitthi, "worker") == await seen(sitthi, "elder") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"pid": company_number(2)},
        {"title_en": "No. 0000000000001"},
        {"title_th": "\n"},
        {"as_of": "2026-11-16T10:00:00"},
        {"as_of": "2999-01-01T00:00:00+07:00"},
        {"signatures": 0},
        {"signatures": "2"},
        {"directors": [{"pid": "1"}]},
        {"status": "x"},
    ],
)
async def test_an_answer_that_is_none_gives_nobody_a_right(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    firm, looks = await Firm(sitthi, 1).enter("worker", "graduate"), sitthi.house.identity.office.juristic_desk.looks
    entry = {**entries()[company_number(1)], "as_of": sitthi.clock.now().isoformat(), **wrong}

    async def ask(path: str, body: Any, *, on_behalf_of: str) -> Any:
        return entry

    monkeypatch.setattr(looks, "companies", DepartmentOfBusinessDevelopment(ask))
    assert await codes(sitthi, "proposeJuristicOfficer", "worker", **firm.wish("elder")) == ["SERVICE_UNAVAILABLE"]


async def test_the_register_gone_silent_lets_no_director_appoint_and_any_end(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    held = await firm.appoint(DIRECTORS, "worker")

    async def silent(*_: Any, **__: Any) -> Any:
        raise httpx2.ConnectError("gone")

    monkeypatch.setattr(sitthi.house.connections.client("dbd"), "ask", silent)
    assert await codes(sitthi, "proposeJuristicOfficer", "graduate", **firm.wish("elder")) == ["SERVICE_UNAVAILABLE"]
    assert await acts(sitthi, firm, "worker"), "who was appointed does not need the register"
    assert await codes(sitthi, "endJuristicOfficer", "graduate", appointment=held) == []


async def test_an_answer_that_is_older_than_what_is_known_changes_nothing(sitthi: Served) -> None:
    firm, looks = await Firm(sitthi, 1).enter(), sitthi.house.identity.office.juristic_desk.looks
    await codes(sitthi, "findJuristicPerson", "worker", number=company_number(1))
    assert looks.companies is not None
    old = await looks.companies.company(JuristicNumber(company_number(1)))
    assert old is not None
    sitthi.clock.advance(timedelta(seconds=1))
    await rewrite(sitthi, 1, directors=[])
    await looks.look(firm.key)

    class Late:
        async def company(self, number: JuristicNumber) -> Any:
            return old

    looks.companies = Late()
    await looks.look(firm.key)
    async with sitthi.house.db.read() as session:
        assert not await sitthi.house.identity.office.juristic.directors(session, firm.key)


async def test_who_is_not_here_is_not_entered_by_a_look(sitthi: Served) -> None:
    await Firm(sitthi, 1).enter()
    await codes(sitthi, "findJuristicPerson", "worker", number=company_number(1))
    people: PeopleRegister = sitthi.house.identity.people
    async with sitthi.house.db.read() as session:
        assert await people.find(session, NationalId(persona("graduate").national_id)) is None


async def test_an_officer_keeps_the_companys_systems_and_their_keys(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    await firm.appoint(DIRECTORS, "worker", MANAGE)
    await firm.appoint(DIRECTORS, "elder", POWER)
    given = {"juristicPerson": firm.id, "nameTh": "ระบบ", "nameEn": "System"}
    assert await codes(sitthi, "addJuristicSystem", "graduate", **given, jwks=jwks()) == ["NOT_ITS_OFFICER"]
    assert await codes(sitthi, "addJuristicSystem", "elder", **given, jwks=jwks()) == ["POWER_MISSING"]
    secret = {"keys": [{**jwks()["keys"][0], "d": "AAAA"}]}
    wrong: list[Any] = [secret, {"keys": []}, [], "x"]
    for bad in wrong:
        assert await codes(sitthi, "addJuristicSystem", "worker", **given, jwks=bad) == ["BAD_INPUT"]
    made = await sitthi.do("addJuristicSystem", "system { client keys { kid } }", "worker", **given, jwks=jwks())
    client = made["system"]["client"]
    both = {"keys": [*jwks("two")["keys"], *jwks("three")["keys"]]}
    changed = {"juristicPerson": firm.id, "client": client}
    assert await codes(sitthi, "replaceJuristicSystemKeys", "elder", **changed, jwks=both) == ["POWER_MISSING"]
    assert await codes(sitthi, "replaceJuristicSystemKeys", "worker", **changed, jwks=both) == []
    [of_director] = await seen(sitthi, "official")
    assert [key["kid"] for key in of_director["systems"][0]["keys"]] == ["two", "three"]
    [of_other] = await seen(sitthi, "elder")
    assert of_other["systems"] == []
    assert await codes(sitthi, "endJuristicSystem", "elder", **changed) == ["NOT_FOUND"]
    assert await codes(sitthi, "endJuristicSystem", "official", **changed) == []
    assert await codes(sitthi, "replaceJuristicSystemKeys", "worker", **changed, jwks=both) == ["NOT_FOUND"]
    assert (await told(sitthi, "graduate")).count("juristic.systems") == 3


async def test_a_system_of_another_company_is_as_unknown_as_none(sitthi: Served) -> None:
    ours, theirs = await Firm(sitthi, 8).enter(*DIRECTORS), await Firm(sitthi, 9).enter(*DIRECTORS)
    for firm in (ours, theirs):
        await firm.appoint(DIRECTORS, "worker", MANAGE)
    made = await sitthi.do(
        "addJuristicSystem", "system { client }", "worker",
        juristicPerson=theirs.id, nameTh="ก", nameEn="A", jwks=jwks(),
    )  # fmt: skip
    given = {"juristicPerson": ours.id, "client": made["system"]["client"]}
    assert await codes(sitthi, "endJuristicSystem", "worker", **given) == ["NOT_FOUND"]
    assert await codes(sitthi, "replaceJuristicSystemKeys", "worker", **given, jwks=jwks()) == ["NOT_FOUND"]


async def test_a_name_with_markup_stays_a_name_and_one_with_a_number_is_refused(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    wish = {**firm.wish("worker"), "nameEn": "<script>alert(1)</script>"}
    made = await sitthi.do("proposeJuristicOfficer", "appointment { name }", "graduate", **wish)
    assert made["appointment"]["name"] == "<script>alert(1)</script>"
    numbered = {**firm.wish("worker"), "nameEn": persona("elder").national_id}
    assert await codes(sitthi, "proposeJuristicOfficer", "graduate", **numbered) == ["BAD_INPUT"]


async def test_an_expired_offer_leaves_no_trace_with_who_never_answered(sitthi: Served) -> None:
    firm = await Firm(sitthi).enter(*DIRECTORS)
    await firm.approve("official", await firm.propose("graduate", "worker"))
    sitthi.clock.advance(timedelta(days=7))
    sitthi.forget_tokens()
    assert await seen(sitthi, "worker") == []
    async with sitthi.house.db.read() as session:
        rows = (await session.scalars(select(JuristicOfficer))).all()
    assert [row.accepted_at for row in rows] == [None]
    assert rows[0].id != new_id()
