"""A claim of a hospital, from the accident to the bank and back, through the whole application."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import select

from api.benefits import news
from api.books import books_of
from core.clock import bangkok_day
from core.text import Text
from identity.juristic.appointing import Wish
from identity.juristic.models import JuristicKind
from identity.juristic.register import By
from identity.provider.registration import juristic_client, register_client
from services.apply.delivery import repository
from services.pay.errors import NotYourAgency
from services.pay.ledger.acts import ActKind
from services.receive.models import Receipt
from services.sandbox.population.personas import persona
from tests.api.test_agency_ingest import send, system
from tests.api.test_juristic_ingest import numbered
from tests.identity.officers_of_tests import number
from tests.identity.provider.key_holders import KeyHolder
from tests.services.agencies.oic.office import INSURER, POLICY
from tests.services.agencies.oic_claims.fund import BILL
from tests.services.pay.town import Clerk
from tests.services.plugins.records.register import ndjson
from tests.support.acting import act, delegated
from tests.support.agency import AgencySystem, code_of
from tests.support.app import Served

PATH: Final = "/agency/v1/services/oic/ingest/{}"
VICTIM: Final = persona("elder").national_id
CLAIMS: Final = """{ viewer {
  insurance { claims {
    number state due { satang } insurerEn payments { state amount { satang } } looks { organisation }
  } }
  payments { edges { node { status title amount { satang } programme receipt { number } } } }
  inbox { edges { node { title body } } }
} }"""
FILED: Final = "For you to know: A claim for a road accident was filed in your name"


class Body:
    """A juristic person before the OIC, with a system and an officer who has one power."""

    def __init__(self, sitthi: Served, running: int, kind: JuristicKind, power: str) -> None:
        self.sitthi, self.number, self.kind, self.power = sitthi, numbered(running), kind, power

    async def enter(self) -> Body:
        house, holder = self.sitthi.house, KeyHolder.make()
        office, who = house.identity.office, 40 + int(self.number.digits[-3:-1])
        until = bangkok_day(house.clock.now()) + timedelta(days=29)
        async with house.db.write() as session:
            row = await office.juristic.enter(
                session, self.number, agency="oic", kind=self.kind, title=Text(th="ทดสอบ", en="Test"), directors=(),
                by=By(UUID(int=1), "oic"),
            )  # fmt: skip
            spec = juristic_client(row.id, Text(th="ระบบ", en="System"), holder.registered)
            client = await register_client(session, spec, created_by="tests", clock=house.clock, prefix="juristic")
            person = (await house.identity.people.resolve(session, [number(who)]))[number(who).digits]
            wish = Wish(person, Text(th="นาย", en="Mr"), (self.power,), until)
            held = await office.appointing.appoint(session, row, wish, maker=UUID(int=1), checker=UUID(int=2))
        self.officer, self.system = held.id.hex, AgencySystem(self.sitthi, "", client, holder)
        return self

    async def sends(self, operation: str, *records: dict[str, Any], key: str = "sending-0001") -> dict[str, Any]:
        answer = await send(
            self.system, ndjson(*records), PATH.format(operation), AgentID=self.officer, idempotency_key=key
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
async def hospital(sitthi: Served) -> Body:
    return await Body(sitthi, 1, JuristicKind.HOSPITAL, "file:claims").enter()


@pytest.fixture
async def insurer(sitthi: Served) -> Body:
    made = await Body(sitthi, 2, JuristicKind.INSURER, "decide:claims").enter()
    office = await system(sitthi, "oic")
    known = {**INSURER, "code": "TST", "organisation": made.number.digits}
    policy = {**POLICY, "insurer": "TST", "plate": "9ฮฮ 9999", "chassis": "TEST-0000-1"}
    for operation, record in (("insurers", known), ("reports", policy)):
        answer = await send(office, ndjson(record), PATH.format(operation))
        assert answer.json()["taken"] == 1, answer.text
    return made


def bill(sitthi: Served) -> dict[str, Any]:
    """Of an accident just now: the office knows of the insurer's policy."""
    accident = {"at": sitthi.clock.now().isoformat(), "province": "10"}
    treatment = {"satang": 45_000_00, "days": 1}
    vehicle = {"plate": "9ฮฮ 9999", "province": "10"}
    return {**BILL, "victim": VICTIM, "accident": accident, "treatment": treatment, "vehicle": vehicle}


async def carried(sitthi: Served) -> None:
    """What the service is owed is told to it."""
    await news(sitthi.house).run()
    async with sitthi.house.db.write() as session:
        await repository.hurry(session, "oic", sitthi.clock.now())
    await sitthi.house.courier.tick()
    for task in [*sitthi.house.courier._under_way.values()]:
        await task


async def paid(sitthi: Served) -> None:
    jobs, planner, approver = sitthi.house.payments(), Clerk("oic"), Clerk("oic")
    run = await jobs.plan(planner, bangkok_day(sitthi.clock.now()).replace(day=1))
    await jobs.approve(approver, run.id)
    await jobs.send(planner, run.id)
    await jobs.reconcile(planner, run.id)


async def test_a_hospital_files_an_insurer_approves_the_victim_is_paid_and_all_three_see_it(
    sitthi: Served, hospital: Body, insurer: Body
) -> None:
    filed = await hospital.sends("claimFilings", bill(sitthi))
    [told] = filed["told"]
    assert (told["line"], told["answer"]["insurer"], told["answer"]["due"]) == (1, "TST", 30_000_00)
    claim = told["answer"]["claim"]
    decision = {"claim": claim, "act": "approve", "payee": VICTIM, "satang": 30_000_00}
    assert (await hospital.sends("claimFilings", bill(sitthi), key="sending-0002"))["told"][0]["answer"][
        "claim"
    ] == claim
    for key in ("sending-0001", "sending-0002", "sending-0001"):
        assert (await insurer.sends("claimDecisions", decision, key=key))["taken"] == 1
    await paid(sitthi)
    await carried(sitthi)
    seen = (await sitthi.graph(CLAIMS, persona="elder"))["viewer"]
    [shown] = seen["insurance"]["claims"]
    assert (shown["number"], shown["state"], shown["payments"]) == (
        claim, "PAID", [{"state": "PAID", "amount": {"satang": 30_000_00}}],
    )  # fmt: skip
    [payment] = [edge["node"] for edge in seen["payments"]["edges"]]
    assert (payment["status"], payment["amount"]["satang"], payment["programme"]) == ("SETTLED", 30_000_00, None)
    assert payment["title"].startswith("Preliminary compensation")
    assert payment["receipt"] is not None
    async with sitthi.house.db.read() as session:
        [receipt] = await session.scalars(select(Receipt))
    assert receipt.subject == "benefit:oic", "figures of satisfaction are of the service, never of one payment"
    titles = [edge["node"]["title"] for edge in seen["inbox"]["edges"]]
    [filed_body] = [edge["node"]["body"] for edge in seen["inbox"]["edges"] if edge["node"]["title"] == FILED]
    day = bangkok_day(sitthi.clock.now())
    assert f"Test filed a claim in your name for a road accident on {day}." in filed_body
    assert "You are due 30,000.00 baht" in titles
    assert "You have been paid 30,000.00 baht" in titles
    tracked = await hospital.sends("claimTracking", {"claim": claim, "victim": VICTIM})
    assert (tracked["told"][0]["answer"]["state"], tracked["told"][0]["answer"]["paid"]) == ("PAID", 30_000_00)
    looks = (await sitthi.graph(CLAIMS, persona="elder"))["viewer"]["insurance"]["claims"][0]["looks"]
    assert [one["organisation"] for one in looks] == [hospital.number.digits]
    assert (await sitthi.graph(CLAIMS, persona="worker"))["viewer"]["insurance"]["claims"] == []


async def test_a_carer_who_may_view_sees_policies_and_nothing_of_an_accident(
    sitthi: Served, hospital: Body, insurer: Body
) -> None:
    assert (await hospital.sends("claimFilings", bill(sitthi)))["taken"] == 1
    carer = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker", "VIEW", "APPLY", "RECEIVE"))
    query = "{ viewer { insurance { policies { number } claims { state } } } }"
    seen = (await sitthi.graph(query, persona="elder"))["viewer"]["insurance"]
    assert [one["state"] for one in seen["claims"]] == ["COMPUTED"]
    answer = (await sitthi.post(query, persona=carer)).json()
    assert answer["data"]["viewer"]["insurance"] == {"policies": seen["policies"], "claims": None}
    [error] = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["viewer", "insurance", "claims"], "NOT_DELEGATED")
    entries = "{ viewer { accessLog { nodes { attributes { id } asker { kind } } } } }"
    logged = (await sitthi.graph(entries, persona="elder"))["viewer"]["accessLog"]["nodes"]
    assert "oic:policies" in str([one for one in logged if one["asker"]["kind"] == "DELEGATE"])
    assert "oic:claims" not in str([one for one in logged if one["asker"]["kind"] == "DELEGATE"])


async def test_nobody_files_or_decides_without_the_power(sitthi: Served, hospital: Body, insurer: Body) -> None:
    for body, operation in ((insurer, "claimFilings"), (hospital, "claimDecisions"), (hospital, "claimWork")):
        answer = await send(body.system, ndjson(bill(sitthi)), PATH.format(operation), AgentID=body.officer)
        assert code_of(answer) == (403, "POWER_MISSING")
    agency = await system(sitthi, "oic")
    answer = await send(agency, ndjson(bill(sitthi)), PATH.format("claimFilings"))
    assert code_of(answer) == (404, "NOT_FOUND")


async def test_the_office_decides_for_the_fund_and_its_awards_have_a_budget(
    sitthi: Served, hospital: Body, insurer: Body
) -> None:
    filed = await hospital.sends("claimFilings", {**bill(sitthi), "vehicle": {"chassis": "GONE-0000"}})
    claim = filed["told"][0]["answer"]
    assert claim["insurer"] is None
    decision = {"claim": claim["claim"], "act": "approve", "payee": VICTIM, "satang": claim["due"]}
    refused = await insurer.sends("claimDecisions", decision)
    assert [one["code"] for one in refused["rejected"]] == ["CLAIM_UNKNOWN"]
    office = await system(sitthi, "oic")
    answer = await send(office, ndjson(decision), PATH.format("claimDecisions"), idempotency_key="sending-0009")
    assert (answer.status_code, answer.json()["taken"]) == (200, 1)
    books = books_of(sitthi.house)
    assert "benefit:oic" in books.subjects
    given = {"subject": "benefit:oic", "year": 2027, "satang": 1_000_000_00}
    with pytest.raises(NotYourAgency):
        await books.propose(Clerk("dla"), ActKind.BUDGET_SET, given, "not theirs")
    act = await books.propose(Clerk("oic"), ActKind.BUDGET_SET, given, "the fund's plan")
    await books.confirm(Clerk("oic"), act.id)
    await paid(sitthi)
    [standing] = await books.budgets(Clerk("oic"), 2027)
    assert (standing.budget.programme, standing.taken.satang) == ("benefit:oic", 30_000_00)
