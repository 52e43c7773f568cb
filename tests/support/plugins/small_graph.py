"""A small graph of rooms, a gate that remembers, and plugins whose operations answer what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from api.composer import SHARED, compose, host_names
from core.clock import FixedClock
from core.errors import SitthiError
from core.graph import Access, Context, Info, Node, Rooms, Viewer, global_id
from core.graph import field as root_field
from core.graph.types import SATANG_SCALAR, Satang
from core.ids import GlobalId, NationalId, new_id
from core.text import Language
from services.exchange.facts import OWN_VIEW, Asker, Gate
from services.plugins.contract import Call, Host
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry, load_folder
from services.plugins.runner import LaneLimits, Runner
from tests.support.plugins import AGENCIES, CATALOGUE

ME, SOMEONE_ELSE = new_id(), new_id()
PID = NationalId("0000000000001")


@strawberry.enum
class Season(Enum):
    HOT = "ร้อน"
    RAINY = "ฝน"


@strawberry.type
class Profile:
    name: str
    season: Season | None = None


@strawberry.type
class Citizen(Node):
    person: strawberry.Private[UUID]

    @strawberry.field
    async def profile(self) -> Profile | None:
        await asyncio.sleep(0)
        return Profile(name="ตัวอย่าง", season=Season.RAINY)


@strawberry.type
class Query:
    @root_field(Access.VIEWER)
    def viewer(self, info: Info) -> Citizen | None:
        viewer = info.context.viewer
        return None if viewer is None else Citizen(id=global_id("Citizen", viewer.person), person=viewer.person)

    @root_field(Access.VIEWER)
    def someone_else(self) -> Citizen | None:
        return Citizen(id=global_id("Citizen", SOMEONE_ELSE), person=SOMEONE_ELSE)

    @root_field(Access.PUBLIC)
    def seasons(self, after: Season = Season.HOT) -> list[Season]:
        assert isinstance(after, Season)
        return [season for season in Season if season is not after]

    @root_field(Access.VIEWER)
    def node(self, id: strawberry.ID) -> Node | None:  # noqa: A002 - Relay's word
        return Citizen(id=id, person=GlobalId.parse(id, "Citizen").id)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def fields_of_citizen(self, info: Info, times: int) -> AsyncIterator[list[str]]:
        for _ in range(times):
            schema = cast("Any", info.schema)._schema
            yield sorted(schema.type_map["Citizen"].fields)
            await asyncio.sleep(0)


def small_base() -> strawberry.Schema:
    config = StrawberryConfig(scalar_map={Satang: SATANG_SCALAR})
    return strawberry.Schema(query=Query, subscription=Subscription, types=SHARED, config=config)


@dataclass
class RecordingGate:
    """Reads at once and remembers who looked at what."""

    looks: list[tuple[UUID, str, str, Asker]] = field(default_factory=list)
    refuses: SitthiError | None = None

    async def look(self, subject: UUID, what: str, agency: str, read: Any, *, asker: Asker, purpose: Any) -> Any:
        assert purpose is OWN_VIEW
        self.looks.append((subject, what, agency, asker))
        if self.refuses is not None:
            raise self.refuses
        return await read(PID)


def rooms_with(gate: Any) -> Rooms:
    rooms = Rooms()
    rooms.add(Gate, gate)
    return rooms


class World:
    """One request at a time against a schema, with plugins whose functions are the test's."""

    def __init__(self, base: strawberry.Schema, clock: FixedClock) -> None:
        self.base, self.clock, self.gate = base, clock, RecordingGate()
        self.rooms = rooms_with(self.gate)
        self.calls: list[Call] = []
        self.runner = Runner(lambda _: Host(clock=clock, agency=cast("Any", None)), LaneLimits(failures_max=1_000))
        self.registry = Registry(host_names(base), CATALOGUE)
        self.signed_in = True
        self.me = ME

    def plugin(self, folder: Any, **functions: Any) -> Plugin:
        """A plugin with operations that answer, or raise, what the test says."""
        return self.with_functions(load_folder(folder, host_names(self.base), CATALOGUE), **functions)

    def with_functions(self, plugin: Plugin, **functions: Any) -> Plugin:
        def function(outcome: Any) -> Any:
            async def run(_: Host, call: Call) -> Any:
                self.calls.append(call)
                await asyncio.sleep(0)
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome

            return run

        return replace(plugin, functions={name: function(outcome) for name, outcome in functions.items()})

    def context(self) -> Context:
        viewer = (
            Viewer(self.me, "test", frozenset(), "ial2.3", datetime(2027, 1, 1, tzinfo=UTC)) if self.signed_in else None
        )
        return Context(
            db=cast("Any", None),
            clock=self.clock,
            rooms=self.rooms,
            viewer=viewer,
            language=Language.TH,
            request_id=new_id(),
        )

    async def ask(self, schema: strawberry.Schema, query: str, **variables: Any) -> tuple[Any, list[GraphQLError]]:
        result = await schema.execute(query, variable_values=variables, context_value=self.context())
        return result.data, result.errors or []


POLICY = {
    "number": "1", "plate": "1กข 1234", "province": "กรุงเทพมหานคร", "provinceEn": "Bangkok", "chassis": "C",
    "vehicleClass": "1.10", "insurer": "ก", "insurerEn": "A", "covered": True, "status": "ACTIVE",
    "start": datetime(2026, 1, 1, 9, 30, tzinfo=UTC), "end": datetime(2027, 1, 1, 9, 30, tzinfo=UTC),
    "coveredUntil": datetime(2027, 1, 1, 9, 30, tzinfo=UTC),
    "reportedOn": date(2026, 1, 3),
}  # fmt: skip
DEGREE = {
    "number": "1", "level": "MASTER", "title": "ก", "titleEn": "A", "institution": "ข", "institutionEn": "B",
    "studentNumber": "9", "admittedOn": date(2020, 6, 1), "awardedOn": date(2024, 5, 31), "gpax": 3.5, "courses": [],
}  # fmt: skip
HOME = """{ viewer {
  profile { name }
  insurance { policies { number covered end status __typename } }
  transcripts { degrees { title awardedOn gpax level courses { code } } }
} }"""


def both(world: World, policies: Any, degrees: Any) -> strawberry.Schema:
    plugins = [
        world.plugin(AGENCIES / "oic", policies=policies),
        world.plugin(AGENCIES / "mhesi", degrees=degrees),
    ]
    return compose(world.base, plugins, world.runner)
