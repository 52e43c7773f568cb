"""No figure under ten is published, and none follows from what is.

That a left-out figure does not follow is shown the only way it can be: by another table, as possible as the true one,
that would be published exactly alike and has another figure there.
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


def moves(first: Sums, second: Sums) -> Iterator[tuple[int, ...]]:
    """What might be one agency's instead of the other's, so that every sum stays."""
    yield tuple(b - a for a, b in zip(astuple(first), astuple(second), strict=True))
    for step in (1, -1):
        for chosen in itertools.product((-1, 0, 1), repeat=len(NAMES)):
            yield tuple(one * step for one in chosen)
        for facts in (1, 2, ATTRIBUTES):
            for which in range(3):
                came = [0, 0, 0]
                came[which] = step * BATCH * facts
                yield (step, step * BATCH, *came)
                came[which] = step * facts
                yield (0, step, *came)


def moved(sums: Sums, move: tuple[int, ...], sign: int) -> Sums:
    return Sums(*(a + sign * b for a, b in zip(astuple(sums), move, strict=True)))


def agrees(sums: Sums, shown: Published) -> bool:
    return all(told is None or told == true for told, true in zip(astuple(shown), astuple(sums), strict=True))


def has_another(rows: dict[str, Sums], agency: str, name: str) -> bool:
    """Whether some other possible table is published alike and has another figure there."""
    table = published(rows)
    index = NAMES.index(name)
    if astuple(table.total)[index] is None:  # nothing to subtract from: the row alone must leave room
        alone = (moved(rows[agency], move, 1) for move in moves(rows[agency], rows[agency]))
        if any(possible(one) and agrees(one, table.rows[agency]) and getattr(one, name) != getattr(rows[agency], name)
               for one in alone):  # fmt: skip
            return True
    for other in rows.keys() - {agency}:
        for move in moves(rows[agency], rows[other]):
            mine, theirs = moved(rows[agency], move, 1), moved(rows[other], move, -1)
            if (
                move[index]
                and possible(mine)
                and possible(theirs)
                and agrees(mine, table.rows[agency])
                and agrees(theirs, table.rows[other])
            ):
                return True
    return False


@settings(deadline=None)
@given(MONTHS)
def test_no_figure_from_one_to_nine_is_published(rows: dict[str, Sums]) -> None:
    table = published(rows)
    for row in (*table.rows.values(), table.total):
        assert not any(told is not None and 0 < told < SMALL for told in astuple(row))


@settings(deadline=None)
@given(MONTHS)
def test_subtraction_never_leaves_a_figure_under_ten(rows: dict[str, Sums]) -> None:
    table = published(rows)
    for index, name in enumerate(NAMES):
        hidden = [agency for agency, row in table.rows.items() if astuple(row)[index] is None]
        if astuple(table.total)[index] is not None and hidden:
            left = sum(getattr(rows[agency], name) for agency in hidden)
            assert len(hidden) > 1
            assert left == 0 or left >= SMALL


@settings(deadline=None)
@given(MONTHS)
def test_no_published_combination_determines_a_figure_under_ten(rows: dict[str, Sums]) -> None:
    for agency, sums in rows.items():
        for name in NAMES:
            if 0 < getattr(sums, name) < SMALL:
                assert has_another(rows, agency, name), (agency, name, published(rows))


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


def test_nine_is_small_and_takes_the_smallest_other_with_it() -> None:
    rows = {
        "large": Sums(500, 500, 500, 0, 0),
        "middle": Sums(10, 10, 10, 0, 0),
        "small": Sums(9, 9, 9, 0, 0),
    }
    table = published(rows)
    assert astuple(table.rows["large"]) == (500, 500, 500, 0, 0)
    assert astuple(table.rows["middle"]) == astuple(table.rows["small"]) == (None,) * 5
    assert astuple(table.total) == (519, 519, 519, 0, 0)


def test_few_refusals_hide_what_came_and_not_what_was_asked() -> None:
    rows = {"slf": Sums(500, 500, 497, 3, 0), "oic": Sums(100, 100, 90, 10, 0)}
    table = published(rows)
    assert astuple(table.rows["slf"]) == (500, 500, None, None, None)
    assert astuple(table.rows["oic"]) == (100, 100, None, None, None)
    assert astuple(table.total) == (600, 600, 587, 13, 0)


def test_a_total_that_is_small_is_left_out_and_hides_nobody_else() -> None:
    rows = {"slf": Sums(500, 500, 497, 3, 0), "oic": Sums(100, 100, 100, 0, 0)}
    table = published(rows)
    assert astuple(table.rows["oic"]) == (100, 100, 100, 0, 0)
    assert astuple(table.total) == (600, 600, None, None, None)


def test_an_agency_alone_in_a_month_with_a_few_is_not_told_of() -> None:
    table = published({"oic": Sums(3, 3, 3, 0, 0)})
    assert astuple(table.rows["oic"]) == astuple(table.total) == (None,) * 5
