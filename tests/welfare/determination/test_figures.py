"""What leaves of a population: no figure under ten, nor any that could be worked out from the others."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from welfare.determination.figures import NOBODY, SMALL, Cell, Cost, Figures, Rate, table, told

COUNTS = st.one_of(st.just(0), st.integers(1, 30), st.integers(SMALL - 1, SMALL))


def cost(satang: int, payments: int) -> Cost:
    return Cost(dict.fromkeys(Rate, satang), dict.fromkeys(Rate, payments))


CELLS = st.lists(COUNTS, min_size=len(Cell), max_size=len(Cell)).map(lambda found: dict(zip(Cell, found, strict=True)))
COSTS = COUNTS.map(lambda payments: cost(7 * payments, payments))
FIGURES = st.builds(Figures, CELLS, COSTS, COSTS)
ROWS = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), FIGURES, max_size=8)


def figures(**counts: int) -> Figures:
    return Figures({cell: counts.get(cell.name, 0) for cell in Cell})


@given(ROWS)
def test_rows_and_rest_add_up_to_everybody_and_none_of_them_holds_a_small_figure(rows: dict[str, Figures]) -> None:
    found = table(rows)
    if found is None:
        return
    shown = [*found.rows.values(), *([found.rest] if found.rest is not None else [])]
    assert reduce(Figures.__add__, shown, NOBODY) == reduce(Figures.__add__, rows.values(), NOBODY)
    assert len(found.rows) + found.rest_of == len(rows)
    for one in shown:
        counts = [*one.cells.values(), *one.before.payments.values(), *one.after.payments.values()]
        assert all(count == 0 or count >= SMALL for count in counts)


@given(FIGURES)
def test_of_the_whole_no_small_count_is_told_and_subtracting_gives_none(whole: Figures) -> None:
    found = told(whole)
    withheld = [cell for cell in Cell if found.cells[cell] is None]
    assert all(found.cells[cell] in (None, whole.cells[cell]) for cell in Cell)
    assert all(count is None or count == 0 or count >= SMALL for count in found.cells.values())
    if withheld and found.people is not None and whole.people - sum(whole.cells[cell] for cell in withheld) > 0:
        assert sum(whole.cells[cell] for cell in withheld) >= SMALL
        assert len(withheld) > 1
    if withheld:
        assert found.before is None
        assert found.after is None


@given(ROWS)
def test_a_table_is_told_only_where_the_whole_is(rows: dict[str, Figures]) -> None:
    whole = reduce(Figures.__add__, rows.values(), NOBODY)
    if table(rows) is not None:
        assert None not in told(whole).cells.values()


def test_ten_are_told_and_nine_are_not() -> None:
    assert told(figures(NEWLY=10, NEVER=100)).cells[Cell.NEWLY] == 10
    found = told(figures(NEWLY=9, SAME=50, NEVER=100))
    assert {cell for cell in Cell if found.cells[cell] is None} == {Cell.NEWLY, Cell.SAME}
    assert found.people == 159


def test_nine_payments_withhold_the_sums_alone() -> None:
    of_nine = Figures(figures(SAME=40).cells, cost(9, 9), cost(10, 10))
    found = told(of_nine)
    assert found.cells[Cell.SAME] == 40
    assert (found.before, found.after) == (None, None)
    assert told(Figures(of_nine.cells, cost(10, 10), cost(10, 10))).before == dict.fromkeys(Rate, 10)


def test_a_small_row_goes_into_the_rest_with_the_smallest_that_hides_it() -> None:
    found = table({"a": figures(NEWLY=9), "b": figures(NEWLY=500), "c": figures(NEWLY=20)})
    assert found is not None
    assert (set(found.rows), found.rest, found.rest_of) == ({"b"}, figures(NEWLY=29), 2)


def test_a_row_that_hides_a_small_one_at_once_is_taken_before_smaller_ones_that_do_not() -> None:
    found = table({"a": figures(NEWLY=9), "b": figures(NEWLY=500), "c": figures(NEVER=20)})
    assert found is not None
    assert (set(found.rows), found.rest_of) == ({"c"}, 2)


def test_fewer_than_ten_people_are_not_even_counted() -> None:
    assert told(figures(NEVER=9)).people is None
    assert told(figures(NEVER=10)).people == 10
