"""Road tax: the Department asks the insurance commission's register before it renews, and the citizen sees it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from core.graph import global_id
from services.apply.delivery import repository
from services.exchange.catalogue import Catalogue
from services.know.entries import service_id
from services.plugins.records.lines import lines_of
from services.plugins.records.service import RecordDesk, Sending
from tests.api.test_pay_fee import BILL, scan
from tests.support.app import Served

WHO = "worker"
SERVICE = str(global_id("Service", service_id("service:dlt")))
SHOWN = """{ viewer { roadTax { registered {
    id plate status covered coveredUntil taxPaidUntil tax { satang } advice adviceEn } } } }"""
LOG = """{ viewer { accessLog(first: 50) { nodes {
    asker { label } agency { slug } purpose { id } decision reason attributes { id } } } } }"""
STATE = "query($id: ID!) { node(id: $id) { ... on Application { status atAgency { state note } } } }"


async def vehicles(sitthi: Served, who: str = WHO) -> dict[str, dict[str, Any]]:
    """By kind of chassis number: the worker's car (C) and motorcycle (M)."""
    told = await sitthi.graph(SHOWN, persona=who)
    return {one["id"][2]: one for one in told["viewer"]["roadTax"]["registered"]}


async def asked(sitthi: Served, who: str = WHO) -> list[dict[str, Any]]:
    """The entries of questions to the insurance commission in the citizen's log."""
    nodes = (await sitthi.graph(LOG, persona=who))["viewer"]["accessLog"]["nodes"]
    return [one for one in nodes if one["purpose"]["id"] == "road-tax"]


async def insured(sitthi: Served, chassis: str) -> None:
    """As an insurer reports it, for a year from the first of the month."""
    start = sitthi.clock.today().replace(day=1)
    record = {
        "number": "SKP-ROADTAX-1",
        "insurer": "SKP",
        "class": "compulsory",
        "vehicleClass": "1.30",
        "holder": "0000000000001",
        "chassis": chassis,
        "plate": "1กก 1",
        "province": "74",
        "start": f"{start}",
        "end": f"{start.replace(year=start.year + 1)}",
        "status": "active",
        "reportedAt": sitthi.clock.now().isoformat(),
    }
    house = sitthi.house
    plugin = next(one for one in house.registry.plugins if one.slug == "oic")
    desk = RecordDesk(house.db, house.clock, house.keys, house.runner, lambda: house.registry.plugins)
    body = json.dumps(record).encode()
    outcome = await desk.take(Sending(plugin, "reports", "insurer", "one-policy", body, lines_of(body)))
    assert (outcome.taken, outcome.rejected) == (1, ())


async def applied(sitthi: Served, chassis: str) -> str:
    made = await sitthi.do("apply", "application { id }", WHO, service=SERVICE, answers={"renewed": chassis})
    assert made["problems"] == []
    application: str = made["application"]["id"]
    await carried(sitthi)
    return application


async def carried(sitthi: Served) -> None:
    async with sitthi.house.db.write() as session:
        await repository.hurry(session, "dlt", sitthi.clock.now())
    await sitthi.house.courier.tick()
    for task in [*sitthi.house.courier._under_way.values()]:
        await task


async def test_an_uninsured_vehicle_is_told_what_to_do_and_is_not_renewed(sitthi: Served) -> None:
    shown = await vehicles(sitthi)
    assert (shown["C"]["status"], shown["C"]["covered"], shown["C"]["tax"]) == ("TOO_EARLY", None, None)
    assert (shown["M"]["status"], shown["M"]["covered"], shown["M"]["coveredUntil"]) == (
        "INSURANCE_MISSING",
        False,
        None,
    )
    assert shown["M"]["advice"].startswith("รถคันนี้ไม่มีประกันภัยภาคบังคับ (พ.ร.บ.)")
    application = await applied(sitthi, shown["M"]["id"])
    told = (await sitthi.graph(STATE, {"id": application}, persona=WHO))["node"]
    assert told["status"] == "REJECTED"
    assert "no compulsory insurance" in told["atAgency"]["note"]
    assert len(await asked(sitthi)) == 2  # one for the look, one for the application


async def test_the_owner_reads_once_that_the_department_asked_and_nobody_else_does(sitthi: Served) -> None:
    await vehicles(sitthi)
    [entry] = await asked(sitthi)
    assert entry == {
        "asker": {"label": "Department of Land Transport: Road tax"},
        "agency": {"slug": "dlt"},
        "purpose": {"id": "road-tax"},
        "decision": "ALLOWED",
        "reason": None,
        "attributes": [{"id": "oic:vehicleCover"}],
    }
    twice = "{ viewer { a: roadTax { registered { id } } b: roadTax { registered { id } } } }"
    await sitthi.graph(twice, persona=WHO)
    assert len(await asked(sitthi)) == 2
    await vehicles(sitthi, "graduate")  # whose only vehicle is not due: nobody need be asked
    assert await asked(sitthi, "graduate") == []


async def test_an_insured_vehicle_is_renewed_once_its_tax_is_paid(sitthi: Served) -> None:
    chassis = (await vehicles(sitthi))["M"]["id"]
    await insured(sitthi, chassis)
    shown = (await vehicles(sitthi))["M"]
    # 100 baht, and 1% for each of the months begun since
    assert (shown["status"], shown["covered"], shown["tax"]) == ("RENEWABLE", True, {"satang": 105_00})
    assert shown["coveredUntil"] == "2027-11-01T16:30:00+07:00"
    application = await applied(sitthi, chassis)
    assert (await vehicles(sitthi))["M"]["status"] == "WAITING_FOR_PAYMENT"
    made = await sitthi.do("payFee", BILL, WHO, application=application)
    assert (made["problems"], made["bill"]["amount"]) == ([], {"satang": 105_00})
    assert (await vehicles(sitthi))["M"]["taxPaidUntil"] == shown["taxPaidUntil"]
    await scan(sitthi, made["bill"]["qrText"])
    await carried(sitthi)
    after = (await vehicles(sitthi))["M"]
    year, _, rest = shown["taxPaidUntil"].partition("-")
    assert (after["status"], after["taxPaidUntil"]) == ("TOO_EARLY", f"{int(year) + 1}-{rest}")
    told = (await sitthi.graph(STATE, {"id": application}, persona=WHO))["node"]
    assert told["status"] == "APPROVED"


async def test_without_an_agreement_nothing_is_told_and_the_refusal_is_in_the_log(sitthi: Served) -> None:
    catalogue: Catalogue = sitthi.house.catalogue
    object.__setattr__(catalogue, "standing", tuple(one for one in catalogue.standing if one.requester != "dlt"))
    shown = await vehicles(sitthi)
    assert (shown["M"]["status"], shown["M"]["covered"]) == ("INSURANCE_UNKNOWN", None)
    [entry] = await asked(sitthi)
    assert (entry["decision"], entry["reason"]) == ("DENIED", "NO_AGREEMENT")


async def test_whoever_objected_is_not_asked_about_and_the_refusal_is_in_the_log(sitthi: Served) -> None:
    given = {"ground": "PUBLIC_TASK", "statement": "ไม่ต้องการ", "purpose": "road-tax"}
    await sitthi.do("objectToUse", "request { id }", WHO, **given)
    shown = await vehicles(sitthi)
    assert (shown["M"]["status"], shown["M"]["covered"]) == ("INSURANCE_UNKNOWN", None)
    [entry] = await asked(sitthi)
    assert (entry["decision"], entry["reason"]) == ("DENIED", "OBJECTED")


async def test_no_field_of_the_graph_shows_what_agencies_ask_and_no_plugin_asks_what_it_did_not_name(
    sitthi: Served,
) -> None:
    for query in ("{ insurance { vehicleCover } }", "{ viewer { insurance { vehicleCover } } }"):
        answer = (await sitthi.post(query, persona=WHO)).json()
        assert "data" not in answer or not answer["data"]
    schema = (await sitthi.http.post("/graphql", json={"query": "{ __schema { types { fields { name } } } }"})).text
    assert "vehicleCover" not in schema


async def test_many_looks_at_once_are_an_entry_each(sitthi: Served) -> None:
    await sitthi.token(WHO)
    await asyncio.gather(*(vehicles(sitthi) for _ in range(6)))
    assert len(await asked(sitthi)) == 6
