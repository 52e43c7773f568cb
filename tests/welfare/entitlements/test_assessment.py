"""A family is told of all programmes at once what each programme alone would say of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import pytest

from services.exchange.catalogue import Catalogue, load_catalogue
from services.exchange.facts import Fact, FactState, Lack
from tests.welfare.programmes.boundary_facts import Row, boundary_facts, split
from tests.welfare.programmes.case_files import PROGRAMMES
from welfare.entitlements.assessment import (
    BIRTH_DATE,
    CHILD,
    CHILDREN,
    Assessment,
    Family,
    Member,
    assess,
    assess_family,
    further_needs_of_child,
)
from welfare.programmes import Channel, ForEach, Outcome

ON: Final = date(2026, 11, 16)
AT: Final = datetime(2026, 11, 16, 3, tzinfo=UTC)
CATALOGUE: Final = load_catalogue()
VERSIONS: Final = [version for programme in PROGRAMMES if (version := programme.version_on(ON)) is not None]
FAMILIES: Final = 25


def told(catalogue: Catalogue, row: Row) -> dict[str, Fact]:
    return {
        name: Fact(name, value, catalogue.attribute(name).steward, AT, FactState.FRESH)
        for name, value in row.items()
        if value is not None
    }


def families() -> Iterator[tuple[Member, Member]]:
    """Parents and a child of each, near the boundaries of every programme in turn."""
    of_each = [boundary_facts(version, ON, number, 2 * FAMILIES) for number, version in enumerate(VERSIONS)]
    for number in range(FAMILIES):
        parent, child = dict[str, object](), dict[str, object]()
        for rows in (*of_each[number % len(of_each) :], *of_each[: number % len(of_each)]):
            own, childs = split(rows[number])
            as_person, _ = split(rows[number + FAMILIES])
            parent = {**own, **parent}
            child = {**as_person, **childs, **child}
        yield Member(UUID(int=1), told(CATALOGUE, parent)), Member(UUID(int=2), told(CATALOGUE, child))


def one_by_one(parent: Member, child: Member) -> Iterator[Assessment | None]:
    for programme in PROGRAMMES:
        if programme.for_each is ForEach.CHILD:
            yield assess(CATALOGUE, programme, ON, child.person, parent.facts, child.facts)
            continue
        yield assess(CATALOGUE, programme, ON, parent.person, parent.facts, None)
        if programme.channel is Channel.HERE and BIRTH_DATE in child.facts:
            found = assess(CATALOGUE, programme, ON, child.person, child.facts, None)
            yield None if found is None or found.determination.outcome is Outcome.UNMET else found


@pytest.mark.parametrize(
    ("reason", "lack", "agency"),
    [
        ("MEMBER_SILENT", Lack.SILENT, "rd"),
        ("MEMBER_UNKNOWN", Lack.NOT_KNOWN, "rd"),
        ("NO_SOURCE", Lack.NO_SOURCE, "rd"),
        ("TIMEOUT", Lack.SILENT, "dopa"),
        ("NOT_KNOWN", Lack.NOT_KNOWN, "dopa"),
    ],
)
def test_a_total_of_a_house_that_is_missing_says_why_and_who_holds_what_is_missing(
    reason: str, lack: Lack, agency: str
) -> None:
    """Whoever knows who lives there, or whoever knows what each of them has."""
    unknown = Fact("household_income", None, "dopa", None, FactState.UNAVAILABLE, reason)
    asked = []
    for programme in PROGRAMMES:
        found = assess(CATALOGUE, programme, ON, UUID(int=1), {"household_income": unknown}, {})
        asked += [] if found is None else [one for one in found.missing if one.attribute == "household_income"]
    assert asked
    assert {(one.why, one.agency, one.silent) for one in asked} == {(lack, agency, lack is Lack.SILENT)}


def test_all_programmes_at_once_say_what_each_says_alone() -> None:
    outcomes = set()
    for parent, child in families():
        together = list(assess_family(CATALOGUE, PROGRAMMES, Family(parent, (child,)), ON))
        assert together == [found for found in one_by_one(parent, child) if found is not None]
        outcomes |= {found.determination.outcome for found in together}
    assert outcomes == set(Outcome)


def test_whose_children_nobody_can_name_is_told_to_name_them_unless_it_is_a_no_anyhow() -> None:
    seen = set()
    for parent, _ in families():
        for found in assess_family(CATALOGUE, PROGRAMMES, Family(parent, None), ON):
            if found.programme.for_each is ForEach.CHILD:
                is_no = found.determination.outcome is Outcome.UNMET
                assert [m.attribute for m in found.missing][:1] == ([] if is_no else [CHILDREN])
                assert not any(m.attribute.startswith(CHILD) for m in found.missing)
                seen.add(is_no)
    assert seen == {True, False}


@pytest.mark.parametrize("knows_age", [True, False], ids=["of_known_age", "of_unknown_age"])
def test_of_a_child_is_asked_what_programmes_for_persons_read_that_are_not_a_no_already(*, knows_age: bool) -> None:
    born = {BIRTH_DATE: date(2020, 1, 1)} if knows_age else {}
    child = Member(UUID(int=2), told(CATALOGUE, born))
    needed = further_needs_of_child(PROGRAMMES, child, ON)
    assert ("disability_card" in needed) is knows_age
    assert "old_age_registered" not in needed, "nobody is old at six"
