"""Programmes, entitlements and the anonymous check over the graph, with real rules."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import strawberry
from sqlalchemy import text

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput
from core.graph import Info, Node, Rooms, global_id
from core.ids import GlobalId, new_id
from core.money import Money
from core.text import Language
from services.apply.acceptance.service import Acceptance
from services.apply.graph import NODES as APPLY_NODES
from services.apply.graph import ApplyMutation
from services.apply.service import ApplyService
from services.exchange.catalogue import Catalogue
from services.exchange.gate import ExchangeGate
from tests.services.apply.asking import Asking, schema_of
from tests.welfare.entitlements.conftest import CHILD, PERSON, TableGate
from tests.welfare.entitlements.support import NoAward, NoNotice
from welfare.entitlements.anonymous import FACTS_MAX
from welfare.entitlements.graph import NODES, WelfareOfCitizen, WelfareQuery
from welfare.entitlements.room import open_welfare
from welfare.rules.errors import DayOutOfRange

ENTITLEMENTS = """query($status: [EntitlementStatus!], $on: Date) { viewer { entitlements(status: $status, on: $on) {
  id status changesOn programme { slug title payer { slug } } beneficiary { id } application { id status }
  benefits { kind amount { satang currency } cadence per inKind }
  reasons { text outcome law facts { attribute title value state asOf source { slug } } }
  missing { attribute title heldBy agency } } } }"""
CHECK = """query($facts: [FactInput!]!, $on: Date) { checkEntitlements(facts: $facts, on: $on) {
  id status programme { slug } beneficiary { id birthDate { value state } } benefits { amount { satang } }
  missing { attribute } changesOn } }"""
APPLY = """mutation($input: ApplyInput!) { apply(input: $input) {
  application { id status missing { attribute heldBy } } problems { code path } } }"""


@strawberry.type
class Query(WelfareQuery):
    @strawberry.field
    def viewer(self, info: Info) -> WelfareOfCitizen:
        return WelfareOfCitizen(person=info.context.signed_in().person)

    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 (Relay's word)
        given = GlobalId.parse(str(id))
        return await {**NODES, **APPLY_NODES}[given.type](info, given.id)


@pytest.fixture
def ask(database: Database, clock: FixedClock, gate: TableGate, keys: KeyRing, catalogue: Catalogue) -> Asking:
    rooms = Rooms()
    welfare = open_welfare(rooms, database=database, clock=clock, keys=keys, gate=gate, catalogue=catalogue)
    rooms.add(Catalogue, catalogue)
    rooms.add(ExchangeGate, gate)  # the graph of the exchange asks whatever stands in its place
    deciders = {"programme": welfare.decider}
    apply = ApplyService(database, keys, clock, deciders=deciders, awarder=NoAward(), notices=NoNotice())
    rooms.add(ApplyService, apply)
    rooms.add(Acceptance, Acceptance(database, clock, apply, welfare.decider))
    return Asking(schema_of(Query, ApplyMutation), database, clock, rooms)


async def entitled(ask: Asking, viewer: UUID, **variables: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(ENTITLEMENTS, viewer, **variables))["viewer"]["entitlements"]
    return found


def only(found: list[dict[str, Any]], slug: str) -> dict[str, Any]:
    [one] = [e for e in found if e["programme"]["slug"] == slug]
    return one


async def test_an_entitlement_shows_its_reasons_with_law_and_facts(
    ask: Asking, gate: TableGate, clock: FixedClock
) -> None:
    elder = gate.add(birth_date=date(1955, 3, 1))
    allowance = only(await entitled(ask, elder), "old-age-allowance")
    assert allowance["status"] == "ENTITLED"
    assert allowance["benefits"] == [
        {"kind": "allowance", "amount": {"satang": 70_000, "currency": "THB"}, "cadence": "MONTH", "per": "PERSON",
         "inKind": False}
    ]  # fmt: skip
    assert allowance["changesOn"] == "2035-10-01"
    age = allowance["reasons"][1]
    assert (age["text"], age["outcome"]) == ("อายุตั้งแต่ 60 ปีบริบูรณ์ขึ้นไป", "MET")
    assert age["law"] == "ระเบียบ มท. 2566 ข้อ 6 (2)"
    assert age["facts"] == [
        {"attribute": "birth_date", "title": "วันเดือนปีเกิด", "value": "1955-03-01", "state": "FRESH",
         "asOf": clock.now().isoformat(), "source": {"slug": "dopa"}}
    ]  # fmt: skip
    english = only(
        (await ask(ENTITLEMENTS, elder, language=Language.EN))["viewer"]["entitlements"], "old-age-allowance"
    )
    assert english["reasons"][1]["text"] == "is at least 60 years old"


async def test_a_status_filters_and_a_day_asks_the_law_of_that_day(ask: Asking, gate: TableGate) -> None:
    person = gate.add(birth_date=date(1966, 12, 1))
    assert {e["status"] for e in await entitled(ask, person, status=["ENTITLED"])} == {"ENTITLED"}
    assert await entitled(ask, person, status=[]) == []
    slug = "old-age-allowance"
    assert only(await entitled(ask, person), slug)["status"] == "NOT_ENTITLED"
    assert only(await entitled(ask, person, on="2026-12-01"), slug)["status"] == "ENTITLED"
    with pytest.raises(DayOutOfRange):
        await entitled(ask, person, on="9999-01-01")


async def test_money_and_missing_facts_are_shown_as_they_are(ask: Asking, gate: TableGate) -> None:
    person = gate.add()
    gate.down = {"rd"}
    card = only(await entitled(ask, person), "state-welfare-card")
    assert card["status"] == "NEEDS_INFORMATION"
    assert card["missing"] == [
        {"attribute": "annual_income", "title": card["missing"][0]["title"], "heldBy": "AGENCY", "agency": "rd"}
    ]
    facts = {fact["attribute"]: fact for reason in card["reasons"] for fact in reason["facts"]}
    assert facts["annual_income"]["value"] is None
    assert facts["annual_income"]["state"] == "UNAVAILABLE"
    assert facts["financial_assets"]["value"] == {"satang": 500_000, "currency": "THB"}
    assert [b["per"] for b in card["benefits"]].count("HOUSEHOLD") == 2


async def test_sibling_fields_of_one_request_are_one_look(ask: Asking, gate: TableGate) -> None:
    person = gate.add()
    two = "{ viewer { a: entitlements { id } b: entitlements(status: [ENTITLED]) { id } } }"
    await ask(two, person)
    assert len(gate.asked) == 1


async def test_a_node_is_assessed_anew_for_its_owner_alone(ask: Asking, gate: TableGate) -> None:
    elder, other = gate.add(birth_date=date(1955, 3, 1)), gate.add()
    key = only(await entitled(ask, elder), "old-age-allowance")["id"]
    document = "query($id: ID!) { node(id: $id) { id ... on Entitlement { status } ... on Programme { slug } } }"
    assert (await ask(document, elder, id=key))["node"] == {"id": key, "status": "ENTITLED"}
    gate.people[elder]["state_benefit"] = True
    assert (await ask(document, elder, id=key))["node"]["status"] == "NOT_ENTITLED"
    for viewer in (other, None):
        assert (await ask(document, viewer, id=key))["node"] is None
    assert (await ask(document, elder, id=str(global_id("Entitlement", new_id()))))["node"] is None


async def test_programmes_are_for_everyone_and_are_nodes(ask: Asking) -> None:
    document = """{ programmes { id slug title law forChildren requirements unverified payer { slug title }
      applyAt onRequest excludes { slug } benefits { kind cadence per inKind isRight } } }"""
    programmes = (await ask(document, None))["programmes"]
    by_slug = {p["slug"]: p for p in programmes}
    assert len(by_slug) == 14
    assert list(by_slug) == sorted(by_slug)
    card = by_slug["state-welfare-card"]
    assert len(card["benefits"]) == 5
    assert {b["inKind"] for b in card["benefits"]} == {True}
    assert card["payer"] == {"slug": "cgd", "title": "กรมบัญชีกลาง"}
    assert card["law"]
    assert card["requirements"]
    assert (card["applyAt"], card["onRequest"], card["excludes"]) == ("HERE", False, [])
    health_care = by_slug["universal-coverage"]
    assert (health_care["applyAt"], health_care["benefits"][0]["isRight"]) == ("NONE", True)
    assert by_slug["aids-allowance"]["onRequest"]
    assert by_slug["section-33-old-age"]["excludes"] == [{"slug": "section-33-unemployment"}]
    node = "query($id: ID!) { node(id: $id) { ... on Programme { slug } } }"
    assert (await ask(node, None, id=card["id"]))["node"] == {"slug": "state-welfare-card"}
    assert (await ask(node, None, id=str(global_id("Programme", new_id()))))["node"] is None


async def test_a_citizen_applies_for_what_they_are_entitled_to_and_receives_it(ask: Asking, gate: TableGate) -> None:
    parent = gate.add()
    gate.add(CHILD, parent=parent)
    before = only(await entitled(ask, parent), "child-support-grant")
    chosen = {
        "programme": "child-support-grant",
        "beneficiary": before["beneficiary"]["id"],
        "idempotencyKey": "key-0001",
    }
    made = (await ask(APPLY, parent, input=chosen))["apply"]
    assert (made["problems"], made["application"]["status"]) == ([], "APPROVED")
    after = only(await entitled(ask, parent), "child-support-grant")
    assert (after["id"], after["status"]) == (before["id"], "RECEIVING")
    assert after["application"]["id"] == made["application"]["id"]


async def test_applying_while_a_source_is_down_waits_for_the_agency(ask: Asking, gate: TableGate) -> None:
    elder = gate.add(birth_date=date(1955, 3, 1))
    gate.down = {"cgd"}
    chosen = {"programme": "old-age-allowance", "idempotencyKey": "key-0001"}
    application = (await ask(APPLY, elder, input=chosen))["apply"]["application"]
    assert application["status"] == "SUBMITTED"
    assert application["missing"] == [{"attribute": "state_benefit", "heldBy": "AGENCY"}]


def facts(values: dict[str, Any], child: int | None = None) -> list[dict[str, Any]]:
    """As a client gives them."""

    def plain(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        return {"satang": value.satang, "currency": "THB"} if hasattr(value, "satang") else value

    return [{"attribute": name, "value": plain(value), "child": child} for name, value in values.items()]


async def test_somebody_without_a_name_learns_what_a_citizen_would(ask: Asking, gate: TableGate) -> None:
    elder = {**PERSON, "birth_date": date(1955, 3, 1)}
    citizen = gate.add(elder)
    gate.add(CHILD, parent=citizen)
    mine = {e["programme"]["slug"]: e["status"] for e in await entitled(ask, citizen)}
    gate.asked.clear()
    given = facts(elder) + facts({**CHILD, "birth_date": date(2025, 5, 20)}, child=1)
    found = (await ask(CHECK, None, facts=given))["checkEntitlements"]
    learnt = {e["programme"]["slug"]: e["status"] for e in found}
    assert learnt == mine | {"aids-allowance": "NEEDS_INFORMATION"}, "which is put to no citizen unasked"
    grant = only(found, "child-support-grant")
    assert grant["benefits"] == [{"amount": {"satang": 60_000}}]
    assert grant["beneficiary"]["birthDate"] == {"value": "2025-05-20", "state": "FRESH"}
    assert gate.asked == []


async def test_a_check_stores_nothing_and_asks_nobody_even_of_a_citizen(ask: Asking, gate: TableGate) -> None:
    citizen = gate.add()
    found = (await ask(CHECK, citizen, facts=facts({"birth_date": date(1955, 3, 1)})))["checkEntitlements"]
    allowance = only(found, "old-age-allowance")
    assert allowance["status"] == "NEEDS_INFORMATION"
    missing = [m["attribute"] for m in allowance["missing"]]
    assert sorted(missing) == [
        "deceased", "household_registered", "nationality", "old_age_registered", "old_age_registered_on",
        "state_benefit",
    ]  # fmt: skip
    assert gate.asked == []
    async with ask.database.read() as session:
        for table in ("application", "decision", "access_record", "person"):
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608 (our words)
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert (await ask(node, citizen, id=allowance["id"]))["node"] is None


async def test_nothing_known_is_nothing_decided(ask: Asking) -> None:
    found = (await ask(CHECK, None, facts=[]))["checkEntitlements"]
    assert {e["status"] for e in found} == {"NEEDS_INFORMATION"}


@pytest.mark.parametrize(
    ("fact", "where"),
    [
        ({"attribute": "no_such", "value": 1}, "attribute"),
        ({"attribute": "", "value": 1}, "attribute"),
        ({"attribute": "children", "value": []}, "attribute"),
        ({"attribute": "name", "value": {"given_th": "ก"}}, "attribute"),
        ({"attribute": "birth_date", "value": "1955-02-30"}, "value"),
        ({"attribute": "birth_date", "value": True}, "value"),
        ({"attribute": "annual_income", "value": 100_000}, "value"),  # a bare number could be baht
        ({"attribute": "annual_income", "value": {"satang": -1, "currency": "THB"}}, "value"),
        ({"attribute": "annual_income", "value": {"satang": 1, "currency": "USD"}}, "value"),
        ({"attribute": "annual_income", "value": {"satang": 2**70, "currency": "THB"}}, "value"),
        ({"attribute": "nationality", "value": "martian"}, "value"),
        ({"attribute": "deceased", "value": 1}, "value"),
        ({"attribute": "deceased", "value": None}, "value"),
        ({"attribute": "household_size", "value": 0}, "value"),
        ({"attribute": "deceased", "value": False, "child": 0}, "child"),
        ({"attribute": "deceased", "value": False, "child": 11}, "child"),
    ],
)
async def test_a_fact_that_makes_no_sense_is_named_by_its_place(ask: Asking, fact: dict[str, Any], where: str) -> None:
    sound = {"attribute": "disability_card", "value": True}
    with pytest.raises(BadInput) as error:
        await ask(CHECK, None, facts=[sound, fact])
    assert error.value.path == ("facts", 1, where)


async def test_a_fact_twice_or_too_many_facts_are_refused(ask: Asking) -> None:
    twice = [{"attribute": "deceased", "value": False}] * 2
    with pytest.raises(BadInput) as error:
        await ask(CHECK, None, facts=twice)
    assert error.value.path == ("facts", 1, "attribute")
    with pytest.raises(BadInput) as error:
        await ask(CHECK, None, facts=twice * FACTS_MAX)
    assert error.value.path == ("facts",)


async def test_what_others_in_the_house_earn_is_used_and_not_shown(ask: Asking, gate: TableGate) -> None:
    """With one's own income known, the total of a household of two is the other's income."""
    citizen = gate.add(annual_income=Money.baht(30_000), household_income=Money.baht(114_321), household_size=2)
    card = only(await entitled(ask, citizen), "state-welfare-card")
    facts = {fact["attribute"]: fact for reason in card["reasons"] for fact in reason["facts"]}
    assert (facts["household_income"]["value"], facts["household_income"]["state"]) == (None, "DENIED")
    assert facts["annual_income"]["value"] == {"satang": 3_000_000, "currency": "THB"}
    assert "11432100" not in json.dumps(card)
    [judged] = [r for r in card["reasons"] if "household_income" in {fact["attribute"] for fact in r["facts"]}]
    assert judged["outcome"] == "MET"


async def test_a_total_that_nobody_knows_is_unavailable_and_one_that_was_given_is_shown(
    ask: Asking, gate: TableGate
) -> None:
    citizen = gate.add({name: value for name, value in PERSON.items() if name != "household_income"})
    card = only(await entitled(ask, citizen), "state-welfare-card")
    assert {f["state"] for r in card["reasons"] for f in r["facts"] if f["attribute"] == "household_income"} == {
        "UNAVAILABLE"
    }
    given = [{"attribute": "household_income", "value": {"satang": 5, "currency": "THB"}}]
    query = (
        "query($facts: [FactInput!]!) { checkEntitlements(facts: $facts) { reasons { facts { attribute value } } } }"
    )
    told = (await ask(query, None, facts=given))["checkEntitlements"]
    shown = [f["value"] for e in told for r in e["reasons"] for f in r["facts"] if f["attribute"] == "household_income"]
    assert shown
    assert all(value == {"satang": 5, "currency": "THB"} for value in shown)
