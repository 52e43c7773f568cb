"""Juristic persons report to an agency's service over HTTP, each its own, by officers who may."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from core.clock import bangkok_day
from core.ids import check_digit
from core.text import Text
from identity.juristic.appointing import Wish
from identity.juristic.models import AppointmentEnd, JuristicKind
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import By
from identity.provider.registration import juristic_client, register_client
from services.plugins.contract import Call, Host, Reporter
from services.plugins.kit.calls import same_call
from services.plugins.plugin import Plugin
from services.plugins.records.routes import PLACES
from tests.api.test_agency_ingest import PATH, send, system
from tests.identity.officers_of_tests import number
from tests.identity.provider.key_holders import KeyHolder
from tests.services.plugins.records.register import Register, manifest_of, ndjson
from tests.support.agency import AgencySystem, code_of
from tests.support.app import Served

MAKER, CHECKER = UUID(int=1), UUID(int=2)
POWER: Final = "report:policies"
SCHEMA: Final = {
    "type": "object",
    "required": ["policy", "insurer"],
    "properties": {"policy": {"type": "string"}, "insurer": {"type": "string"}},
}


def numbered(running: int) -> JuristicNumber:
    first = f"01{running:010d}"
    return JuristicNumber(first + str(check_digit(first)))


class Insurers(Register):
    """Takes from each insurer what is its own."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Call] = []

    async def take(self, host: Host, call: Call) -> Any:
        self.seen.append(call)
        answer = await super().take(host, call)
        others = [
            {"record": place, "code": "POLICY_UNKNOWN", "path": "/insurer"}
            for place, one in enumerate(call.arguments["records"])
            if call.reporter is not None and one["insurer"] != call.reporter.organisation
        ]
        return {"rejected": [*answer["rejected"], *others]}

    def plugin(self, manifest: Any = None) -> Plugin:
        return super().plugin(manifest or manifest_of(senders=["juristic"], power=POWER, record=SCHEMA))


class Company:
    """A juristic person with a system and an officer."""

    def __init__(self, sitthi: Served, running: int) -> None:
        self.sitthi, self.number = sitthi, numbered(running)

    async def enter(self, *, agency: str = "register") -> Company:
        house = self.sitthi.house
        register = house.identity.office.juristic
        async with house.db.write() as session:
            self.row = await register.enter(
                session, self.number, agency=agency, kind=JuristicKind.INSURER, title=Text(th="บริษัท", en="Company"),
                directors=(), by=By(MAKER, agency),
            )  # fmt: skip
        self.system = await self.another_system()
        return self

    async def another_system(self) -> AgencySystem:
        house, holder = self.sitthi.house, KeyHolder.make()
        spec = juristic_client(self.row.id, Text(th="ระบบ", en="System"), holder.registered)
        async with house.db.write() as session:
            client = await register_client(session, spec, created_by="tests", clock=house.clock, prefix="juristic")
        return AgencySystem(self.sitthi, "", client, holder)

    async def appoint(self, who: int, *powers: str, days: int = 30) -> str:
        """The key of the appointment."""
        house = self.sitthi.house
        until = bangkok_day(house.clock.now()) + timedelta(days=days - 1)
        async with house.db.write() as session:
            person = (await house.identity.people.resolve(session, [number(who)]))[number(who).digits]
            wish = Wish(person, Text(th="นาย", en="Mr"), powers or (POWER,), until)
            held = await house.identity.office.appointing.appoint(session, self.row, wish, maker=MAKER, checker=CHECKER)
        return held.id.hex

    async def end(self, appointment: str) -> None:
        register = self.sitthi.house.identity.office.juristic
        async with self.sitthi.house.db.write() as session:
            [held] = [one for one in await register.appointments(session, self.row.id) if one.id.hex == appointment]
            await register.close(session, self.row, held, AppointmentEnd.AGENCY, By(MAKER, "register"))

    def policies(self, *numbers: int) -> bytes:
        return ndjson(*({"policy": f"P-{one}", "insurer": self.number.digits} for one in numbers))

    async def send(self, appointment: str | None, body: bytes, **changed: Any) -> httpx2.Response:
        return await send(self.system, body, AgentID=appointment, **changed)


@pytest.fixture
def insurers(sitthi: Served) -> Insurers:
    made = Insurers()
    sitthi.house.registry.add(made.plugin())
    return made


@pytest.fixture
async def company(sitthi: Served) -> Company:
    return await Company(sitthi, 1).enter()


async def test_an_insurer_reports_its_own_and_anothers_is_refused_by_the_line(
    sitthi: Served, insurers: Insurers, company: Company
) -> None:
    other, officer = await Company(sitthi, 2).enter(), await company.appoint(20)
    answer = await company.send(officer, company.policies(1) + other.policies(2))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["taken"], [one["line"] for one in answer.json()["rejected"]]) == (1, [2])
    [call] = insurers.seen
    assert call.reporter is not None
    assert (call.reporter.organisation, call.reporter.kind) == (company.number.digits, "INSURER")
    assert call.reporter.client == company.system.client
    assert len(call.reporter.officer) == 43, "the agency's own name for the officer, which no key of ours is"
    async with sitthi.house.db.read() as session:
        [latest, *_] = await sitthi.house.identity.office.juristic.events(session, company.row.id)
    assert (latest.kind, latest.note, latest.client) == ("ACTED", "register/policies", company.system.client)


async def test_an_officer_of_another_company_is_as_unknown_as_nobody(
    sitthi: Served, insurers: Insurers, company: Company
) -> None:
    other = await Company(sitthi, 2).enter()
    foreign, without = await other.appoint(20), await company.appoint(21, "file:claims")
    for named in (foreign, "0" * 32, "somebody", None):
        assert code_of(await company.send(named, company.policies(1))) == (403, "NOT_ITS_OFFICER")
    assert code_of(await company.send(without, company.policies(1))) == (403, "POWER_MISSING")
    assert insurers.seen == []


async def test_a_company_with_many_systems_leaves_others_a_place(
    sitthi: Served, insurers: Insurers, company: Company
) -> None:
    goes_on, inside, officer = asyncio.Event(), asyncio.Semaphore(0), await company.appoint(20)

    async def hold() -> None:
        inside.release()
        await goes_on.wait()

    async def by_a_system_of_its_own(n: int) -> httpx2.Response:
        return await send(
            await company.another_system(), company.policies(n), AgentID=officer, idempotency_key=f"sending-{n:04}"
        )

    insurers.gate, held = hold, list[asyncio.Task[httpx2.Response]]()
    for n in range(PLACES // 2):
        held.append(asyncio.create_task(by_a_system_of_its_own(n)))
        await inside.acquire()
    assert code_of(await by_a_system_of_its_own(9)) == (503, "SERVICE_UNAVAILABLE")
    goes_on.set()
    assert [(await one).status_code for one in held] == [200] * len(held)


async def test_a_revoked_officer_is_refused_by_the_next_request(insurers: Insurers, company: Company) -> None:
    officer = await company.appoint(20)
    assert (await company.send(officer, company.policies(1))).status_code == 200
    await company.end(officer)
    again = await company.send(officer, company.policies(2), idempotency_key="sending-0002")
    assert code_of(again) == (403, "NOT_ITS_OFFICER")
    assert insurers.kept == ["P-1"]


async def test_who_is_revoked_midway_is_stopped_and_another_officer_goes_on(
    insurers: Insurers, company: Company
) -> None:
    one, other = await company.appoint(20), await company.appoint(21)
    body, calls = company.policies(1, 2, 3, 4), 0

    async def revoke() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await company.end(one)

    insurers.gate = revoke
    assert code_of(await company.send(one, body)) == (403, "NOT_ITS_OFFICER")
    assert insurers.kept == ["P-1", "P-2"]
    assert (await company.send(other, body)).json() == {"taken": 4, "rejected": []}
    assert insurers.kept == ["P-1", "P-2", "P-3", "P-4"], "each once"


async def test_keys_of_two_companies_are_not_each_others(sitthi: Served, insurers: Insurers, company: Company) -> None:
    other = await Company(sitthi, 2).enter()
    first = await company.send(await company.appoint(20), company.policies(1))
    second = await other.send(await other.appoint(21), other.policies(2))
    assert [one.json() for one in (first, second)] == [{"taken": 1, "rejected": []}] * 2
    assert insurers.kept == ["P-1", "P-2"]


async def test_where_juristic_persons_send_the_agency_does_not_unless_it_says_so(
    sitthi: Served, insurers: Insurers
) -> None:
    agency = await system(sitthi)
    assert code_of(await send(agency, ndjson({"policy": "P-1", "insurer": "x"}))) == (404, "NOT_FOUND")
    both = manifest_of("both", senders=["agency", "juristic"], power=POWER, record=SCHEMA)
    sitthi.house.registry.add(insurers.plugin(both))
    taken = await send(
        await system(sitthi, "both"), ndjson({"policy": "P-1", "insurer": "x"}), PATH.replace("register", "both")
    )
    assert taken.json() == {"taken": 1, "rejected": []}
    assert insurers.seen[-1].reporter is None


async def test_a_company_is_nobody_where_only_the_agency_sends_and_at_every_other_door(
    sitthi: Served, company: Company
) -> None:
    sitthi.house.registry.add(Register().plugin(manifest_of("alone")))
    officer = await company.appoint(20)
    path = PATH.replace("register", "alone")
    assert code_of(await company.send(officer, company.policies(1), path=path)) == (404, "NOT_FOUND")
    for door in ("/agency/v1/services", "/agency/v1/corrections"):
        assert (await company.system.get(door)).status_code == 403


async def test_a_company_in_another_agencys_register_does_not_send(sitthi: Served, insurers: Insurers) -> None:
    elsewhere = await Company(sitthi, 3).enter(agency="elsewhere")
    officer = await elsewhere.appoint(20)
    assert code_of(await elsewhere.send(officer, elsewhere.policies(1))) == (403, "NOT_ITS_OFFICER")
    assert insurers.seen == []


def test_a_call_is_the_same_whoever_of_the_company_goes_on_with_it() -> None:
    call = Call("policies", None, {"records": []}, "x", reporter=Reporter("0100000000001", "INSURER", "a"))
    assert call.reporter is not None
    assert same_call(call) == same_call(replace(call, reporter=replace(call.reporter, officer="b")))
    other = replace(call, reporter=replace(call.reporter, organisation="0100000000002"))
    assert len({same_call(one) for one in (call, other, replace(call, reporter=None))}) == 3
