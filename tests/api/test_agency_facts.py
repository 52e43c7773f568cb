"""`/agency/v1/facts`: an agency's system asks about one person."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

from core.ids import NationalId
from core.text import Text
from services.exchange.rest.answers import ANSWER_TYPE
from services.sandbox.population.personas import persona
from tests.support.agency import FACTS, SERVICE, AgencySystem, code_of, consents, facts_of, named, question
from tests.support.app import Served

NOBODY = "1112034563562"


async def test_what_a_citizen_consented_to_is_told_and_signed(sitthi: Served) -> None:
    await consents(sitthi, "graduate")
    slf = await AgencySystem.registered(sitthi)
    answer = await slf.ask("graduate", "name", "nationality")
    facts = facts_of(answer)
    assert (facts["nationality"]["state"], facts["nationality"]["value"]) == ("FRESH", "thai")
    assert facts["name"]["value"]["given_th"]
    assert facts["name"]["source"]["agency"] == "dopa"
    signed = await sitthi.house.attestor.verify(answer.json()["attestation"], typ=ANSWER_TYPE)
    assert signed == answer.json()["facts"]


async def test_the_answer_repeats_who_asked_for_what_and_about_whom(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    asked = str(uuid4())
    told = (await slf.ask("graduate", requestId=asked)).json()["facts"]
    assert told["requestId"] == asked
    assert told["requester"] == {
        "agency": "slf",
        "title": {"th": "กองทุนเงินให้กู้ยืมเพื่อการศึกษา", "en": "Student Loan Fund"},
        "client": slf.client,
    }
    assert told["agent"] == {"kind": "SYSTEM", "id": "loan-screening"}
    assert told["purpose"]["id"] == "student-loan-screening"
    assert told["legalBasis"]["basis"] == "CONSENT"
    assert told["subject"]["nationalId"] == persona("graduate").national_id


async def test_without_consent_each_attribute_is_denied_with_the_reason(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    facts = facts_of(await slf.ask("graduate", "name", "annual_income"))
    assert {(one["state"], one["reason"], "value" in one) for one in facts.values()} == {
        ("DENIED", "NO_CONSENT", False)
    }


async def test_a_public_task_needs_an_agreement_but_for_ones_own_facts(sitthi: Served) -> None:
    dopa = await AgencySystem.registered(sitthi, "dopa")
    facts = facts_of(await dopa.ask("graduate", "nationality", "annual_income", purpose=SERVICE))
    assert facts["nationality"]["state"] == "FRESH"
    assert (facts["annual_income"]["state"], facts["annual_income"]["reason"]) == ("DENIED", "NO_AGREEMENT")


async def test_the_next_request_names_the_person_by_the_reference_of_this_one(sitthi: Served) -> None:
    slf, dopa = await AgencySystem.registered(sitthi), await AgencySystem.registered(sitthi, "dopa")
    subject = (await slf.ask("graduate")).json()["facts"]["subject"]
    again = await slf.ask("graduate", person={"reference": subject["reference"]})
    assert again.json()["facts"]["subject"] == {"reference": subject["reference"]}
    other_system = await AgencySystem.registered(sitthi)
    assert (await other_system.ask("graduate")).json()["facts"]["subject"] == subject
    theirs = await dopa.ask("graduate", person={"reference": subject["reference"]})
    assert code_of(theirs) == (422, "PERSON_MALFORMED")
    assert (await dopa.ask("graduate")).json()["facts"]["subject"]["reference"] != subject["reference"]


async def test_nobody_can_tell_from_an_answer_whom_sitthi_knows(sitthi: Served) -> None:
    """Neither number has ever been heard of at sign-in; one is somebody's, the other is nobody's."""
    slf, dopa = await AgencySystem.registered(sitthi), await AgencySystem.registered(sitthi, "dopa")
    known, unknown = (await slf.ask("graduate")).json()["facts"], (await slf.ask(NOBODY)).json()["facts"]
    assert [(f["attribute"], f["state"], f["reason"]) for f in known["facts"]] == [
        (f["attribute"], f["state"], f["reason"]) for f in unknown["facts"]
    ]
    facts = facts_of(await dopa.ask(NOBODY, "nationality", purpose=SERVICE))
    assert (facts["nationality"]["state"], facts["nationality"]["reason"]) == ("UNAVAILABLE", "NOT_KNOWN")


async def test_an_officer_is_named_who_serves_the_agency_now(sitthi: Served) -> None:
    house, slf = sitthi.house, await AgencySystem.registered(sitthi)
    officers = house.identity.office.officers
    async with house.db.write() as session:
        number, name = NationalId(persona("official").national_id), Text(th="ข้าราชการ", en="An official")
        officer = await officers.add(
            session, number, agency="slf", roles=["loans.screen"], name=name, by="command line: tests"
        )
    agent = {"kind": "OFFICER", "id": officer.person.hex}
    assert (await slf.ask("graduate", agent=agent)).json()["facts"]["agent"] == agent
    nobody = {"kind": "OFFICER", "id": UUID(int=1).hex}
    assert code_of(await slf.ask("graduate", agent=nobody)) == (403, "AGENT_UNKNOWN")
    dopa = await AgencySystem.registered(sitthi, "dopa")
    assert code_of(await dopa.ask("graduate", agent=agent)) == (403, "AGENT_UNKNOWN")
    async with house.db.write() as session:
        await officers.end(session, officer.person, by="command line: tests")
    assert code_of(await slf.ask("graduate", agent=agent)) == (403, "AGENT_UNKNOWN")


async def test_the_citizen_sees_the_agency_and_what_asked_but_nobodys_name(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    await slf.ask("graduate", "name")
    log = await sitthi.graph(
        "{ viewer { accessLog(first: 20) { nodes { asker purpose { id } } } } }", persona="graduate"
    )
    entries = [one for one in log["viewer"]["accessLog"]["nodes"] if one["purpose"]["id"] == "student-loan-screening"]
    assert len(entries) == 1
    assert "A system of the Student Loan Fund" in json.dumps(entries)
    assert "loan-screening" not in json.dumps(entries[0]["asker"])
    assert slf.client not in json.dumps(entries)


async def test_one_request_id_is_answered_once(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    body = {**question("name"), "person": named("graduate")}
    assert (await slf.post(FACTS, body)).status_code == 200
    assert code_of(await slf.post(FACTS, body)) == (409, "REQUEST_REPLAYED")
    assert code_of(await slf.post(FACTS, {**body, "attributes": ["nationality"]})) == (409, "REQUEST_CONFLICT")
    assert code_of(await slf.post(FACTS, {**body, "person": named(NOBODY)})) == (409, "REQUEST_CONFLICT")
    dopa = await AgencySystem.registered(sitthi, "dopa")
    assert (await dopa.post(FACTS, body)).status_code == 200, "another agency counts by itself"


async def test_a_refused_replay_looks_at_nobody(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    body = {**question("name"), "person": named("graduate")}
    await slf.post(FACTS, body)
    query = "{ viewer { accessLog(first: 20) { nodes { id } } } }"
    before = await sitthi.graph(query, persona="graduate")
    await slf.post(FACTS, body)
    assert len((await sitthi.graph(query, persona="graduate"))["viewer"]["accessLog"]["nodes"]) == len(
        before["viewer"]["accessLog"]["nodes"]
    )
