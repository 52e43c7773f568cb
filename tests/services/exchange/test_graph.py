"""The exchange in the graph, asked as a citizen's app asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import strawberry
from sqlmodel import select
from strawberry.schema.config import StrawberryConfig

from core.crypto import KeyRing
from core.graph import Context, Info, Node, Rooms, Viewer, global_id
from core.graph.types import SATANG_SCALAR, Satang
from core.ids import GlobalId
from core.text import Language
from services.exchange.catalogue import Catalogue
from services.exchange.consent.service import ConsentService
from services.exchange.corrections.models import Correction
from services.exchange.corrections.service import CorrectionService
from services.exchange.facts import OWN_VIEW, WELFARE_CHECK, Purpose
from services.exchange.gate import ExchangeGate
from services.exchange.graph import (
    NODES,
    ExchangeMutation,
    ExchangeOfCitizen,
    ExchangeQuery,
    Person,
    load_children,
    load_facts,
)
from services.exchange.graph.proofs import LOG_NUMBER_SCALAR, LogNumber
from tests.services.exchange.consenting import Citizen as Consenting
from tests.services.exchange.fakes import CATALOGUE, KEYS, Exchange, citizen, officer
from tests.services.exchange.proofs.test_verify import Owner

pytestmark = pytest.mark.fakeredis_only

PROFILE = """
{ viewer {
    profile {
      name { value { full givenTh } state } birthDate { value source { slug title } asOf state }
      nationality { value state } gender { value state } annualIncome { value { satang currency } state }
      address { value { text } state } disabilityCard { value state source { slug } }
    }
} }
"""
LOG = """
query Log($first: Int, $after: String) { viewer { accessLog(first: $first, after: $after) {
  nodes {
    id at decision basis reason asker { kind label } agency { slug title } purpose { id title }
    attributes { id title } outcomes { purpose { id } states { attribute { id } state error } }
  }
  pageInfo { hasNextPage endCursor }
} } }
"""
CONSENTS = (
    "{ viewer { consents { nodes { id status requester { slug } purpose { id } attributes { id } withdrawnAt } } } }"
)
GRANT = """
mutation Grant($input: GrantConsentInput!) { grantConsent(input: $input) {
  consent { id status textVersion } problems { code path }
} }
"""
WITHDRAW = """
mutation Withdraw($input: WithdrawConsentInput!) { withdrawConsent(input: $input) {
  consent { id status } problems { code path }
} }
"""
CORRECT = """
mutation Correct($input: RequestCorrectionInput!) { requestCorrection(input: $input) {
  correction { id status statement createdAt attribute { id title } steward { slug } } problems { code path }
} }
"""


@strawberry.type
class Citizen(ExchangeOfCitizen, Node):
    @strawberry.field
    async def welfare(self, info: Info) -> list[str]:
        """What another room's resolver would ask beside the profile."""
        children = await load_children(info, self.person, WELFARE_CHECK) or ()
        told = await load_facts(info, self.person, ["birth_date", "household_income"], WELFARE_CHECK)
        each = await asyncio.gather(
            *(load_facts(info, child, ["birth_date", "lives_with_applicant"], WELFARE_CHECK) for child in children)
        )
        return [fact.state for facts in (told, *each) for fact in facts.values()]


@strawberry.type
class Query(ExchangeQuery):
    @strawberry.field
    def viewer(self, info: Info) -> Citizen | None:
        viewer = info.context.viewer
        return Citizen(id=global_id("Citizen", viewer.person), person=viewer.person) if viewer else None

    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - the graph's name
        found = GlobalId.parse(id)
        return await NODES[found.type](info, found.id)


SCHEMA = strawberry.Schema(
    Query,
    ExchangeMutation,
    types=[Person],
    config=StrawberryConfig(scalar_map={Satang: SATANG_SCALAR, LogNumber: LOG_NUMBER_SCALAR}),
)
Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def ask(exchange: Exchange) -> Ask:
    rooms = Rooms()
    rooms.add(Catalogue, CATALOGUE)
    rooms.add(KeyRing, KEYS)
    rooms.add(ExchangeGate, exchange.gate)
    rooms.add(ConsentService, Consenting(exchange).service)
    rooms.add(CorrectionService, CorrectionService(CATALOGUE, KEYS, exchange.clock))

    async def ask(
        document: str, who: str | None = "mother", language: Language = Language.TH, **variables: Any
    ) -> dict[str, Any]:
        viewer = (
            Viewer(exchange.keys[who], "test-app", frozenset(), "ial2.3", datetime(2100, 1, 1, tzinfo=UTC))
            if who
            else None
        )
        context = Context(exchange.database, exchange.clock, rooms, viewer, language, uuid4())
        result = await SCHEMA.execute(document, variable_values=variables, context_value=context)
        if result.errors:
            raise result.errors[0].original_error or result.errors[0]
        assert result.data is not None
        return result.data

    return ask


async def test_the_profile_shows_each_fact_with_its_source(exchange: Exchange, ask: Ask) -> None:
    exchange.dopa.file[exchange.ids["mother"]] |= {
        "name": {"title_th": "นาง", "given_th": "มาลี", "family_th": "ใจดี", "given_en": "Malee", "family_en": "Jaidee"},
        "address": None,
    }
    profile = (await ask(PROFILE))["viewer"]["profile"]
    assert profile["name"] == {"value": {"full": "นางมาลี ใจดี", "givenTh": "มาลี"}, "state": "FRESH"}
    assert profile["birthDate"] == {
        "value": "1990-05-01",
        "source": {"slug": "dopa", "title": "กรมการปกครอง"},
        "asOf": "2026-11-01T00:00:00+00:00",
        "state": "FRESH",
    }
    assert profile["annualIncome"] == {"value": {"satang": 9_000_000, "currency": "THB"}, "state": "FRESH"}
    assert profile["address"] == {"value": None, "state": "FRESH"}  # none, by the register's word
    assert profile["gender"] == {"value": None, "state": "UNAVAILABLE"}  # nobody knows
    assert profile["disabilityCard"] == {"value": None, "state": "UNAVAILABLE", "source": {"slug": "dep"}}
    english = await ask("{ viewer { profile { name { value { full } } } } }", language=Language.EN)
    assert english["viewer"]["profile"]["name"]["value"]["full"] == "Malee Jaidee"


async def test_a_silent_source_leaves_the_rest_of_the_profile_whole(exchange: Exchange, ask: Ask) -> None:
    exchange.rd.breaks()
    profile = (await ask(PROFILE))["viewer"]["profile"]
    assert profile["annualIncome"] == {"value": None, "state": "UNAVAILABLE"}
    assert profile["nationality"] == {"value": "thai", "state": "FRESH"}


async def test_the_profile_asks_each_agency_once_and_for_what_is_selected_only(exchange: Exchange, ask: Ask) -> None:
    await ask("{ viewer { profile { birthDate { value } nationality { state } annualIncome { state } } } }")
    assert exchange.dopa.asked == [(exchange.ids["mother"], frozenset({"birth_date", "nationality"}))]
    assert exchange.rd.asked == [(exchange.ids["mother"], frozenset({"annual_income"}))]


async def test_a_home_query_makes_one_decision_entry_about_the_viewer(exchange: Exchange, ask: Ask) -> None:
    told = await ask("{ viewer { welfare profile { birthDate { value } annualIncome { state } } } }")
    assert set(told["viewer"]["welfare"]) == {"FRESH"}
    assert len(await exchange.entries(exchange.keys["mother"])) == 1
    [entry] = (await ask(LOG))["viewer"]["accessLog"]["nodes"]
    assert {attribute["id"] for attribute in entry["attributes"]} == {
        "birth_date", "annual_income", "household_income", "household_members", "children"
    }  # fmt: skip
    assert {outcome["purpose"]["id"] for outcome in entry["outcomes"]} == {"own-view", "welfare-check"}


async def test_the_access_log_is_in_words_a_citizen_reads(exchange: Exchange, ask: Ask) -> None:
    await ask("{ viewer { profile { birthDate { value } gender { value } } } }")
    mother = exchange.keys["mother"]
    await asyncio.sleep(0.002)
    await exchange.gate.facts(
        mother, ["birth_date"], asker=officer("oic"), purpose=Purpose("payment", OWN_VIEW.basis, OWN_VIEW.text)
    )
    denied, own = (await ask(LOG))["viewer"]["accessLog"]["nodes"]
    assert own["asker"] == {"kind": "CITIZEN", "label": "คุณ"}
    assert (own["agency"], own["decision"], own["basis"], own["reason"]) == (None, "ALLOWED", "OWN_DATA", None)
    assert own["purpose"] == {"id": "own-view", "title": "เจ้าของข้อมูลเปิดดูเอง"}
    assert own["attributes"][0] == {"id": "birth_date", "title": "วันเดือนปีเกิด"}
    assert own["outcomes"][0]["states"] == [
        {"attribute": {"id": "birth_date"}, "state": "FRESH", "error": None},
        {"attribute": {"id": "gender"}, "state": "UNAVAILABLE", "error": "NOT_KNOWN"},
    ]
    assert denied["agency"]["slug"] == "oic"
    assert (denied["decision"], denied["reason"], denied["outcomes"]) == ("DENIED", "UNKNOWN_PURPOSE", [])
    english = (await ask(LOG, language=Language.EN))["viewer"]["accessLog"]["nodes"][1]
    assert english["purpose"]["title"] == "You looked at your own data"


async def test_the_access_log_pages_by_cursor(exchange: Exchange, ask: Ask) -> None:
    mother = exchange.keys["mother"]
    for _ in range(3):
        await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
        await asyncio.sleep(0.002)
    first = (await ask(LOG, first=2))["viewer"]["accessLog"]
    rest = (await ask(LOG, first=2, after=first["pageInfo"]["endCursor"]))["viewer"]["accessLog"]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    ids = [node["id"] for node in (*first["nodes"], *rest["nodes"])]
    assert len(set(ids)) == 3
    [newest, *_] = reversed(await exchange.entries(mother))
    assert ids[0] == global_id("AccessEntry", newest.id)


async def test_a_record_that_was_broken_hides_none_that_is_older(exchange: Exchange, ask: Ask) -> None:
    mother = exchange.keys["mother"]
    for _ in range(4):
        await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    entries = await exchange.entries(mother)
    await Owner(exchange.database).does(
        "UPDATE access_record SET payload_sealed = :junk WHERE id = :one OR id = :two",
        junk=b"\x03" + bytes(64),
        one=entries[1].id.hex if exchange.database.is_sqlite else entries[1].id,
        two=entries[2].id.hex if exchange.database.is_sqlite else entries[2].id,
    )
    first = (await ask(LOG, first=1))["viewer"]["accessLog"]
    rest = (await ask(LOG, first=1, after=first["pageInfo"]["endCursor"]))["viewer"]["accessLog"]
    assert [node["id"] for node in (*first["nodes"], *rest["nodes"])] == [
        global_id("AccessEntry", entries[3].id),
        global_id("AccessEntry", entries[0].id),
    ]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


@pytest.mark.parametrize("after", ["%%%", "Yzp4", "", "x" * 400])
async def test_a_cursor_that_is_not_ours_is_refused(ask: Ask, after: str) -> None:
    with pytest.raises(Exception, match="cursor"):
        await ask(LOG, after=after)


async def test_the_log_of_others_is_nobodys_to_see(exchange: Exchange, ask: Ask) -> None:
    lodger = exchange.keys["lodger"]
    await exchange.gate.facts(lodger, ["birth_date"], asker=citizen(lodger), purpose=OWN_VIEW)
    assert (await ask(LOG))["viewer"]["accessLog"]["nodes"] == []
    [entry] = await exchange.entries(lodger)
    key = global_id("AccessEntry", entry.id)
    document = "query N($id: ID!) { node(id: $id) { id } }"
    assert await ask(document, id=key) == {"node": None}
    assert await ask(document, who=None, id=key) == {"node": None}
    assert await ask(document, who="lodger", id=key) == {"node": {"id": key}}


async def test_a_person_is_the_viewer_or_their_child_and_nobody_else(exchange: Exchange, ask: Ask) -> None:
    document = "query P($id: ID!) { node(id: $id) { ... on Person { id birthDate { value } } } }"

    async def born(who: str | None, key: UUID) -> Any:
        return (await ask(document, who=who, id=global_id("Person", key)))["node"]

    assert (await born("mother", exchange.keys["mother"]))["birthDate"]["value"] == "1990-05-01"
    assert (await born("mother", exchange.keys["younger"]))["birthDate"]["value"] == "2022-01-01"
    assert await born("mother", exchange.keys["lodger"]) is None
    assert await born("mother", uuid4()) is None
    assert await born("lodger", exchange.keys["younger"]) is None
    assert await born(None, exchange.keys["mother"]) is None
    [entry] = await exchange.entries(exchange.keys["younger"])
    assert (entry.purpose, entry.attributes) == ("welfare-check", ["birth_date"])
    lodger = exchange.keys["lodger"]  # a guess leaves nothing in another's log
    assert {entry.asker_id for entry in await exchange.entries(lodger)} == {lodger.hex}


async def test_consent_is_given_seen_and_withdrawn(ask: Ask) -> None:
    terms = (
        await ask(
            "{ consentTerms { textVersion text days purpose { id } requester { slug } attributes { id } } }", None
        )
    )["consentTerms"]
    assert (terms[0]["requester"], terms[0]["days"]) == ({"slug": "slf"}, 365)
    given = {
        "purpose": terms[0]["purpose"]["id"],
        "textVersion": terms[0]["textVersion"],
        "idempotencyKey": "consent-1",
    }
    granted = (await ask(GRANT, input=given))["grantConsent"]
    assert granted["problems"] == []
    assert granted["consent"]["status"] == "ACTIVE"
    assert (await ask(GRANT, input=given))["grantConsent"] == granted
    key = {"consent": granted["consent"]["id"], "idempotencyKey": "withdraw-1"}
    assert (await ask(WITHDRAW, input=key))["withdrawConsent"]["consent"]["status"] == "WITHDRAWN"
    assert (await ask(WITHDRAW, input=key))["withdrawConsent"]["consent"]["status"] == "WITHDRAWN"
    [consent] = (await ask(CONSENTS))["viewer"]["consents"]["nodes"]
    assert (consent["id"], consent["status"]) == (granted["consent"]["id"], "WITHDRAWN")
    assert (await ask(CONSENTS, who="lodger"))["viewer"]["consents"]["nodes"] == []


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"purpose": "nothing"}, "UNKNOWN_PURPOSE", ["purpose"]),
        ({"purpose": "payment"}, "CONSENT_NOT_NEEDED", ["purpose"]),
        ({"textVersion": "0"}, "CONSENT_TEXT_CHANGED", ["textVersion"]),
        ({"attributes": ["shoe_size"]}, "BAD_INPUT", ["attributes"]),
        ({"idempotencyKey": "short"}, "BAD_INPUT", ["idempotencyKey"]),
    ],
)
async def test_a_grant_that_fails_is_a_problem_and_leaves_nothing(
    ask: Ask, change: dict[str, Any], code: str, path: list[str]
) -> None:
    given = {"purpose": "student-loan-screening", "textVersion": "2569-1", "idempotencyKey": "consent-1"} | change
    told = (await ask(GRANT, input=given))["grantConsent"]
    assert told == {"consent": None, "problems": [{"code": code, "path": path}]}
    assert (await ask(CONSENTS))["viewer"]["consents"]["nodes"] == []


@pytest.mark.parametrize(
    ("birth_date", "code"),
    [(date(2006, 11, 17), "CONSENT_NEEDS_PARENT"), (date(2006, 11, 16), None), (None, "SERVICE_UNAVAILABLE")],
)
async def test_a_minor_does_not_consent_alone(
    exchange: Exchange, ask: Ask, birth_date: date | None, code: str | None
) -> None:
    """Today is 16 November 2026. Who is not known to be of age is not taken to be."""
    file = exchange.dopa.file[exchange.ids["lodger"]]
    if birth_date is None:
        del file["birth_date"]
    else:
        file["birth_date"] = birth_date
    given = {"purpose": "student-loan-screening", "textVersion": "2569-1", "idempotencyKey": "consent-1"}
    told = (await ask(GRANT, who="lodger", input=given))["grantConsent"]
    assert [problem["code"] for problem in told["problems"]] == ([] if code is None else [code])
    granted = (await ask(CONSENTS, who="lodger"))["viewer"]["consents"]["nodes"]
    assert len(granted) == (1 if code is None else 0)


async def test_a_foreign_and_a_forged_consent_are_alike(ask: Ask) -> None:
    given = {"purpose": "student-loan-screening", "textVersion": "2569-1", "idempotencyKey": "consent-1"}
    theirs = (await ask(GRANT, who="lodger", input=given))["grantConsent"]["consent"]["id"]
    for forged in (theirs, global_id("Consent", uuid4())):
        told = await ask(WITHDRAW, input={"consent": forged, "idempotencyKey": "withdraw-1"})
        assert told["withdrawConsent"]["problems"] == [{"code": "NOT_FOUND", "path": []}]
    told = await ask(WITHDRAW, input={"consent": global_id("Person", uuid4()), "idempotencyKey": "withdraw-1"})
    assert told["withdrawConsent"]["problems"][0]["code"] == "MALFORMED_ID"
    assert (await ask(CONSENTS, who="lodger"))["viewer"]["consents"]["nodes"][0]["status"] == "ACTIVE"


async def test_a_correction_opens_a_case_with_the_steward(exchange: Exchange, ask: Ask) -> None:
    said = {"attribute": "annual_income", "statement": " รายได้ไม่ถูกต้อง ", "idempotencyKey": "correct-1"}
    told = (await ask(CORRECT, input=said))["requestCorrection"]
    assert told["problems"] == []
    correction = told["correction"]
    assert (correction["status"], correction["statement"]) == ("OPEN", "รายได้ไม่ถูกต้อง")
    assert (correction["steward"]["slug"], correction["attribute"]["id"]) == ("rd", "annual_income")
    assert (await ask(CORRECT, input=said))["requestCorrection"] == told
    async with exchange.database.read() as session:
        [row] = (await session.scalars(select(Correction))).all()
    assert "รายได้ไม่ถูกต้อง".encode() not in row.statement_sealed
    node = "query N($id: ID!) { node(id: $id) { ... on Correction { statement } } }"
    assert (await ask(node, id=correction["id"]))["node"] == {"statement": "รายได้ไม่ถูกต้อง"}
    assert (await ask(node, who="lodger", id=correction["id"]))["node"] is None


@pytest.mark.parametrize(
    ("attribute", "statement", "code"),
    [
        ("shoe_size", "43", "UNKNOWN_ATTRIBUTE"),
        ("household_income", "too high", "BAD_INPUT"),
        ("birth_date", "  ", "BAD_INPUT"),
        ("birth_date", "x" * 2001, "BAD_INPUT"),
        ("birth_date", "\x00", "BAD_INPUT"),
    ],
)
async def test_a_correction_that_makes_no_sense_is_a_problem(
    exchange: Exchange, ask: Ask, attribute: str, statement: str, code: str
) -> None:
    said = {"attribute": attribute, "statement": statement, "idempotencyKey": "correct-1"}
    told = (await ask(CORRECT, input=said))["requestCorrection"]
    assert told["correction"] is None
    assert [problem["code"] for problem in told["problems"]] == [code]
    async with exchange.database.read() as session:
        assert (await session.scalars(select(Correction))).all() == []


async def test_a_second_correction_of_the_same_fact_waits_for_the_first(ask: Ask) -> None:
    for key, expected in (("correct-1", []), ("correct-2", ["CORRECTION_OPEN"])):
        said = {"attribute": "birth_date", "statement": "ผิด", "idempotencyKey": key}
        told = (await ask(CORRECT, input=said))["requestCorrection"]
        assert [problem["code"] for problem in told["problems"]] == expected


async def test_a_consent_that_ran_out_says_so(exchange: Exchange, ask: Ask) -> None:
    given = {"purpose": "student-loan-screening", "textVersion": "2569-1", "idempotencyKey": "consent-1"}
    await ask(GRANT, input=given)
    exchange.clock.advance(timedelta(days=365))
    assert (await ask(CONSENTS))["viewer"]["consents"]["nodes"][0]["status"] == "EXPIRED"
