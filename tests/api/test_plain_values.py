"""What is told of entitlements, written down at once or by the library: the same bytes, whatever is said and asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, cast

import orjson
import pytest
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Library

from api.schema import base_schema
from core.clock import BANGKOK, FixedClock
from core.graph import Context, Rooms
from core.graph.plain import PlainValues
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
