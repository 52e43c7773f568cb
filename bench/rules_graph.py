"""What somebody is entitled to, asked over the graph without a socket: everything that a client can show of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, cast

import orjson
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.schema import base_schema
from bench.rules_facts import ON
from core.clock import BANGKOK, FixedClock
from core.graph import Context, Rooms
from core.graph.plain import PlainValues
from core.ids import new_id
from core.money import CURRENCY, Money
from core.text import Language
from services.exchange.catalogue import Catalogue, load_catalogue
from welfare.entitlements.service import EntitlementService
from welfare.programmes import ProgrammeCatalogue

MICROSECONDS: Final = 1e6
EXECUTORS: Final = {
    "over the graph, as JSON": PlainValues,
    "by the library's executor": StrawberryGraphQLCoreExecutionContext,
}
_DOCUMENT: Final = """query($facts: [FactInput!]!) { checkEntitlements(facts: $facts) {
  id status programme { slug title payer { slug } } beneficiary { id }
  benefits { kind title amount { satang currency } cadence per inKind isRight }
  reasons { text outcome law facts { attribute title value state asOf source { slug title } } }
  missing { attribute title heldBy agency } } }"""


def over_the_graph(
    programmes: ProgrammeCatalogue, people: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], rounds: int
) -> dict[str, list[float]]:
    """CPU µs a citizen with a child, of each round, by :data:`EXECUTORS`, which take turns.

    Raises RuntimeError where their bytes differ.
    """
    asked = [[*_said(own), *({**fact, "child": 1} for fact in _said(child))] for own, child in people]
    return asyncio.run(_measured(programmes, asked, rounds))


def _said(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """As a caller writes them."""
    for name, value in facts.items():
        match value:
            case Money():
                yield {"attribute": name, "value": {"satang": value.satang, "currency": CURRENCY}}
            case date():
                yield {"attribute": name, "value": value.isoformat()}
            case _:
                yield {"attribute": name, "value": value}


async def _measured(
    programmes: ProgrammeCatalogue, asked: Sequence[list[dict[str, Any]]], rounds: int
) -> dict[str, list[float]]:
    catalogue, clock = load_catalogue(), FixedClock(datetime(ON.year, ON.month, ON.day, 10, tzinfo=BANGKOK))
    rooms, schema, nothing = Rooms(), base_schema(), cast("Any", None)
    rooms.add(Catalogue, catalogue)
    rooms.add(EntitlementService, EntitlementService(nothing, nothing, clock, catalogue, programmes))

    async def answer(facts: list[dict[str, Any]]) -> bytes:
        context = Context(nothing, clock, rooms, None, Language.TH, new_id())
        found = await schema.execute(_DOCUMENT, {"facts": facts}, context_value=context)
        if found.errors:
            raise found.errors[0]
        return orjson.dumps(found.data)

    told: dict[str, list[float]] = {name: [] for name in EXECUTORS}
    usual = schema.execution_context_class
    try:
        for number in range(rounds + 1):
            answers = []
            for name, executor in EXECUTORS.items():
                schema.execution_context_class = executor
                began = time.process_time()
                answers.append([await answer(facts) for facts in asked])
                if number:  # the first makes what is remembered
                    told[name].append((time.process_time() - began) / len(asked) * MICROSECONDS)
            if answers[0] != answers[1]:
                raise RuntimeError("the two executors answer otherwise")
    finally:
        schema.execution_context_class = usual
    return told
