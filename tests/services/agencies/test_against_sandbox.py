"""Our plugins against the stand-ins of their agencies, over HTTP."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from core.clock import BANGKOK, FixedClock
from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.money import Money
from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Host, Manifest, NoStore, Store
from services.plugins.registry import Registry
from services.plugins.runner import Credentials, HttpAgencyClient, LaneLimits, Runner, sources_of
from services.plugins.store.temporary import temporary_store
from services.sandbox.agencies.access import SANDBOX_CREDENTIALS
from services.sandbox.agencies.app import agencies_app
from services.sandbox.feeds import reports
from services.sandbox.population.personas import persona
from services.sandbox.population.store import agency_file, ensure
from tests.support.plugins import AGENCIES, HOST

DAY = date(2026, 11, 16)
NOW = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)
CREDENTIALS = Credentials(*next(iter(SANDBOX_CREDENTIALS.items())))
CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("agencies")
    ensure(data, 200, 1, DAY)
    return data


@pytest.fixture(scope="module")
def base_url(data: Path) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(agencies_app(data), log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


class Our:
    """The plugins, run as the server runs them."""

    def __init__(self, http: httpx2.AsyncClient, base_url: str) -> None:
        self.http, self.base_url = http, base_url
        self.clock = FixedClock(NOW)
        owned = {a.id: a.steward for a in CATALOGUE.attributes.values() if a.derived is None}
        self.registry = Registry(HOST, owned)
        self.registry.load_all(AGENCIES)
        self.stores: dict[str, Store] = {}
        self.runner = Runner(self._host, LaneLimits(failures_max=100))

    def _host(self, manifest: Manifest) -> Host:
        client = HttpAgencyClient(self.http, f"{self.base_url}/{manifest.agency.slug}", CREDENTIALS)
        return Host(clock=self.clock, agency=client, store=self.stores.get(manifest.slug, NoStore()))

    async def reported(self, data: Path, stack: AsyncExitStack) -> None:
        """What the population reports is in the tables of those that keep records of their own."""
        for plugin in self.registry.plugins:
            if plugin.migrations:
                self.stores[plugin.slug] = await stack.enter_async_context(temporary_store(plugin, self.clock))
        for report in reports(data):
            plugin = next(one for one in self.registry.plugins if one.manifest.agency.slug == report.agency)
            records = {"records": [json.loads(line) for line in report.body().splitlines()]}
            taken = await self.runner.run(plugin, report.operation, asker="test", arguments=records, key=report.key)
            assert taken.rejected == []

    async def ask(self, slug: str, operation: str, who: str, **arguments: Any) -> Any:
        return await self.asking(slug, operation, NationalId(persona(who).national_id), **arguments)

    async def asking(self, slug: str, operation: str, person: NationalId, **arguments: Any) -> Any:
        plugin = self.registry.get(slug)
        assert plugin is not None
        return await self.runner.run(plugin, operation, asker="test", person=person, arguments=arguments)

    async def facts(self, who: str) -> dict[str, Any]:
        """What all sources say, accepted by the catalogue as the exchange accepts it."""
        person = NationalId(persona(who).national_id)
        values: dict[str, Any] = {}
        for source in sources_of(self.runner, self.registry.plugins):
            for attribute, reading in (await source.read(person, source.provides)).items():
                values[attribute] = CATALOGUE.attribute(attribute).type.accept(reading.value)
        return values

    async def fault(self, slug: str, mode: str) -> None:
        await self.http.post(f"{self.base_url}/{slug}/_faults", json={"mode": mode})


@pytest.fixture
async def our(base_url: str, data: Path) -> AsyncIterator[Our]:
    async with httpx2.AsyncClient(trust_env=False) as http, AsyncExitStack() as stack:
        our = Our(http, base_url)
        await our.reported(data, stack)
        yield our
        for slug in ("dcy", "dopa"):
            await our.fault(slug, "none")


async def test_the_elder_has_every_fact_that_the_old_age_allowance_asks_for(our: Our) -> None:
    facts = await our.facts("elder")
    assert NOW.year - facts["birth_date"].year >= 60
    assert facts["nationality"] == "thai"
    assert facts["household_registered"] is True
    assert facts["person_status"] == "normal"
    assert facts["state_benefit"] is False
    assert facts["deceased"] is False
    assert facts["death_date"] is None
    assert isinstance(facts["annual_income"], Money)
    assert facts["name"]["given_th"]
    assert facts["address"]["subdistrict"].isdigit()


async def test_the_parent_of_newborn_twins_has_both_and_lives_with_them(our: Our) -> None:
    facts = await our.facts("newborn-parent")
    twins = facts["children"]
    assert len(twins) == 2
    assert set(twins) <= set(facts["household_members"])
    assert NationalId(persona("newborn-parent").national_id) in facts["household_members"]


@pytest.mark.parametrize("who", ["elder", "newborn-parent", "disabled-adult", "disabled-child", "worker", "official"])
async def test_whatever_a_source_says_the_catalogue_accepts(our: Our, who: str) -> None:
    facts = await our.facts(who)
    assert {"birth_date", "deceased", "nationality", "state_role", "disability_card", "old_age_registered"} <= set(
        facts
    )


@pytest.mark.parametrize(("who", "holds"), [("disabled-adult", True), ("disabled-child", True), ("elder", False)])
async def test_the_disability_card_is_held_by_whom_it_is_said(our: Our, who: str, holds: bool) -> None:
    assert (await our.facts(who))["disability_card"] is holds


async def test_the_worker_is_insured_and_drives_an_insured_car(our: Our) -> None:
    facts = await our.facts("worker")
    assert facts["social_security_section"] == "s33"
    assert facts["social_security_months"] > 0
    assert (facts["vehicle_owned"], facts["motor_insurance"]) == (True, True)


@pytest.mark.parametrize(
    ("who", "scheme"),
    [
        ("elder", "universal_coverage"),
        ("worker", "social_security"),
        ("official", "civil_servant"),
        ("newborn-parent", "universal_coverage"),
    ],
)
async def test_the_right_to_health_care_is_that_of_work_or_else_universal(our: Our, who: str, scheme: str) -> None:
    assert (await our.facts(who))["health_scheme"] == scheme
    seen = await our.ask("nhso", "right", who)
    assert seen["scheme"] == scheme.upper()
    assert (seen["hospital"] is None) == (scheme == "civil_servant")


async def test_nobody_has_registered_the_newborn_twins_for_the_grant_yet(our: Our) -> None:
    assert await our.ask("dcy", "registrations", "newborn-parent") == []


async def test_a_parent_sees_the_registered_child_and_what_was_paid_for_it(our: Our, data: Path) -> None:
    with closing(sqlite3.connect(agency_file(data, "dcy"))) as file:
        parent, month = file.execute(
            "SELECT pid, paid_month_be FROM registration WHERE status = '2' ORDER BY number"
        ).fetchone()
    found = await our.asking("dcy", "registrations", NationalId(parent), status="PAID")
    assert month == "256910"
    assert (found[0]["monthly"], found[0]["paidFor"]) == (Money(600_00), date(2026, 10, 1))


async def test_the_head_of_a_house_in_the_municipality_sees_six_months_of_fees(our: Our) -> None:
    fees = await our.ask("thepnimit", "wasteFees", "elder")
    assert [fee["month"] for fee in fees] == [date(2026, month, 1) for month in (10, 9, 8, 7, 6, 5)]
    unpaid = await our.ask("thepnimit", "wasteFees", "elder", unpaidOnly=True)
    assert unpaid == [fee for fee in fees if fee["paidOn"] is None]
    assert all(fee["overdue"] == (fee["due"] < DAY) for fee in unpaid)
    assert await our.ask("thepnimit", "wasteFees", "worker") == []


async def test_the_graduates_highest_degree_is_the_highest_that_they_see(our: Our) -> None:
    seen = {degree["level"].lower() for degree in await our.ask("mhesi", "degrees", "graduate")}
    assert (await our.facts("graduate"))["highest_degree"] == ("master" if "master" in seen else "bachelor")


async def test_the_graduate_sees_degrees_with_courses(our: Our) -> None:
    degrees = await our.ask("mhesi", "degrees", "graduate")
    assert degrees
    for degree in degrees:
        assert 0 <= degree["gpax"] <= 4
        assert degree["courses"]
        assert isinstance(degree["awardedOn"], date)


async def test_the_worker_sees_a_policy_that_covers_until_half_past_four(our: Our) -> None:
    policies = await our.ask("oic", "policies", "worker")
    (covered,) = [policy for policy in policies if policy["covered"]][:1]
    our.clock.set(covered["end"] - timedelta(seconds=1))
    (before,) = [p for p in await our.ask("oic", "policies", "worker") if p["number"] == covered["number"]]
    our.clock.set(covered["end"])
    (after,) = [p for p in await our.ask("oic", "policies", "worker") if p["number"] == covered["number"]]
    assert covered["end"].astimezone(BANGKOK).strftime("%H:%M") == "16:30"
    assert (before["covered"], before["status"]) == (True, "ACTIVE")
    assert (after["covered"], after["status"]) == (False, "EXPIRED")


async def test_the_argument_covered_leaves_only_those_in_force(our: Our) -> None:
    assert all(policy["covered"] for policy in await our.ask("oic", "policies", "worker", covered=True))


async def test_some_drivers_have_a_voluntary_policy_of_the_same_days_as_the_compulsory_one(
    our: Our, data: Path
) -> None:
    with closing(sqlite3.connect(agency_file(data, "oic"))) as file:
        holders = [NationalId(pid) for (pid,) in file.execute("SELECT DISTINCT holder_pid FROM policy")]
    found = {one: await our.asking("oic", "voluntary", one) for one in holders}
    with_one = [one for one in holders if found[one]]
    assert 0 < len(with_one) < len(holders)
    for one in with_one:
        compulsory = {(policy["chassis"], policy["end"]) for policy in await our.asking("oic", "policies", one)}
        assert {(policy["chassis"], policy["end"]) for policy in found[one]} <= compulsory


@pytest.mark.parametrize("mode", ["down", "garbage"])
async def test_an_agency_in_trouble_is_unavailable_and_says_nothing_of_the_citizen(our: Our, mode: str) -> None:
    await our.fault("dcy", mode)
    with pytest.raises(ServiceUnavailable) as caught:
        await our.ask("dcy", "registrations", "newborn-parent")
    assert persona("newborn-parent").national_id not in str(caught.value)


async def test_an_agency_that_takes_too_long_is_given_up(our: Our) -> None:
    await our.http.post(f"{our.base_url}/dopa/_faults", json={"mode": "slow", "seconds": 3})
    with pytest.raises(ServiceUnavailable):
        await our.facts("elder")


async def test_someone_whom_the_registries_do_not_know_has_no_facts_there(our: Our, tmp_path: Path) -> None:
    known: set[str] = set()
    for source in sources_of(our.runner, our.registry.plugins):
        if source.agency in ("dopa", "rd", "cgd"):
            known |= set(await source.read(NationalId("1100000000008"), source.provides))
    assert known == set()
