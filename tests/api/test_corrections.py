"""A correction from the citizen's app to the agency's system and back, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from api.commands.correction import _desk
from core.ids import GlobalId
from core.text import Text
from identity.officers import Officer
from identity.officers.errors import RoleMissing
from services.exchange.corrections.roles import DECIDE
from services.exchange.corrections.service import Handler
from services.sandbox.population.personas import persona
from tests.laws.cases import person_of
from tests.support.agency import AgencySystem, code_of
from tests.support.app import Served

CASES = "/agency/v1/corrections"
CLERK = {"kind": "SYSTEM", "id": "register-desk"}
CORRECTION = "correction { id status turn dueOn statement refusal history { action byAgency note } }"


async def opened(sitthi: Served, who: str = "elder", attribute: str = "birth_date") -> str:
    """The case's key, as the agency knows it."""
    payload = await sitthi.do("requestCorrection", CORRECTION, who, attribute=attribute, statement="ปีเกิดผิดไปสิบปี")
    assert payload["problems"] == []
    return GlobalId.parse(payload["correction"]["id"]).id.hex


async def seen(sitthi: Served, who: str = "elder") -> dict[str, Any]:
    query = (
        "{ viewer { corrections { nodes { id status turn dueOn refusal attribute { id } steward { slug } "
        "onRecord { value text state source { slug } note correctable } history { action byAgency note } } } } }"
    )
    [found] = (await sitthi.graph(query, persona=who))["viewer"]["corrections"]["nodes"]
    node: dict[str, Any] = found
    return node


async def test_the_agency_takes_asks_and_decides_and_the_citizen_sees_it_move(sitthi: Served) -> None:
    dopa, case = await AgencySystem.registered(sitthi, "dopa"), await opened(sitthi)
    listed = (await dopa.get(CASES)).json()
    [short] = listed["corrections"]
    assert (short["id"], short["attribute"], short["status"], short["turn"], short["overdue"]) == (
        case, "birth_date", "OPEN", "AGENCY", False,
    )  # fmt: skip
    assert persona("elder").national_id not in str(listed)
    assert (await person_of(sitthi, "elder")).hex not in str(listed)

    shown = (await dopa.post(f"{CASES}/{case}", {"agent": CLERK})).json()
    assert shown["person"] == {"nationalId": persona("elder").national_id}
    assert shown["statement"] == "ปีเกิดผิดไปสิบปี"

    taken = (await dopa.post(f"{CASES}/{case}/take", {"agent": CLERK})).json()
    assert (taken["status"], taken["handler"]) == ("IN_REVIEW", f"{dopa.client}:register-desk")
    asked = {"agent": CLERK, "outcome": "NEEDS_MORE", "note": "ขอสูติบัตร"}
    assert (await dopa.post(f"{CASES}/{case}/decide", asked)).json()["turn"] == "CITIZEN"
    mine = await seen(sitthi)
    assert (mine["status"], mine["turn"], mine["history"][-1]) == (
        "NEEDS_MORE", "CITIZEN", {"action": "ASK", "byAgency": True, "note": "ขอสูติบัตร"},
    )  # fmt: skip
    answered = await sitthi.do("supplementCorrection", CORRECTION, "elder", correction=mine["id"], statement="แนบแล้ว")
    assert answered["correction"]["status"] == "IN_REVIEW"
    refused = {"agent": CLERK, "outcome": "REFUSED", "note": "ตรงกับสูติบัตรแล้ว"}
    assert (await dopa.post(f"{CASES}/{case}/decide", refused)).status_code == 200
    mine = await seen(sitthi)
    assert (mine["status"], mine["turn"], mine["dueOn"], mine["refusal"]) == (
        "REFUSED", "DONE", None, "ตรงกับสูติบัตรแล้ว",
    )  # fmt: skip
    assert (await dopa.get(CASES)).json()["corrections"] == []
    assert len((await dopa.get(f"{CASES}?status=REFUSED")).json()["corrections"]) == 1


async def test_after_a_correction_the_citizen_sees_what_is_on_record_with_its_source(sitthi: Served) -> None:
    dopa, case = await AgencySystem.registered(sitthi, "dopa"), await opened(sitthi)
    await dopa.post(f"{CASES}/{case}/take", {"agent": CLERK})
    done = await dopa.post(f"{CASES}/{case}/decide", {"agent": CLERK, "outcome": "CORRECTED"})
    assert done.json()["status"] == "CORRECTED"
    mine = await seen(sitthi)
    assert (mine["status"], mine["onRecord"]["state"], mine["onRecord"]["source"]) == (
        "CORRECTED", "FRESH", {"slug": "dopa"},
    )  # fmt: skip
    assert mine["onRecord"]["value"].count("-") == 2


async def test_the_look_of_the_agency_stands_in_the_citizens_log_under_its_name(sitthi: Served) -> None:
    dopa, case = await AgencySystem.registered(sitthi, "dopa"), await opened(sitthi)
    await dopa.post(f"{CASES}/{case}", {"agent": CLERK})
    query = "{ viewer { accessLog(first: 1) { nodes { asker { kind label } agency { slug } purpose { id } } } } }"
    [entry] = (await sitthi.graph(query, persona="elder"))["viewer"]["accessLog"]["nodes"]
    assert (entry["purpose"], entry["agency"], entry["asker"]["kind"]) == (
        {"id": "correction"}, {"slug": "dopa"}, "SYSTEM",
    )  # fmt: skip
    assert "Department of Provincial Administration" in entry["asker"]["label"]


async def test_another_agency_sees_nothing_of_it(sitthi: Served) -> None:
    rd, case = await AgencySystem.registered(sitthi, "rd"), await opened(sitthi)
    assert (await rd.get(CASES)).json() == {"corrections": [], "after": None}
    for path, body in (
        (f"{CASES}/{case}", {"agent": CLERK}),
        (f"{CASES}/{case}/take", {"agent": CLERK}),
        (f"{CASES}/{case}/decide", {"agent": CLERK, "outcome": "REFUSED", "note": "x"}),
        (f"{CASES}/{UUID(int=1).hex}", {"agent": CLERK}),
        (f"{CASES}/x", {"agent": CLERK}),
    ):
        assert code_of(await rd.post(path, body)) == (404, "NOT_FOUND")
    assert (await seen(sitthi))["status"] == "OPEN"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "BAD_INPUT")),
        ({"agent": CLERK}, (400, "BAD_INPUT")),
        ({"agent": CLERK, "outcome": "MAYBE"}, (400, "BAD_INPUT")),
        ({"agent": CLERK, "outcome": "REFUSED"}, (400, "BAD_INPUT")),
        ({"agent": CLERK, "outcome": "REFUSED", "note": "x", "more": 1}, (400, "BAD_INPUT")),
        ({"agent": {"kind": "OFFICER", "id": "0" * 32}, "outcome": "REFUSED", "note": "x"}, (403, "AGENT_UNKNOWN")),
        ({"agent": CLERK, "outcome": "REFUSED", "note": "x"}, (409, "CORRECTION_NOT_TAKEN")),
    ],
)
async def test_a_decision_out_of_form_or_out_of_turn_is_refused(
    sitthi: Served, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    dopa, case = await AgencySystem.registered(sitthi, "dopa"), await opened(sitthi)
    assert code_of(await dopa.post(f"{CASES}/{case}/decide", body)) == expected
    assert (await seen(sitthi))["status"] == "OPEN"


async def test_who_has_no_token_for_it_is_let_in_to_nothing(sitthi: Served) -> None:
    case = await opened(sitthi)
    citizen = {"authorization": f"Bearer {await sitthi.token('elder')}"}
    for headers in ({}, citizen):
        assert (await sitthi.http.get(CASES, headers=headers)).status_code == 401
        for path in ("", "/take", "/decide"):
            answer = await sitthi.http.post(f"{CASES}/{case}{path}", json={"agent": CLERK}, headers=headers)
            assert answer.status_code == 401
    services = await AgencySystem.registered(sitthi, "dopa", scopes=("agency.services",))
    assert code_of(await services.get(CASES)) == (403, "SCOPE_MISSING")
    assert code_of(await (await AgencySystem.registered(sitthi, "dopa")).get(f"{CASES}?status=x")) == (400, "BAD_INPUT")


async def test_of_a_case_that_was_taken_back_the_agency_is_told_no_more(sitthi: Served) -> None:
    dopa, case = await AgencySystem.registered(sitthi, "dopa"), await opened(sitthi)
    mine = (await seen(sitthi))["id"]
    assert (await dopa.post(f"{CASES}/{case}", {"agent": CLERK})).status_code == 200
    await sitthi.do("withdrawCorrection", CORRECTION, "elder", correction=mine)
    answer = await dopa.post(f"{CASES}/{case}", {"agent": CLERK})
    assert code_of(answer) == (409, "CORRECTION_CLOSED")
    assert persona("elder").national_id not in answer.text
    [short] = (await dopa.get(f"{CASES}?status=WITHDRAWN")).json()["corrections"]
    assert (short["id"], short["status"]) == (case, "WITHDRAWN")


async def serves(sitthi: Served, person: UUID, role: str) -> None:
    """At the civil registry."""
    office, name = sitthi.house.identity, Text(th="ก", en="A")
    async with sitthi.house.db.write() as session:
        number = await office.people.reveal(session, person)
        await office.office.officers.add(
            session, number, agency="dopa", roles=[role], name=name, by="command line: tests"
        )


async def test_an_officer_with_another_task_works_on_no_case_through_the_system_either(sitthi: Served) -> None:
    dopa, case = await AgencySystem.registered(sitthi, "dopa"), await opened(sitthi)
    person = await person_of(sitthi, "official")
    await serves(sitthi, person, "identity.counter")
    counter = {"agent": {"kind": "OFFICER", "id": person.hex}}
    decided = {**counter, "outcome": "REFUSED", "note": "x"}
    for path, body in (("", counter), ("/take", counter), ("/decide", decided)):
        assert code_of(await dopa.post(f"{CASES}/{case}{path}", body)) == (403, "ROLE_MISSING")
    assert (await seen(sitthi))["status"] == "OPEN"


async def test_nothing_is_decided_on_what_the_citizen_added_since(sitthi: Served) -> None:
    dopa, case = await AgencySystem.registered(sitthi, "dopa"), await opened(sitthi)
    await dopa.post(f"{CASES}/{case}/take", {"agent": CLERK})
    looked_at = (await dopa.post(f"{CASES}/{case}", {"agent": CLERK})).json()["version"]
    mine = (await seen(sitthi))["id"]
    await sitthi.do("supplementCorrection", CORRECTION, "elder", correction=mine, statement="พบสูติบัตรแล้ว")
    refused = {"agent": CLERK, "outcome": "REFUSED", "note": "ไม่มีหลักฐาน", "version": looked_at}
    assert code_of(await dopa.post(f"{CASES}/{case}/decide", refused)) == (409, "CONFLICT")
    assert (await seen(sitthi))["status"] == "IN_REVIEW"
    again = (await dopa.post(f"{CASES}/{case}", {"agent": CLERK})).json()["version"]
    assert (await dopa.post(f"{CASES}/{case}/decide", {**refused, "version": again})).status_code == 200


async def test_an_officer_named_by_the_system_does_not_decide_about_themself(sitthi: Served) -> None:
    dopa, person = await AgencySystem.registered(sitthi, "dopa"), await person_of(sitthi, "elder")
    await serves(sitthi, person, DECIDE)
    case = await opened(sitthi)
    themself = {"agent": {"kind": "OFFICER", "id": person.hex}}
    assert code_of(await dopa.post(f"{CASES}/{case}/take", themself)) == (403, "CONCERNS_YOURSELF")


async def test_an_officer_needs_the_role(sitthi: Served) -> None:
    officer = Officer(UUID(int=1), "dopa", frozenset(), Text(th="ก", en="A"))
    with pytest.raises(RoleMissing):
        _desk(sitthi.house, officer)
    allowed = Officer(UUID(int=1), "dopa", frozenset({DECIDE}), Text(th="ก", en="A"))
    assert _desk(sitthi.house, allowed)[1] == Handler("dopa", UUID(int=1).hex)
