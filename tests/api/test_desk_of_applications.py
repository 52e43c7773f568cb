"""The officers' desk through the whole application: the graph, the agencies' interface, registers, log and payments."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from api.desk_of_applications import OfficerTies
from api.privacy import stores_of
from core.errors import ServiceUnavailable
from core.graph import global_id
from core.ids import GlobalId, NationalId, new_id
from identity.officers import Officer
from identity.officers.errors import ConflictOfInterest
from identity.officers.register import SignIn
from services.apply import repository
from services.apply.deciding import Holder, Missing, Outcome, Prepared, Request
from services.apply.desk.declaring import Declarations
from services.apply.desk.showing import CaseLooks
from services.apply.evidence.models import Evidence
from services.apply.evidence.service import EvidenceDesk
from services.apply.models import Application, Decision
from services.apply.personal_data import APPLICATIONS
from services.apply.roles import CHECK, DECIDE, READ
from services.apply.service import ApplyService, Submission
from services.pay.models import Award
from services.sandbox.population.personas import persona
from tests.api.test_evidence import sent
from tests.laws.cases import PROGRAMME, TITLE, person_of
from tests.laws.tables import contents
from tests.services.apply.evidence.papers import paper
from tests.support.acting import act, delegated
from tests.support.app import Served
from tests.support.officers import ask, serves, signed_in_strongly

BIRTH = Missing("birth_date", TITLE, Holder.AGENCY, "dopa")
WORDS = {"reason": "มีหลักฐานครบตามระเบียบ", "law": "ระเบียบ มท. 2566 ข้อ 6"}


async def waiting(sitthi: Served, who: str = "elder", evidence: tuple[str, ...] = ()) -> Application:
    """An application that waits for the agency, as it was when the registers did not answer."""
    person = await person_of(sitthi, who)
    prepared = Prepared(Outcome.NEEDS_INFORMATION, TITLE, {}, (), (BIRTH,), pays=True)
    submission = Submission(Request(person, person, f"programme:{PROGRAMME}"), prepared)
    async with sitthi.house.db.write() as session:
        row = await sitthi.house.rooms.get(ApplyService).apply(session, submission)
        if evidence:
            await sitthi.house.rooms.get(EvidenceDesk).submit(session, row, list(evidence))
    return row


async def two_officers(sitthi: Served) -> tuple[UUID, UUID]:
    one = await serves(sitthi, "officer-one", DECIDE)
    return one, await serves(sitthi, "officer-two", CHECK)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def log_of(sitthi: Served, who: str) -> list[dict[str, Any]]:
    query = "{ viewer { accessLog(first: 50) { nodes { asker { kind label } purpose { id } attributes { id } } } } }"
    data = await sitthi.graph(query, persona=who)
    found: list[dict[str, Any]] = data["viewer"]["accessLog"]["nodes"]
    return [{**one, "attributes": [name["id"] for name in one["attributes"]]} for one in found]


async def do(sitthi: Served, who: str, row: Application, name: str, *, key: str = "", **given: Any) -> Any:
    return await ask(sitthi, who, "POST", f"/{row.id.hex}/{name}", key=key or uuid4().hex, **given)


async def test_a_case_goes_from_the_queue_to_an_award_over_two_officers(sitthi: Served) -> None:
    _, checker = await two_officers(sitthi)
    row = await waiting(sitthi)
    listed = (await ask(sitthi, "officer-one", "GET")).json()
    assert [one["id"] for one in listed["applications"]] == [row.id.hex]
    assert listed["after"] is None
    assert (await do(sitthi, "officer-one", row, "claim")).json()["mine"] is True
    proposed = await do(sitthi, "officer-one", row, "propose", **WORDS)
    assert proposed.status_code == 200, proposed.text
    proposal = proposed.json()["proposal"]
    assert code(await do(sitthi, "officer-two", row, "approve", proposal=proposal)) == (401, "STEP_UP_REQUIRED")
    signed_in_strongly(sitthi)
    done = await do(sitthi, "officer-two", row, "approve", proposal=proposal)
    assert (done.status_code, done.json()["status"]) == (200, "APPROVED"), done.text
    async with sitthi.house.db.read() as session:
        award = await session.scalar(select(Award).where(col(Award.application) == row.id))
        decision = await session.scalar(select(Decision).where(col(Decision.application) == row.id))
        events = (await repository.events(session, row.person, [row.id]))[row.id]
    assert award is not None
    assert decision is not None
    assert decision.token is not None
    assert events[-1].officer == checker
    verified = await sitthi.house.attestor.verify(decision.token, typ="sitthi-decision+sd-jwt")
    assert verified["decided_by"] == {"kind": "OFFICER", "agency": "dla"}


async def test_the_citizen_reads_who_looked_and_why_and_never_the_notes(sitthi: Served) -> None:
    await two_officers(sitthi)
    row = await waiting(sitthi)
    noted = await do(sitthi, "officer-one", row, "note", text="ผู้ยื่นโทรมาถามความคืบหน้า")
    assert noted.status_code == 200, noted.text
    shown = (await ask(sitthi, "officer-two", "GET", f"/{row.id.hex}")).json()
    assert shown["nationalId"] == persona("elder").national_id
    assert shown["lawSays"] == "GRANTED"
    assert {one["name"]: one["source"] for one in shown["facts"]}["birth_date"] == "dopa"
    assert [one["text"] for one in shown["notes"]] == ["ผู้ยื่นโทรมาถามความคืบหน้า"]
    entries = await log_of(sitthi, "elder")
    purposes = {one["purpose"]["id"] for one in entries}
    assert {"application-desk", "welfare-decision"} <= purposes
    assert {one["asker"]["kind"] for one in entries if one["purpose"]["id"] == "application-desk"} == {"OFFICER"}
    query = "{ viewer { applications { nodes { history { action cause } reasons { text } missing { title } } } } }"
    assert "โทรมา" not in str(await sitthi.graph(query, persona="elder"))


async def test_another_agency_finds_nothing_whatever_it_asks(sitthi: Served) -> None:
    await serves(sitthi, "officer-one", DECIDE, CHECK, READ, agency="dcy")
    row = await waiting(sitthi)
    assert (await ask(sitthi, "officer-one", "GET")).json()["applications"] == []
    before = await contents(sitthi.house.db)
    for key in (row.id, new_id()):
        path = f"/{key.hex}"
        assert code(await ask(sitthi, "officer-one", "GET", path)) == (404, "NOT_FOUND")
        assert code(await ask(sitthi, "officer-one", "GET", f"{path}/evidence/{key.hex}")) == (404, "NOT_FOUND")
        claimed = await ask(sitthi, "officer-one", "POST", f"{path}/claim", key=uuid4().hex)
        assert code(claimed) == (404, "NOT_FOUND")
    assert await contents(sitthi.house.db) == before
    assert "application-desk" not in {one["purpose"]["id"] for one in await log_of(sitthi, "elder")}


async def test_an_officers_token_opens_nothing_of_a_citizens_and_a_citizens_nothing_of_the_desk(sitthi: Served) -> None:
    await two_officers(sitthi)
    row = await waiting(sitthi)
    desk = "desk { queue { nodes { id } } case(id: $id) { nationalId } }"
    query = f"query($id: ID!) {{ viewer {{ id }} officer {{ agency {desk} }} }}"
    given = {"id": str(global_id("Application", row.id))}
    data = await sitthi.graph(query, given, persona="officer officer-one")
    assert data["viewer"] is None
    assert data["officer"]["agency"] == "dla"
    assert data["officer"]["desk"]["case"] == {"nationalId": persona("elder").national_id}
    assert [one["id"] for one in data["officer"]["desk"]["queue"]["nodes"]] == [given["id"]]
    mine = await sitthi.graph(query, given, persona="officer-one")
    assert mine["viewer"] is not None
    assert mine["officer"] is None
    headers = {"authorization": f"Bearer {await sitthi.token('officer-one')}"}
    assert code(await sitthi.http.get("/agency/v1/applications", headers=headers)) == (401, "TOKEN_INVALID")
    assert code(await sitthi.http.get("/agency/v1/applications")) == (401, "TOKEN_INVALID")


async def test_who_acts_for_an_officer_is_no_officer(sitthi: Served) -> None:
    carer = await act(sitthi, "graduate", await delegated(sitthi, "elder", "graduate"))
    await serves(sitthi, "elder", DECIDE, CHECK)
    answer = (await sitthi.post("{ officer { agency } }", persona=carer)).json()
    assert answer["data"] == {"officer": None}
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["NOT_DELEGATED"]
    headers = {"authorization": f"Bearer {await sitthi.token(carer)}"}
    assert code(await sitthi.http.get("/agency/v1/applications", headers=headers)) == (401, "TOKEN_INVALID")


async def test_an_officer_who_acts_for_the_applicant_has_an_interest(sitthi: Served) -> None:
    await two_officers(sitthi)
    row = await waiting(sitthi)
    await delegated(sitthi, "elder", "officer-one")
    assert code(await do(sitthi, "officer-one", row, "claim")) == (403, "CONFLICT_OF_INTEREST")


async def test_who_is_near_to_somebody_does_not_read_their_case_at_work_either(sitthi: Served) -> None:
    await two_officers(sitthi)
    told = await _scanned(sitthi)
    row = await waiting(sitthi, evidence=(told["id"],))
    [listed] = (await ask(sitthi, "officer-two", "GET", f"/{row.id.hex}")).json()["evidence"]
    await delegated(sitthi, "elder", "officer-one")
    for path in ("", f"/evidence/{listed['id']}"):
        assert code(await ask(sitthi, "officer-one", "GET", f"/{row.id.hex}{path}")) == (403, "CONFLICT_OF_INTEREST")
    looks = [one for one in await log_of(sitthi, "elder") if one["purpose"]["id"] == "application-desk"]
    assert len(looks) == 1, "the colleague's alone"


async def test_an_officer_does_not_work_on_what_is_their_own_or_their_households(sitthi: Served) -> None:
    await serves(sitthi, "elder", DECIDE)
    own = await waiting(sitthi)
    assert (await ask(sitthi, "elder", "GET")).json()["applications"] == []
    assert code(await do(sitthi, "elder", own, "claim")) == (403, "CONFLICT_OF_INTEREST")
    assert code(await ask(sitthi, "elder", "GET", f"/{own.id.hex}")) == (403, "CONFLICT_OF_INTEREST")


async def test_whoever_lives_in_the_house_of_an_officer_is_near_by_the_register(sitthi: Served) -> None:
    officer = await serves(sitthi, "newborn-parent", DECIDE)
    house = await _household(sitthi, "newborn-parent")
    others = house - {officer}
    assert others, "the persona lives with somebody"
    desk = sitthi.house.rooms.get(OfficerTies)
    assert await desk.between(officer, {next(iter(others))})
    assert not await desk.between(officer, {await person_of(sitthi, "graduate")})


async def test_who_is_known_to_be_near_is_near_also_while_the_other_register_is_silent(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = await serves(sitthi, "newborn-parent", DECIDE)
    stranger = await person_of(sitthi, "graduate")
    ties, gate = sitthi.house.rooms.get(OfficerTies), sitthi.house.gate
    house, ask = await _household(sitthi, "newborn-parent") - {officer}, gate.children

    async def no_births(subject: UUID, *, of: str = "children", **how: Any) -> tuple[UUID, ...] | None:
        return await ask(subject, of=of, **how) if of == "household_members" else None

    monkeypatch.setattr(gate, "children", no_births)
    assert await ties.between(officer, {min(house)})
    with pytest.raises(ServiceUnavailable):
        await ties.between(officer, {stranger})


async def test_while_the_register_is_silent_an_officer_looks_on_their_word_and_decides_nothing(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_officers(sitthi)
    row = await waiting(sitthi)

    async def nobody_knows(_: OfficerTies, __: UUID) -> tuple[frozenset[UUID], bool]:
        return frozenset(), False

    with monkeypatch.context() as silent:
        silent.setattr(OfficerTies, "household", nobody_knows)
        assert code(await ask(sitthi, "officer-one", "GET", f"/{row.id.hex}")) == (503, "TIES_UNKNOWN")
        assert code(await do(sitthi, "officer-one", row, "claim")) == (503, "TIES_UNKNOWN")
        looks, officer = sitthi.house.rooms.get(CaseLooks), await _officer(sitthi, "officer-one")
        shown = await looks.show(officer, row.id, declaration="ผู้ยื่นรอคำตอบที่เคาน์เตอร์")
        assert shown.row.id == row.id
        assert await sitthi.house.rooms.get(Declarations).look_back() == 0
    assert await sitthi.house.rooms.get(Declarations).look_back() == 1
    looked = [one for one in await log_of(sitthi, "elder") if one["purpose"]["id"] == "application-desk"]
    assert len(looked) == 1, "the citizen sees that it was opened"
    await delegated(sitthi, "elder", "officer-one")
    with pytest.raises(ConflictOfInterest):
        await looks.show(officer, row.id, declaration="ผู้ยื่นรอคำตอบที่เคาน์เตอร์")


async def _officer(sitthi: Served, who: str) -> Officer:
    """Signed in by passkey just now."""
    async with sitthi.house.db.read() as session:
        found = await sitthi.house.identity.office.officers.find(session, await person_of(sitthi, who))
    assert found is not None
    return replace(found, sign_in=SignIn("ial2.3-aal2.2", sitthi.clock.now()))


async def _household(sitthi: Served, who: str) -> frozenset[UUID]:
    ties = sitthi.house.rooms.get(OfficerTies)
    found, is_all = await ties.household(await person_of(sitthi, who))
    assert is_all
    return found


async def test_evidence_is_opened_with_a_watermark_and_only_through_its_own_case(sitthi: Served) -> None:
    await two_officers(sitthi)
    told = await _scanned(sitthi)
    row, other = await waiting(sitthi, evidence=(told["id"],)), await waiting(sitthi, "graduate")
    [listed] = (await ask(sitthi, "officer-one", "GET", f"/{row.id.hex}")).json()["evidence"]
    had = await ask(sitthi, "officer-one", "GET", f"/{row.id.hex}/evidence/{listed['id']}")
    assert had.status_code == 200
    assert had.headers["content-disposition"].startswith("attachment;")
    assert had.headers["content-type"] == "application/octet-stream"
    assert had.headers["x-content-type-options"] == "nosniff"
    assert had.headers["sitthi-watermark"].startswith("dla/")
    elsewhere = await ask(sitthi, "officer-one", "GET", f"/{other.id.hex}/evidence/{listed['id']}")
    assert code(elsewhere) == (404, "NOT_FOUND")
    looks = [one for one in await log_of(sitthi, "elder") if "dla:evidence" in one["attributes"]]
    assert len(looks) == 1
    assert [one for one in await log_of(sitthi, "graduate") if "dla:evidence" in one["attributes"]] == []


async def _scanned(sitthi: Served) -> dict[str, Any]:
    told = await sent(sitthi, paper())
    async with sitthi.house.db.write() as session:
        await session.execute(update(Evidence).values(scanner="test"))
    return told


async def test_what_no_scanner_passed_is_shown_to_no_officer(sitthi: Served) -> None:
    await two_officers(sitthi)
    told = await sent(sitthi, paper())
    row, key = await waiting(sitthi, evidence=(told["id"],)), GlobalId.parse(told["id"]).id
    assert (await ask(sitthi, "officer-one", "GET", f"/{row.id.hex}")).json()["evidence"] == []
    assert code(await ask(sitthi, "officer-one", "GET", f"/{row.id.hex}/evidence/{key.hex}")) == (404, "NOT_FOUND")


async def test_an_act_under_the_same_key_is_done_once_and_under_another_input_refused(sitthi: Served) -> None:
    await two_officers(sitthi)
    row, key = await waiting(sitthi), "a-key-of-this-test"
    answers = await asyncio.gather(
        *(do(sitthi, "officer-one", row, "note", key=key, text="นัดวันศุกร์") for _ in range(10))
    )
    assert {one.status_code for one in answers} == {200}
    after = await contents(sitthi.house.db)
    assert len(after["desk_note"]) == 1
    assert code(await do(sitthi, "officer-one", row, "note", key=key, text="นัดวันจันทร์")) == (409, "IDEMPOTENCY_CONFLICT")
    assert await contents(sitthi.house.db) == after


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("note", {"text": "a\u0000b"}, 400),
        ("note", {"text": "ก" * 1_000_000}, 413),
        ("note", {"text": 7}, 400),
        ("note", {"text": "ดี", "more": 1}, 400),
        ("ask", {"wanted": []}, 400),
        ("ask", {"wanted": [{"attribute": "birth_date", "why": "ขอหลักฐานวันเกิด"}]}, 422),
        ("propose", {"reason": "x", "law": "y"}, 400),
        ("approve", {"proposal": "x"}, 400),
        ("approve", {"proposal": "0" * 32}, 404),
        ("refer", {"to": "0" * 32}, 404),
        ("claim", {"version": 99}, 409),
    ],
)
async def test_what_is_not_in_form_leaves_no_row(sitthi: Served, name: str, given: Any, expected: int) -> None:
    await serves(sitthi, "officer-one", DECIDE, CHECK)
    row = await waiting(sitthi)
    await do(sitthi, "officer-one", row, "claim")
    before = await contents(sitthi.house.db)
    answer = await do(sitthi, "officer-one", row, name, **given)
    assert answer.status_code == expected, answer.text
    assert await contents(sitthi.house.db) == before


async def test_an_act_needs_its_key(sitthi: Served) -> None:
    await two_officers(sitthi)
    row = await waiting(sitthi)
    for key in ("", "short", "x" * 129):
        answer = await ask(sitthi, "officer-one", "POST", f"/{row.id.hex}/claim", key=key)
        assert code(answer) == (400, "BAD_INPUT")


async def test_what_an_officer_asks_the_citizen_answers_and_the_case_is_the_officers_again(sitthi: Served) -> None:
    await two_officers(sitthi)
    row = await waiting(sitthi, "graduate")
    await do(sitthi, "officer-one", row, "claim")
    shown = (await ask(sitthi, "officer-one", "GET", f"/{row.id.hex}")).json()
    unknown = [one["name"] for one in shown["facts"] if one["value"] is None]
    assert unknown, "the registers do not know all of this persona"
    asked = await do(sitthi, "officer-one", row, "ask", wanted=[{"attribute": unknown[0], "why": "ขอหลักฐานประกอบคำขอ"}])
    assert asked.status_code == 200, asked.text
    given = {"application": str(global_id("Application", row.id)), "answers": {}}
    asked_for = "questions { why wanted { attribute } answeredAt }"
    query = f"{{ viewer {{ applications {{ nodes {{ missing {{ attribute }} {asked_for} }} }} }} }}"
    data = await sitthi.graph(query, persona="graduate", language="th")
    [application] = data["viewer"]["applications"]["nodes"]
    assert application["missing"] == [{"attribute": unknown[0]}]
    [question] = application["questions"]
    assert question["wanted"] == [{"attribute": unknown[0]}]
    assert (question["why"], question["answeredAt"]) == (["ขอหลักฐานประกอบคำขอ"], None)
    payload = await sitthi.do("supplement", "application { status turn }", "graduate", **given)
    assert payload["application"] == {"status": "SUBMITTED", "turn": "AGENCY"}


async def test_the_interface_describes_itself(sitthi: Served) -> None:
    described = (await sitthi.http.get("/agency/v1/applications/openapi.json")).json()
    assert described["openapi"] == "3.1.0"
    assert {"/agency/v1/applications", "/agency/v1/applications/{application}/approve"} <= set(described["paths"])
    approve = described["paths"]["/agency/v1/applications/{application}/approve"]["post"]
    assert [one["name"] for one in approve["parameters"] if one["in"] == "header"] == ["Idempotency-Key"]


async def test_a_notes_words_are_in_the_copy_of_ones_data_and_the_officers_name_is_not(sitthi: Served) -> None:
    maker, _ = await two_officers(sitthi)
    row = await waiting(sitthi)
    await do(sitthi, "officer-one", row, "note", text="ผู้ยื่นโทรมาถาม")
    stores = stores_of(sitthi.house, sitthi.house.rooms.get(ApplyService))
    [store] = [one for one in stores if one.about.name == APPLICATIONS.name]
    async with sitthi.house.db.read() as session:
        told = [record async for record in store.export(session, row.person)]
    notes = [record for table, record in told if table == "desk_note"]
    assert [one["text"] for one in notes] == ["ผู้ยื่นโทรมาถาม"]
    assert maker.hex not in str(notes)
    assert NationalId(persona("elder").national_id).digits not in str(notes)
