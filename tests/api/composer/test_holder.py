"""Publishing plugins while requests run."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from typing import Any, cast

import pytest
import strawberry
from graphql import GraphQLError

from api.composer import SchemaHolder, host_names
from core.clock import FixedClock
from services.plugins.contract import Call, Host, PluginRefused
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.registry.graph_check import check_graph
from tests.support.plugins import AGENCIES, CATALOGUE, LIBRARY
from tests.support.plugins.small_graph import DEGREE, HOME, POLICY, World, small_base


@pytest.fixture(scope="module")
def base() -> strawberry.Schema:
    return small_base()


@pytest.fixture
def world(base: strawberry.Schema, clock: FixedClock) -> World:
    return World(base, clock)


async def test_a_publication_that_fails_leaves_the_schema_in_use(world: World) -> None:
    library = world.plugin(LIBRARY, loans=[])
    holder = SchemaHolder(world.base, world.runner, [library])
    in_use = holder.current
    twin = replace(library, manifest=library.manifest.model_copy(update={"slug": "twin"}))
    with pytest.raises(PluginRefused):
        await holder.publish([library, twin])
    assert holder.current is in_use


async def test_publishing_adds_and_takes_away_without_a_restart(world: World) -> None:
    holder = SchemaHolder(world.base, world.runner)
    query = "{ viewer { insurance { policies { number } } } }"
    assert (await world.ask(holder.current, query))[1]
    await holder.publish([world.plugin(AGENCIES / "oic", policies=[POLICY])])
    assert await world.ask(holder.current, query) == ({"viewer": {"insurance": {"policies": [{"number": "1"}]}}}, [])
    await holder.publish([])
    assert (await world.ask(holder.current, query))[1]


async def test_swapping_under_load_fails_and_thins_no_request(world: World) -> None:
    oic, mhesi = world.plugin(AGENCIES / "oic", policies=[POLICY]), world.plugin(AGENCIES / "mhesi", degrees=[DEGREE])
    library = world.plugin(LIBRARY, loans=[])
    holder = SchemaHolder(world.base, world.runner, [oic, mhesi])
    done = asyncio.Event()
    outcomes: list[tuple[Any, list[GraphQLError]]] = []

    async def client() -> None:
        while not done.is_set():
            outcomes.append(await world.ask(holder.current, HOME))

    clients = [asyncio.create_task(client()) for _ in range(8)]
    for turn in range(6):
        await holder.publish([oic, mhesi, library] if turn % 2 else [oic, mhesi])
        answered = len(outcomes)
        # The clients ask of their own accord; one that fails has ended.
        while len(outcomes) < answered + len(clients) and not any(one.done() for one in clients):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    done.set()
    await asyncio.gather(*clients)
    assert len(outcomes) >= 6 * len(clients)
    assert [errors for _, errors in outcomes if errors] == []
    first = outcomes[0][0]
    assert all(data == first for data, _ in outcomes)


async def test_a_request_in_flight_finishes_on_the_schema_it_began_with(world: World) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Host, call: Call) -> Any:
        began.set()
        await go_on.wait()
        return [POLICY]

    oic = replace(world.plugin(AGENCIES / "oic"), functions={"policies": slow})
    holder = SchemaHolder(world.base, world.runner, [oic])
    asking = asyncio.create_task(world.ask(holder.current, "{ viewer { insurance { policies { number plate } } } }"))
    await began.wait()
    await holder.publish([])
    gc.collect()
    go_on.set()
    assert await asking == ({"viewer": {"insurance": {"policies": [{"number": "1", "plate": "1กข 1234"}]}}}, [])


async def test_a_subscription_sees_the_schema_it_began_with_and_a_new_one_the_new(world: World) -> None:
    holder = SchemaHolder(world.base, world.runner)

    async def fields(schema: strawberry.Schema, swap: bool) -> list[list[str]]:
        seen = []
        results = await schema.subscribe("subscription { fieldsOfCitizen(times: 2) }", context_value=world.context())
        async for result in cast("Any", results):
            assert not result.errors
            seen.append(result.data["fieldsOfCitizen"])
            if swap:
                await holder.publish([world.plugin(AGENCIES / "oic", policies=[])])
        return seen

    assert await fields(holder.current, swap=True) == [["id", "profile"], ["id", "profile"]]
    assert await fields(holder.current, swap=False) == [["id", "insurance", "profile"]] * 2


def synthetic(world: World, number: int, types: int = 10) -> Plugin:
    """A plugin of ten types under a prefix of its own."""
    model = world.plugin(LIBRARY)
    prefix, namespace = f"Syn{number:04d}X", f"syn{number:04d}"
    chain = " ".join(f"type {prefix}T{n} {{ a: Int! b: String c: [Date!] d: Float }}" for n in range(types - 1))
    links = " ".join(f"t{n}: {prefix}T{n}" for n in range(1, types - 1))
    chain = chain.replace(f"{prefix}T0 {{", f"{prefix}T0 {{ {links} ")
    sdl = f"extend type Citizen {{ {namespace}: {prefix} }} type {prefix} {{ look: {prefix}T0 }} {chain}"
    spec = model.manifest.operations["loans"]
    update = {
        "slug": f"syn-{number}", "prefix": prefix, "namespace": namespace, "operations": {"look": spec},
        "provides": {}, "errors": {},
    }  # fmt: skip
    manifest = model.manifest.model_copy(update=update)
    plugin = Plugin(manifest, check_graph(sdl, manifest, host_names(world.base)), {})
    return world.with_functions(plugin, look={"a": number, "t1": {"a": 1}})


async def test_fifty_plugins_are_in_one_graph_and_each_answers_for_itself(world: World) -> None:
    registry = Registry(host_names(world.base), CATALOGUE)
    for number in range(50):
        registry.add(synthetic(world, number))
    holder = SchemaHolder(world.base, world.runner)
    await holder.publish(registry.plugins)
    looks = " ".join(f"syn{number:04d} {{ look {{ a b t1 {{ a }} }} }}" for number in range(50))
    data, errors = await world.ask(holder.current, f"{{ viewer {{ {looks} }} }}")
    assert errors == []
    assert [answer["look"]["a"] for answer in data["viewer"].values()] == list(range(50))
    assert data["viewer"]["syn0007"]["look"] == {"a": 7, "b": None, "t1": {"a": 1}}
