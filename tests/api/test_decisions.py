"""A decision from the application to the document that anybody can verify, and what is asked of it on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from sqlalchemy import text

from core.ids import GlobalId
from tests.support.app import Served

DECISIONS = """{ viewer { applications { edges { node { id decisions { id outcome decidedAt on law
  reasons { text outcome law facts { attribute title value state asOf source { slug } } }
  benefits { kind title amount { satang } cadence per inKind } document } } } } } }"""
SHOWN = """query($facts: [String!]) { viewer { applications { edges { node {
  decisions { document(facts: $facts) } } } } } }"""
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def decided(sitthi: Served, persona: str = "elder", programme: str = "old-age-allowance") -> dict[str, Any]:
    made = await sitthi.do("apply", "application { status }", persona, programme=programme)
    assert made["problems"] == []
    return await newest(sitthi, persona)


async def newest(sitthi: Served, persona: str) -> dict[str, Any]:
    [edge] = (await sitthi.graph(DECISIONS, persona=persona))["viewer"]["applications"]["edges"]
    found: dict[str, Any] = edge["node"]["decisions"][0]
    return found


def code_of(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


async def verified(sitthi: Served, document: str) -> dict[str, Any]:
    answer = await sitthi.http.post("/verify/decision", json={"document": document})
    found: dict[str, Any] = answer.json()
    return found


async def test_the_citizen_sees_the_decision_with_the_facts_behind_each_reason(sitthi: Served) -> None:
    decision = await decided(sitthi)
    assert decision["outcome"] == "GRANTED"
    assert decision["law"]
    assert [b["amount"]["satang"] for b in decision["benefits"]] == [60_000]
    for reason in decision["reasons"]:
        assert reason["text"]
        assert reason["law"]
        assert reason["facts"]
        assert {fact["state"] for fact in reason["facts"]} == {"FRESH"}
        assert all(fact["source"]["slug"] and fact["asOf"] for fact in reason["facts"])


async def test_the_document_verifies_and_tells_no_fact_that_was_not_chosen(sitthi: Served) -> None:
    document = (await decided(sitthi))["document"]
    answer = await verified(sitthi, document)
    assert (answer["valid"], answer["latest"]) == (True, True)
    assert answer["decision"]["outcome"] == "GRANTED"
    assert answer["told"]["title"]["en"] == "Old-age allowance"
    assert answer["told"]["benefits"] == {"allowance": 60_000}
    assert not [name for name in answer["told"] if name.startswith(("facts.", "child.", "applicant", "beneficiary"))]
    person = await sitthi.graph("{ viewer { id } }", persona="elder")
    assert GlobalId.parse(person["viewer"]["id"]).id.hex not in orjson.dumps(answer).decode()


async def test_a_fact_that_is_chosen_is_told_with_its_source(sitthi: Served) -> None:
    await decided(sitthi)
    found = await sitthi.graph(SHOWN, {"facts": ["nationality"]}, persona="elder")
    [edge] = found["viewer"]["applications"]["edges"]
    told = (await verified(sitthi, edge["node"]["decisions"][0]["document"]))["told"]
    assert told["facts.nationality"]["value"] == "thai"
    assert told["facts.nationality"]["source"] == "dopa"
    assert "facts.birth_date" not in told


async def test_a_fact_that_it_did_not_read_is_refused_by_its_place(sitthi: Served) -> None:
    await decided(sitthi)
    answer = await sitthi.post(SHOWN, {"facts": ["nationality", "annual_income"]}, persona="elder")
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_INPUT"]


async def test_a_total_over_the_household_is_neither_shown_nor_told(sitthi: Served) -> None:
    decision = await decided(sitthi, "worker", "state-welfare-card")
    facts = {fact["attribute"]: fact for reason in decision["reasons"] for fact in reason["facts"]}
    assert (facts["household_income"]["value"], facts["household_income"]["state"]) == (None, "DENIED")
    answer = await sitthi.post(SHOWN, {"facts": ["household_income"]}, persona="worker")
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_whatever_is_changed_of_the_document_makes_it_void(sitthi: Served) -> None:
    document = (await decided(sitthi))["document"]
    token, *told, _ = document.split("~")
    head, claims, signature = token.split(".")
    forged = [
        f"{head}.{claims[:-3]}AAA.{signature}~{'~'.join(told)}~",
        f"{token}~{told[0][:-2]}AA~",
        f"{token}~{told[0]}~{told[0]}~",
        f"{token}~{'~'.join(told)}~eyJ.eyJ.sig",
        f"{token}~WyJzYWx0IiwgIm91dGNvbWUiLCAiR1JBTlRFRCJd~",
        f"{token}~ก~",
        "~",
        "nothing",
    ]
    for one in forged:
        assert code_of(await verified(sitthi, one)) == "ATTESTATION_INVALID", one
    assert (await verified(sitthi, f"{token}~"))["valid"]
    assert (await verified(sitthi, token))["valid"]


async def test_a_signature_of_another_kind_is_no_decision(sitthi: Served) -> None:
    other = await sitthi.house.attestor.sign({"schema": "sitthi-decision/1"}, typ="sitthi-consent-receipt+jwt")
    assert code_of(await verified(sitthi, other)) == "ATTESTATION_INVALID"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"document": 1}', b'{"document": "a", "b": 1}', b"\xff"])
async def test_a_request_without_a_document_says_so(sitthi: Served, body: bytes) -> None:
    answer = await sitthi.http.post("/verify/decision", content=body)
    assert (answer.status_code, code_of(answer.json())) == (400, "BAD_INPUT")


async def test_a_document_without_end_is_not_read(sitthi: Served) -> None:
    answer = await sitthi.http.post("/verify/decision", content=b"a" * 300_000)
    assert answer.status_code == 413


async def test_the_page_says_the_same_to_whoever_pastes_the_document(sitthi: Served) -> None:
    document = (await decided(sitthi))["document"]
    empty = await sitthi.http.get("/verify/decision")
    assert 'name="document"' in empty.text
    shown = await sitthi.http.post("/verify/decision", content=urlencode({"document": document}), headers=FORM)
    assert shown.status_code == 200
    for words in ("คำวินิจฉัยนี้เป็นของจริง", "เบี้ยยังชีพผู้สูงอายุ", "600.00 บาท", "เป็นคำวินิจฉัยล่าสุด"):
        assert words in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    bad = await sitthi.http.post("/verify/decision", content=urlencode({"document": document[:-9]}), headers=FORM)
    assert bad.status_code == 422
    assert "ไม่ใช่ของจริง" in bad.text


async def test_it_verifies_after_the_keys_were_rotated_and_the_citizen_was_erased(sitthi: Served) -> None:
    document = (await decided(sitthi))["document"]
    sitthi.clock.advance(timedelta(days=400))
    assert await sitthi.house.attestor.renew()
    async with sitthi.house.db.write() as session:
        await session.execute(text("DELETE FROM subject_key"))
    assert (await verified(sitthi, document))["valid"]


@pytest.mark.parametrize("day", ["0001-01-01", "1799-12-31", "2401-01-01", "9999-12-31"])
async def test_a_day_that_no_calendar_of_ours_has_is_a_typed_problem(sitthi: Served, day: str) -> None:
    asked = {
        "viewer { entitlements(on: $on) { status changesOn } }": "elder",
        "viewer { whatIf(facts: [], on: $on) { on } }": "elder",
        "checkEntitlements(facts: [], on: $on) { status }": None,
    }
    for field, persona in asked.items():
        answer = await sitthi.post(f"query($on: Date) {{ {field} }}", {"on": day}, persona=persona)
        [error] = answer.json()["errors"]
        assert error["extensions"]["code"] == "RULE_DAY_OUT_OF_RANGE", field
        assert "1800" in error["message"]
        assert error["path"][-1] == field.removeprefix("viewer { ").partition("(")[0]


@pytest.mark.parametrize("day", ["1800-01-01", "2400-12-31"])
async def test_the_first_and_the_last_day_of_the_calendar_have_answers(sitthi: Served, day: str) -> None:
    query = "query($on: Date) { viewer { entitlements(on: $on) { status changesOn smallestChange { text on } } } }"
    assert (await sitthi.graph(query, {"on": day}, persona="elder"))["viewer"]["entitlements"] is not None


async def test_what_if_is_one_look_in_the_access_log_and_no_decision(sitthi: Served) -> None:
    query = """query($facts: [FactInput!]!) { viewer { whatIf(facts: $facts) { on entitlements { status }
      differences { today { status programme { slug } }
        then { status smallestChange { text facts { becomes } } } } } } }"""
    facts = [{"attribute": "state_benefit", "value": True}]
    await sitthi.graph("{ viewer { entitlements { status } } }", persona="elder")
    before = await looks(sitthi)
    found = (await sitthi.graph(query, {"facts": facts}, persona="elder"))["viewer"]["whatIf"]
    [allowance] = [d for d in found["differences"] if d["today"]["programme"]["slug"] == "old-age-allowance"]
    assert (allowance["today"]["status"], allowance["then"]["status"]) == ("ENTITLED", "NOT_ENTITLED")
    assert [one["becomes"] for one in allowance["then"]["smallestChange"]["facts"]] == [False]
    assert await looks(sitthi) > before
    async with sitthi.house.db.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM decision")) == 0


async def looks(sitthi: Served) -> int:
    async with sitthi.house.db.read() as session:
        return int(await session.scalar(text("SELECT count(*) FROM access_record")) or 0)
