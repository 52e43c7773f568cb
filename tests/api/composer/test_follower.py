"""A worker follows what is published, in its graph and its registry at once, and no service takes the others down."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from api.composer import SchemaHolder, host_names
from api.composer.follower import Follower
from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.text import Text
from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Fault, Money, PluginRefused, Rule
from services.plugins.operating.maintenance import MaintenanceDesk
from services.plugins.operating.windows import Windows
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.registry.documents import Documents, Ground, published_plugin
from services.plugins.registry.lifecycle import Actor
from services.plugins.registry.repository import ServiceRepository
from tests.support.plugins import AGENCIES
from tests.support.plugins.small_graph import POLICY, World, small_base
from tests.support.services import NAME, SDL, SYSTEM, Registering, answering, documents_of, no_faults

ASK = "{ water { price { amount { satang } } } seasons }"
REASON = "ทดสอบการทำงาน"
RIVER_SDL = SDL.replace("Water", "River").replace("water:", "river:")
OWNERS = {one.id: one.steward for one in load_catalogue().attributes.values() if one.derived is None}
RIVER = Actor("riverworks", "registrar", "riverworks-client")
RIVERWORKS = {"slug": "riverworks", "title": {"th": "การประปาแม่น้ำ", "en": "Riverworks"}}


@pytest.fixture(scope="module")
def base() -> strawberry.Schema:
    return small_base()


class Worker:
    """One process: a small graph with one plugin of our own, and its follower."""

    def __init__(self, world: World, database: Database, **changed: Any) -> None:
        self.world = world
        self.oic = world.plugin(AGENCIES / "oic", policies=[POLICY])
        self.registry = Registry(host_names(world.base), OWNERS)
        self.registry.add(self.oic)
        self.holder = SchemaHolder(world.base, world.runner, self.registry.plugins)
        price = {"amount": Money(1050), "since": None, "until": None}
        self.ground = Ground(self.registry.host, OWNERS, no_faults, answering(price))
        given: dict[str, Any] = {"ground": lambda: self.ground, "holder": lambda: self.holder, **changed}
        self.follower = Follower(database, world.clock, lambda: self.registry, **given)

    async def ask(self, query: str = ASK) -> tuple[Any, list[str]]:
        """The data, and code or message of each error at its path."""
        data, errors = await self.world.ask(self.holder.current, query)
        return data, [f"{'.'.join(map(str, one.path or ()))}: {code_of(one)}" for one in errors]


def code_of(error: GraphQLError) -> str:
    return str(getattr(error.original_error, "code", error.message))


@pytest.fixture
def services(database: Database, clock: FixedClock) -> Registering:
    return Registering(database, clock)


@pytest.fixture
def worker(base: strawberry.Schema, clock: FixedClock, database: Database) -> Worker:
    return Worker(World(base, clock), database)


async def test_what_is_published_is_in_graph_and_registry_at_once(services: Registering, worker: Worker) -> None:
    assert await worker.follower.follow(), "the first look"
    assert not await worker.follower.follow(), "nothing changed"
    await services.published(documents_of())
    assert await worker.follower.follow()
    assert await worker.ask() == ({"water": {"price": {"amount": {"satang": 1050}}}, "seasons": ["RAINY"]}, [])
    assert [one.slug for one in worker.registry.plugins] == ["oic", "waterworks"]
    assert worker.registry.get("oic") is worker.oic
    assert await worker.follower.follow() is False


async def test_a_draft_and_what_is_in_review_are_nobodys_to_see(services: Registering, worker: Worker) -> None:
    await services.checked(documents_of())
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await worker.follower.follow()
    assert worker.registry.get("waterworks") is None


async def test_a_new_version_takes_the_formers_place_and_back(services: Registering, worker: Worker) -> None:
    await services.published(documents_of())
    await worker.follower.follow()
    await services.published(
        documents_of("1.1.0", sdl=SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n"))
    )
    await worker.follower.follow()
    assert await worker.ask("{ water { price { until } } }") == ({"water": {"price": {"until": None}}}, [])
    await services.desk.roll_back(SYSTEM, NAME, None, REASON)
    await worker.follower.follow()
    [refused] = (await worker.ask("{ water { price { until } } }"))[1]
    assert "Cannot query field 'until'" in refused


async def test_suspended_its_names_stay_and_say_so_and_the_rest_is_whole(services: Registering, worker: Worker) -> None:
    await services.published(documents_of())
    await services.desk.suspend(SYSTEM, NAME, REASON)
    await worker.follower.follow()
    data, errors = await worker.ask()
    assert (data, errors) == ({"water": {"price": None}, "seasons": ["RAINY"]}, ["water.price: SERVICE_SUSPENDED"])
    assert [one.slug for one in worker.registry.offered] == ["oic"]
    await services.desk.resume(SYSTEM, NAME, REASON)
    await worker.follower.follow()
    assert (await worker.ask())[1] == []


async def test_what_is_over_says_so_for_a_year_and_then_its_names_are_gone(
    services: Registering, worker: Worker, clock: FixedClock
) -> None:
    """From every worker's graph at the same midnight of Bangkok: of one that runs since, and of one that just began."""
    await services.published(documents_of())
    await services.desk.retire(SYSTEM, NAME, REASON)
    await worker.follower.follow()
    assert (await worker.ask())[1] == ["water.price: SERVICE_RETIRED"]
    deprecated = '{ __type(name: "Query") { fields(includeDeprecated: true) { name deprecationReason } } }'
    fields = (await worker.ask(deprecated))[0]["__type"]["fields"]
    [reason] = [one["deprecationReason"] for one in fields if one["deprecationReason"] is not None]
    assert reason.endswith("(deprecated since 2026-11-16), until 2027-11-16")
    gone = datetime(2027, 11, 16, tzinfo=BANGKOK)
    for moment, there in ((gone - timedelta(seconds=1), True), (gone, False)):
        clock.set(moment)
        later = Worker(worker.world, services.db)
        for one in (worker, later):
            await one.follower.follow()
            assert (one.registry.get("waterworks") is not None) is there


async def test_what_is_over_stays_until_the_day_that_was_told_of_the_field_that_leads_to_it(
    services: Registering, worker: Worker, clock: FixedClock
) -> None:
    words = '  water: WaterOpen @deprecated(reason: "It moved, until 2029-06-30")\n'
    await services.published(documents_of(sdl=SDL.replace("  water: WaterOpen\n", words)))
    await services.desk.retire(SYSTEM, NAME, REASON)
    gone = datetime(2029, 6, 30, tzinfo=BANGKOK)
    for moment, there in ((gone - timedelta(seconds=1), True), (gone, False)):
        clock.set(moment)
        for one in (worker, Worker(worker.world, services.db)):
            await one.follower.follow()
            assert (one.registry.get("waterworks") is not None) is there


async def test_who_goes_back_and_forth_between_two_looks_is_told_of_by_the_days_that_stand(
    services: Registering, worker: Worker, clock: FixedClock
) -> None:
    """The version is the same as at the last look, and the year has begun anew."""
    old = SDL.replace("  since: Date\n", '  since: Date @deprecated(reason: "Ask for from")\n')
    await services.published(documents_of())
    await services.published(documents_of("1.1.0", sdl=old))
    await worker.follower.follow()

    async def told() -> str:
        query = '{ __type(name: "WaterPrice") { fields(includeDeprecated: true) { name deprecationReason } } }'
        fields = (await worker.ask(query))[0]["__type"]["fields"]
        return str({one["name"]: one["deprecationReason"] for one in fields}["since"])

    assert await told() == "Ask for from (deprecated since 2026-11-16), until 2027-11-16"
    clock.advance(timedelta(days=10))
    await services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON)
    await services.desk.roll_back(SYSTEM, NAME, "1.1.0", REASON)
    await worker.follower.follow()
    assert await told() == "Ask for from (deprecated since 2026-11-26), until 2027-11-26"


async def test_a_day_on_which_nothing_goes_composes_nothing(
    services: Registering, worker: Worker, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.desk.retire(SYSTEM, NAME, REASON)
    assert await worker.follower.follow()
    clock.advance(timedelta(days=300))
    assert not await worker.follower.follow()
    clock.advance(timedelta(days=65))
    assert await worker.follower.follow()
    assert not await worker.follower.follow()


async def test_each_version_is_read_once_and_a_graph_that_nobody_uses_any_more_is_forgotten(
    services: Registering, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand services cost their reading once; what a swap leaves behind does not add up."""
    read: list[str] = []

    def counted(documents: Documents, ground: Ground) -> Plugin:
        plugin = published_plugin(documents, ground)
        read.append(f"{plugin.slug} {plugin.manifest.version}")
        return plugin

    monkeypatch.setattr("api.composer.follower.published_plugin", counted)
    await services.published(documents_of())
    await worker.follower.follow()
    former = weakref.ref(worker.holder.current._schema)
    river = documents_of(slug="riverworks", agency=RIVERWORKS, namespace="river", prefix="River", sdl=RIVER_SDL)
    await services.published(river, RIVER)
    await worker.follower.follow()
    await services.desk.suspend(SYSTEM, NAME, REASON)
    await worker.follower.follow()
    assert read == ["waterworks 1.0.0", "riverworks 1.0.0"]
    gc.collect()
    assert former() is None


async def test_announced_maintenance_is_known_at_the_next_look_and_composes_nothing(
    services: Registering, worker: Worker, clock: FixedClock
) -> None:
    windows = Windows(clock)
    follower = Worker(worker.world, services.db, windows=windows)
    await services.published(documents_of())
    await follower.follower.follow()
    before = follower.holder.current

    async def tell(session: AsyncSession) -> None:
        await ServiceRepository(session).bump()

    desk = MaintenanceDesk(services.db, clock, follower.registry.get, tell)
    begins, words = clock.now(), Text(th="ปิดปรับปรุง", en="Maintenance")
    row, made = await desk.announce(SYSTEM, "waterworks", begins, begins + timedelta(hours=1), words)
    assert made
    assert not windows.is_on("waterworks")
    await follower.follower.follow()
    assert windows.is_on("waterworks")
    await desk.cancel(SYSTEM, "waterworks", row.id)
    await follower.follower.follow()
    assert not windows.is_on("waterworks")
    assert follower.holder.current is before


async def test_what_did_not_change_stays_the_very_same(services: Registering, worker: Worker) -> None:
    """Lanes, kept answers and entries of the catalogue are remembered by it."""
    await services.published(documents_of())
    await worker.follower.follow()
    before = worker.registry.get("waterworks")
    await services.published(documents_of(slug="river", agency=RIVERWORKS, sdl=None, prefix=None, namespace=None,
        operations={"hear": {"kind": "notify", "events": ["data.erased"], "time_limit_seconds": 2}},
        examples={"hear.json": {"operation": "hear", "person": "0000000000001"}}), RIVER)  # fmt: skip
    await worker.follower.follow()
    assert [one.slug for one in worker.registry.plugins] == ["oic", "river", "waterworks"]
    assert worker.registry.get("waterworks") is before


async def test_what_does_not_go_with_this_graph_is_skipped_told_and_taken_back_when_mended(
    services: Registering, worker: Worker
) -> None:
    await services.published(documents_of())
    good = worker.ground
    taken = replace(good.host, types=good.host.types | {"WaterPrice"})
    worker.ground = replace(good, host=taken)
    with capture_logs() as logs:
        await worker.follower.follow()
    assert [one["service"] for one in logs if one["event"] == "service_skipped"] == ["waterworks"]
    data, errors = await worker.ask("{ viewer { insurance { policies { number } } } }")
    assert (data, errors) == ({"viewer": {"insurance": {"policies": [{"number": "1"}]}}}, [])
    service = (await services.desk.one(NAME)).service
    assert service.skipped is not None
    assert "`WaterPrice` is a type of the host" in service.skipped
    mended = Worker(worker.world, services.db)
    await mended.follower.follow()
    assert (await mended.ask())[1] == []
    assert (await services.desk.one(NAME)).service.skipped is None


async def test_a_name_that_came_with_this_installation_is_not_a_strangers(
    services: Registering, worker: Worker, database: Database
) -> None:
    await services.published(documents_of())
    document = worker.oic.manifest.model_copy(
        update={"slug": "waterworks", "namespace": "elsewhere", "prefix": "Elsewhere", "provides": {}}
    )
    later = Worker(worker.world, database)
    later.registry.add(replace(worker.oic, manifest=document, graph=type(worker.oic.graph)()))
    await later.follower.follow()
    assert (await services.desk.one(NAME)).service.skipped is not None
    assert {one.origin.value for one in later.registry.plugins} == {"tree"}


class Picky:
    """A holder in whose graph some services do not hold together with the rest."""

    def __init__(self, behind: SchemaHolder, error: Exception, slugs: Iterable[str]) -> None:
        self._behind, self._error, self._slugs = behind, error, set(slugs)
        self.swap = behind.swap

    async def composed(self, plugins: Iterable[Plugin]) -> Any:
        chosen = list(plugins)
        if self._slugs & {one.slug for one in chosen}:
            raise self._error
        return await self._behind.composed(chosen)


REFUSED = PluginRefused("waterworks", [Fault(Rule.COMPOSITION, "it does not hold together", "Correct the SDL")])


@pytest.mark.parametrize("error", [REFUSED, RecursionError("deep"), ValueError("odd")], ids=str)
async def test_whatever_goes_wrong_in_composing_takes_nothing_else_down(
    services: Registering, worker: Worker, database: Database, error: Exception
) -> None:
    await services.published(documents_of())
    picky = Picky(worker.holder, error, {"waterworks"})
    follower = Follower(database, worker.world.clock, lambda: worker.registry, lambda: picky, lambda: worker.ground)  # type: ignore[arg-type,return-value]  # it stands in for the holder
    await follower.follow()
    assert [one.slug for one in worker.registry.plugins] == ["oic"]
    assert (await worker.ask("{ seasons }")) == ({"seasons": ["RAINY"]}, [])
    assert (await services.desk.one(NAME)).service.skipped is not None


async def test_a_database_that_is_away_is_borne_with_and_said_once(
    services: Registering, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.follower.follow()
    await services.published(documents_of())

    async def away(*_: Any, **__: Any) -> Any:
        raise DatabaseUnavailable

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(services.db, "alone", away)
        await worker.follower.run()
        await worker.follower.run()
    assert [one["event"] for one in logs] == ["services_not_followed"]
    assert worker.registry.get("waterworks") is None
    await worker.follower.run()
    assert worker.registry.get("waterworks") is not None


async def test_a_trial_changes_nothing(services: Registering, worker: Worker) -> None:
    await worker.follower.follow()
    before = worker.holder.current
    examined = await services.examiner.examine(NAME, documents_of())
    await worker.follower.fits(examined.plugin)
    twice = replace(examined.plugin, manifest=examined.plugin.manifest.model_copy(update={"slug": "twin"}))
    worker.registry.swap([*worker.registry.plugins, examined.plugin])
    with pytest.raises(PluginRefused):
        await worker.follower.fits(twice)
    assert worker.holder.current is before


@pytest.mark.postgres_only
async def test_publishing_and_rolling_back_under_load_fails_and_thins_no_request(
    services: Registering, worker: Worker
) -> None:
    """Two workers, asked all the time, while versions come and go."""
    await services.published(documents_of())
    workers = [worker, Worker(worker.world, services.db)]
    for one in workers:
        await one.follower.follow()
    done, outcomes = asyncio.Event(), list[tuple[Any, list[str]]]()
    query = (
        "{ water { price { amount { satang } } } viewer { profile { name } insurance { policies { number status } } } }"
    )

    async def client(one: Worker) -> None:
        while not done.is_set():
            outcomes.append(await one.ask(query))

    async def follow(one: Worker) -> None:
        while not done.is_set():
            await one.follower.run()
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(each(one)) for one in workers for each in (client, client, follow)]
    wider = SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n")
    for patch in range(1, 6):
        await services.published(documents_of(f"1.0.{patch}", sdl=wider))
        await services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON)
        await services.desk.roll_back(SYSTEM, NAME, f"1.0.{patch}", REASON)
    async with asyncio.timeout(60):
        # Each follows and asks of its own accord.
        while {one.follower.generation for one in workers} != {16} or len(outcomes) <= 20:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
    done.set()
    await asyncio.gather(*tasks)
    assert [errors for _, errors in outcomes if errors] == []
    assert all(data == outcomes[0][0] for data, _ in outcomes)
