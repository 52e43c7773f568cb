"""`/agency/v1/facts`: an agency's system asks about one person."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete
from sqlmodel import col

from core.envelope import SubjectKeys
from core.ids import GlobalId, NationalId
from core.models import SubjectKey
from core.text import Text
from identity.people.models import Person
from services.exchange.access_log.records import AccessEntry
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.rest.answers import ANSWER_TYPE
from services.sandbox.population.personas import persona
from tests.identity.provider.key_holders import KeyHolder
from tests.services.exchange.fakes import CATALOGUE
from tests.support.agency import FACTS, SCREENING, SERVICE, AgencySystem, code_of, consents, facts_of, named, question
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


LOG: Final = """{ viewer { accessLog(first: 20) { nodes {
    id asker { kind label } agency { slug } purpose { id } decision reason attributes { id }
} } } }"""


async def looks(sitthi: Served, who: str) -> list[dict[str, Any]]:
    """What that citizen sees of looks for a screening."""
    nodes = (await sitthi.graph(LOG, persona=who))["viewer"]["accessLog"]["nodes"]
    return [one for one in nodes if one["purpose"]["id"] == SCREENING]


async def test_the_citizen_sees_the_agency_and_what_asked_but_nobodys_name(sitthi: Served) -> None:
    await consents(sitthi, "graduate")
    slf = await AgencySystem.registered(sitthi)
    told = facts_of(await slf.ask("graduate", "name"))
    [entry] = await looks(sitthi, "graduate")
    assert entry["asker"] == {"kind": "SYSTEM", "label": "A system of the Student Loan Fund"}
    assert entry["agency"] == {"slug": "slf"}
    assert entry["decision"] == "ALLOWED"
    assert str(GlobalId("AccessEntry", UUID(hex=told["name"]["entry"]))) == entry["id"], "the answer names this entry"


async def test_the_log_itself_names_agency_client_and_agent(sitthi: Served) -> None:
    slf, house = await AgencySystem.registered(sitthi), sitthi.house
    await slf.ask("graduate", "name")
    async with house.db.read() as session:
        person = await house.identity.people.find(session, NationalId(persona("graduate").national_id))
        assert person is not None
        reader = AccessLogReader(session, SubjectKeys(house.keys))
        [entry] = await reader.page(person, size=1, before=None, at=house.clock.now())
    assert isinstance(entry, AccessEntry)
    assert (entry.asker_kind, entry.asker_agency) == ("SYSTEM", "slf")
    assert entry.asker_id == f"{slf.client}:loan-screening"


async def test_a_refused_look_is_in_the_log_too_and_the_answer_names_it(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    told = facts_of(await slf.ask("graduate", "name"))
    [entry] = await looks(sitthi, "graduate")
    assert (entry["decision"], entry["reason"]) == ("DENIED", "NO_CONSENT")
    assert str(GlobalId("AccessEntry", UUID(hex=told["name"]["entry"]))) == entry["id"]


async def test_a_fact_names_the_consent_and_the_agreement_it_was_told_under(sitthi: Served) -> None:
    consent = await consents(sitthi, "graduate")
    slf = await AgencySystem.registered(sitthi)
    told = facts_of(await slf.ask("graduate", "name", "annual_income"))
    assert {str(GlobalId("Consent", UUID(hex=one["consent"]))) for one in told.values()} == {consent}
    terms = {one.id: one for one in CATALOGUE.standing}
    for name, agreement in (("name", "student-loan-civil-registry-slf"), ("annual_income", "student-loan-revenue-slf")):
        assert told[name]["agreement"] == {"id": agreement, "version": 1, "sha256": terms[agreement].digest}
    assert told["annual_income"]["value"]["currency"] == "THB"
    assert told["name"]["readAt"] == "2026-11-16T03:00:00.000Z"


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
    before = await looks(sitthi, "graduate")
    assert code_of(await slf.post(FACTS, body)) == (409, "REQUEST_REPLAYED")
    assert await looks(sitthi, "graduate") == before


async def test_whoever_withdraws_the_consent_is_asked_about_in_vain_from_then_on(sitthi: Served) -> None:
    consent = await consents(sitthi, "graduate")
    slf = await AgencySystem.registered(sitthi)
    assert facts_of(await slf.ask("graduate", "name"))["name"]["state"] == "FRESH"
    await sitthi.do("withdrawConsent", "consent { id }", "graduate", consent=consent)
    assert facts_of(await slf.ask("graduate", "name"))["name"]["reason"] == "NO_CONSENT"


async def test_sensitive_facts_for_a_public_task_need_a_token_that_is_bound_to_a_key(sitthi: Served) -> None:
    dep, holder = await AgencySystem.registered(sitthi, "dep"), KeyHolder.make()
    asked = {"purpose": SERVICE, "attributes": ["disability_card"], "person": named("disabled-adult")}
    refused = facts_of(await dep.post(FACTS, {**question(), **asked}))
    assert refused["disability_card"]["reason"] == "ASSURANCE_TOO_LOW"
    token, url = await dep.token(bound_to=holder), sitthi.house.settings.issuer + FACTS
    proof = holder.proof(sitthi.clock, "POST", url, access_token=token)
    headers = {"authorization": f"DPoP {token}", "DPoP": proof}
    told = facts_of(await sitthi.http.post(FACTS, json={**question(), **asked}, headers=headers))
    assert (told["disability_card"]["state"], told["disability_card"]["value"]) == ("FRESH", True)


async def test_what_is_unknown_is_refused_before_anybody_is_asked_about(sitthi: Served) -> None:
    slf = await AgencySystem.registered(sitthi)
    assert code_of(await slf.ask("graduate", "shoe_size")) == (422, "UNKNOWN_ATTRIBUTE")
    assert code_of(await slf.ask("graduate", "children")) == (422, "UNKNOWN_ATTRIBUTE"), "a tie between people"
    assert code_of(await slf.ask("graduate", purpose="curiosity")) == (422, "UNKNOWN_PURPOSE")
    assert code_of(await slf.ask("1112034563563")) == (422, "PERSON_MALFORMED")
    assert await looks(sitthi, "graduate") == []


async def test_a_purpose_of_the_platforms_own_is_not_an_agencys(sitthi: Served) -> None:
    dla = await AgencySystem.registered(sitthi, "dla")
    for purpose in ("welfare-decision", "own-view", "sign-in", "student-loan-screening"):
        told = facts_of(await dla.ask("graduate", "name", purpose=purpose))
        assert told["name"]["state"] == "DENIED", purpose
        assert told["name"]["reason"] == "NOT_THIS_ASKER", purpose


async def test_no_log_line_holds_the_number_or_the_name(sitthi: Served, capsys: pytest.CaptureFixture[str]) -> None:
    slf = await AgencySystem.registered(sitthi)
    body = {**question("name"), "person": named("graduate")}
    for _ in range(2):
        await slf.post(FACTS, body)
    await slf.post(FACTS, {**body, "agent": {"kind": "OFFICER", "id": "0" * 32}, "requestId": str(uuid4())})
    printed = "".join(capsys.readouterr())
    assert "agency_request_refused" in printed
    assert "agency_agent_unknown" in printed
    assert persona("graduate").national_id not in printed


async def test_a_reference_to_somebody_who_left_leads_to_nobody(sitthi: Served) -> None:
    """The register forgot them (PDPA s.33); the agency's file still has its reference."""
    dopa, house = await AgencySystem.registered(sitthi, "dopa"), sitthi.house
    subject = (await dopa.ask("graduate", "nationality", purpose=SERVICE)).json()["facts"]["subject"]
    async with house.db.write() as session:
        person = await house.identity.people.find(session, NationalId(subject["nationalId"]))
        await session.execute(delete(Person).where(col(Person.id) == person))
        await session.execute(delete(SubjectKey).where(col(SubjectKey.person) == person))
    told = await dopa.ask("graduate", "nationality", purpose=SERVICE, person={"reference": subject["reference"]})
    assert code_of(told) == (422, "PERSON_MALFORMED")
