"""What is told of entitlements, written down at once or by the library: the same bytes, whatever is said and asked."""

from __future__ import annotations

from datetime import date, datetime
from inspect import signature
from typing import Any, Final, cast

import orjson
import pytest
from graphql import GraphQLObjectType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Library
from strawberry.types.field import StrawberryField

from api.schema import base_schema
from core.clock import BANGKOK, FixedClock
from core.graph import Context, Rooms
from core.graph.plain import PLAIN, PlainValues
from core.ids import new_id
from core.money import Money
from core.text import Language
from services.exchange.catalogue import Catalogue, load_catalogue
from tests.welfare.programmes.boundary_facts import boundary_facts
from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from welfare.entitlements.service import EntitlementService
from welfare.programmes import Version
from welfare.rules import Kind

ON: Final = date(2026, 11, 16)
VERSIONS: Final = [version for programme in PROGRAMMES if (version := programme.version_on(ON)) is not None]
DOCUMENT: Final = """query($facts: [FactInput!]!, $why: Boolean!) { checkEntitlements(facts: $facts) {
  id status changesOn programme { slug title payer { slug title } excludes { slug } benefits { kind } }
  beneficiary { id } benefits { kind title amount { satang currency } cadence per inKind isRight __typename }
  reasons @include(if: $why) { text outcome law facts { ...fact } } smallestChange { __typename }
  missing { attribute title heldBy agency } } }
  fragment fact on ReasonFact { attribute title value state asOf source { slug title } }"""


@pytest.fixture(scope="module")
def rooms() -> Rooms:
    """Of an anonymous check, which stores nothing and asks nobody."""
    found, catalogue = Rooms(), load_catalogue()
    nothing, clock = cast("Any", None), FixedClock(datetime(2026, 11, 16, 10, tzinfo=BANGKOK))
    found.add(Catalogue, catalogue)
    found.add(EntitlementService, EntitlementService(nothing, nothing, clock, catalogue, PROGRAMMES))
    return found


def said(version: Version, seed: int) -> list[dict[str, Any]]:
    """Facts near the boundaries of a version, as a caller gives them; what is unknown is not given."""
    [row] = boundary_facts(version, ON, seed, 1)
    return [
        {"attribute": name.removeprefix("child."), "value": shown(name, value)}
        | ({"child": 1} if name.startswith("child.") else {})
        for name, value in row.items()
        if value is not None
    ]


def shown(name: str, value: Any) -> Any:
    kind = VOCABULARY.type_of(name)
    if kind is not None and kind.kind is Kind.MONEY:
        return {"satang": value.satang if isinstance(value, Money) else value, "currency": "THB"}
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.programme)
async def test_every_byte_is_the_librarys(rooms: Rooms, version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    schema, clock = base_schema(), FixedClock(datetime(2026, 11, 16, 10, tzinfo=BANGKOK))
    assert schema.execution_context_class is PlainValues
    told = 0
    for seed in range(12):
        answers = []
        variables = {"facts": said(version, seed), "why": seed % 4 > 0}
        for executor in (PlainValues, Library):
            monkeypatch.setattr(schema, "execution_context_class", executor)
            language = Language.EN if seed % 2 else Language.TH
            context = Context(cast("Any", None), clock, rooms, None, language, new_id())
            found = await schema.execute(DOCUMENT, variables, context_value=context)
            answers.append(orjson.dumps([found.data, [error.formatted for error in found.errors or ()]]))
            told += found.data is not None
        assert answers[0] == answers[1]
    assert told > 12


def marked() -> dict[str, StrawberryField]:
    """Every field of the graph whose resolver says that it is as good as an attribute."""
    fields = {
        f"{kind.name}.{name}": field.extensions.get("strawberry-definition")
        for kind in base_schema()._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
    }
    found = {name: field for name, field in fields.items() if isinstance(field, StrawberryField)}
    return {name: field for name, field in found.items() if PLAIN.items() <= field.metadata.items()}


@pytest.mark.parametrize("name", sorted(marked()))
def test_a_field_that_says_it_is_plain_waits_for_nothing_and_takes_nothing(name: str) -> None:
    field = marked()[name]
    assert field.base_resolver is not None
    assert not field.is_async
    assert not field.extensions
    assert tuple(signature(cast("Any", field.base_resolver.wrapped_func)).parameters) in {("self",), ("self", "info")}
    assert name.partition(".")[0] not in {"Query", "Mutation", "Subscription", "Citizen"}
