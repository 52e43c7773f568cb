"""Facts and answers drawn at random, for whatever programmes there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from core.money import Money
from services.exchange.catalogue import Catalogue, Kind, load_catalogue
from services.exchange.facts import Fact, Facts, FactState
from tests.welfare.entitlements.conftest import CHILD, PERSON
from welfare.entitlements.assessment import Assessment, assess
from welfare.entitlements.room import programmes_over
from welfare.programmes import ForEach, Programme, ProgrammeCatalogue

ON = date(2026, 11, 22)
AT = datetime(2026, 11, 22, tzinfo=UTC)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def programmes() -> ProgrammeCatalogue:
    return programmes_over(catalogue())


def facts(values: Mapping[str, Any]) -> Facts:
    return {
        name: Fact(name, value, catalogue().attribute(name).steward, AT, FactState.FRESH)
        for name, value in values.items()
    }


MONEY = st.integers(0, 400_000).map(Money.baht)
AREA = st.integers(0, 100_000_000)
WITH: dict[Kind, st.SearchStrategy[Any]] = {Kind.BOOL: st.booleans(), Kind.DATE: st.dates(date(1930, 1, 1), ON)}


def strategy(name: str) -> st.SearchStrategy[Any]:
    kind = catalogue().attribute(name.removeprefix("child.")).type
    if kind.kind is Kind.MONEY:
        return MONEY
    if kind.kind is Kind.INT:
        return st.integers(kind.minimum, min(kind.maximum, 100_000_000))
    return st.sampled_from(kind.codes) if kind.kind is Kind.CODE else WITH[kind.kind]


@st.composite
def assessments(draw: st.DrawFn, programme: Programme) -> Assessment | None:
    on = draw(st.dates(date(2024, 1, 1), date(2028, 12, 31)))
    needs = programme.needs_on(on)
    drawn = {name: draw(st.one_of(strategy(name), strategy(name), strategy(name), st.none())) for name in needs}
    usual = {**PERSON, **{f"child.{name}": value for name, value in CHILD.items()}}
    kept = {name: usual.get(name, value) if draw(st.booleans()) else value for name, value in drawn.items()}
    known = {name: value for name, value in kept.items() if value is not None}
    own = facts({name: value for name, value in known.items() if not name.startswith("child.")})
    child = facts({name[6:]: value for name, value in known.items() if name.startswith("child.")})
    return assess(catalogue(), programme, on, UUID(int=1), own, child if programme.for_each is ForEach.CHILD else None)
