"""No figure under ten is published, and none follows from what is.

That a left-out figure does not follow is shown the only way it can be: by another table, as possible as the true one,
that is published exactly alike and has another figure there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import astuple, fields

from hypothesis import given, settings
from hypothesis import strategies as st

from services.exchange.usage.repository import Sums
from services.exchange.usage.suppression import SMALL, Published, published

NAMES = tuple(one.name for one in fields(Sums))
BATCH, ATTRIBUTES = 100, 50


def possible(sums: Sums) -> bool:
    """What everybody knows of any agency's figures: how large a batch and a request may be."""
    requests, people, *came = (int(one) for one in astuple(sums))
    return (
        min(requests, people, *came) >= 0
        and people <= BATCH * requests
        and people <= sum(came) <= ATTRIBUTES * people
        and requests >= 1
    )


@st.composite
def agencies(draw: st.DrawFn) -> Sums:
    """Small figures and round ones, one attribute a person and many: where bounds are tight."""
    requests = draw(st.integers(1, 30))
    people = draw(st.one_of(st.just(requests), st.integers(0, 60))) if draw(st.booleans()) else requests * BATCH
    people = min(people, requests * BATCH)
    facts = people * draw(st.sampled_from([1, 1, 2, ATTRIBUTES]))
    denied = min(facts, draw(st.integers(0, 15)))
    unavailable = min(facts - denied, draw(st.sampled_from([0, 0, 3, 12])))
    return Sums(requests, people, facts - denied - unavailable, denied, unavailable)


MONTHS = st.lists(agencies(), max_size=6).map(lambda rows: {f"a{i}": row for i, row in enumerate(rows)})


def agrees(sums: Sums, shown: Published) -> bool:
    return all(told is None or told == true for told, true in zip(astuple(shown), astuple(sums), strict=True))


def others(sums: Sums, name: str) -> Iterator[Sums]:
    """An agency's figures with another one there, and what goes with it."""
    index = NAMES.index(name)
    for step in (1, -1):
        for rest in itertools.product((-1, 0, 1), repeat=len(NAMES)):
            changes = tuple(step if at == index else one for at, one in enumerate(rest))
            yield Sums(*(a + b for a, b in zip(astuple(sums), changes, strict=True)))
        for people, facts in itertools.product((0, BATCH * step), (1, 2, ATTRIBUTES)):
            for which in range(3):
                came = [facts * people if at == which else 0 for at in range(3)]
                moved = Sums(*(a + b for a, b in zip(astuple(sums), (step, people, *came), strict=True)))
                if getattr(moved, name) != getattr(sums, name):
                    yield moved


@settings(deadline=None)
@given(MONTHS)
def test_no_figure_from_one_to_nine_is_published(rows: dict[str, Sums]) -> None:
    table = published(rows)
    for row in (*table.rows.values(), table.total):
        assert not any(told is not None and 0 < told < SMALL for told in astuple(row))


@settings(deadline=None)
@given(MONTHS)
def test_what_is_told_of_an_agency_follows_from_its_own_figures_alone(rows: dict[str, Sums]) -> None:
    table = published(rows)
    for agency, sums in rows.items():
        assert published({agency: sums}).rows[agency] == table.rows[agency]


@settings(deadline=None)
@given(MONTHS)
def test_a_total_tells_nothing_that_the_rows_do_not(rows: dict[str, Sums]) -> None:
    """Not even to an agency, which knows its own figures: what is left out of a row is in no total."""
    table = published(rows)
    for index in range(len(NAMES)):
        shown = [astuple(row)[index] for row in table.rows.values()]
        told = None if None in shown else sum(shown)
        assert astuple(table.total)[index] == told


@settings(deadline=None)
@given(MONTHS)
def test_no_published_combination_determines_a_figure_under_ten(rows: dict[str, Sums]) -> None:
    table = published(rows)
    for agency, sums in rows.items():
        for name in NAMES:
            if 0 < getattr(sums, name) < SMALL:
                alike = (one for one in others(sums, name) if possible(one))
                assert any(published({**rows, agency: one}) == table for one in alike), (agency, name, table)


@settings(deadline=None)
@given(MONTHS)
def test_what_is_published_is_true(rows: dict[str, Sums]) -> None:
    table = published(rows)
    assert set(table.rows) == set(rows)
    assert all(agrees(rows[agency], row) for agency, row in table.rows.items())
    total = Sums(*(sum(getattr(row, name) for row in rows.values()) for name in NAMES))
    assert agrees(total, table.total)


def test_a_month_without_small_figures_is_published_whole() -> None:
    rows = {"oic": Sums(10, 10, 10, 0, 0), "slf": Sums(500, 600, 1_000, 10, 10)}
    table = published(rows)
    assert [astuple(row) for row in table.rows.values()] == [(10, 10, 10, 0, 0), (500, 600, 1_000, 10, 10)]
    assert astuple(table.total) == (510, 610, 1_010, 10, 10)


def test_nine_is_small_and_neither_ten_nor_what_it_leaves_of_the_total() -> None:
    rows = {
        "large": Sums(500, 500, 500, 0, 0),
        "middle": Sums(10, 10, 10, 0, 0),
        "small": Sums(9, 9, 9, 0, 0),
    }
    table = published(rows)
    assert astuple(table.rows["large"]) == (500, 500, 500, 0, 0)
    assert astuple(table.rows["middle"]) == (10, 10, 10, 0, 0)
    assert astuple(table.rows["small"]) == astuple(table.total) == (None,) * 5


def test_few_refusals_hide_what_came_and_not_what_was_asked() -> None:
    rows = {"slf": Sums(500, 500, 497, 3, 0), "oic": Sums(100, 100, 90, 10, 0)}
    table = published(rows)
    assert astuple(table.rows["slf"]) == (500, 500, None, None, None)
    assert astuple(table.rows["oic"]) == (100, 100, 90, 10, 0)
    assert astuple(table.total) == (600, 600, None, None, None)


def test_three_nines_cannot_be_told_from_a_sum_of_twenty_seven() -> None:
    """Each of them had to be small for the others to be left out: with a total, each was exactly nine."""
    nines = {name: Sums(9, 900, 900, 0, 0) for name in ("a", "b", "c")}
    assert astuple(published({**nines, "large": Sums(500, 500, 500, 0, 0)}).total) == (None,) * 5


def test_an_agency_alone_in_a_month_with_a_few_is_not_told_of() -> None:
    table = published({"oic": Sums(3, 3, 3, 0, 0)})
    assert astuple(table.rows["oic"]) == astuple(table.total) == (None,) * 5
