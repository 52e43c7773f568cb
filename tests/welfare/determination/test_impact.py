"""Old rule and new over a population: every count and sum as one citizen at a time would give it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from random import Random  # noqa: TID251 (made-up families from a seed)
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import Money
from tests.welfare.programmes.boundary_facts import DTYPES, Row, boundary_facts, split
from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from welfare.determination.errors import BeneficiariesDiffer, NoLawToCompare
from welfare.determination.figures import Cell, Rate
from welfare.determination.impact import Impact, first_difference, impact, law_in_force, law_to_be
from welfare.programmes import Cadence, Determination, ForEach, Outcome, Per, Programme, Version, evaluate
from welfare.programmes.population import Families

ON: Final = date(2026, 11, 16)
OLD_AGE: Final = PROGRAMMES["old-age-allowance"]
PAIRS: Final = [
    (one, other)
    for programme in PROGRAMMES
    for versions in [(*programme.versions, *programme.proposed)]
    for one, other in zip((None, *versions), (*versions, None), strict=True)
]
"""Each version beside the next, and the first and the last beside nothing."""
TIMES: Final = {Cadence.MONTH: 12, Cadence.QUARTER: 4, Cadence.ONCE: 1, Cadence.DAY: 1}
RATES: Final = {
    Cadence.MONTH: Rate.YEAR, Cadence.QUARTER: Rate.YEAR, Cadence.ONCE: Rate.ONCE, Cadence.DAY: Rate.DAY,
}  # fmt: skip


class Drawn:
    """A population for two versions, its rows beside its frames."""

    def __init__(self, versions: list[Version], seed: int, size: int, on: date = ON) -> None:
        dice = Random(seed)
        several = [boundary_facts(version, on, seed + n, size) for n, version in enumerate(versions)]
        self.rows = [{k: v for row in rows for k, v in row.items()} for rows in zip(*several, strict=True)]
        self.born = [dice.choice((None, date(1940 + n % 80, 1 + n % 12, 1 + n % 28))) for n in range(size)]
        self.for_each = versions[0].for_each
        of_child = "child.birth_date" if self.for_each is ForEach.CHILD else "birth_date"
        self.born = [row.get(of_child, born) for row, born in zip(self.rows, self.born, strict=True)]
        self.provinces = [dice.choice(("10", "50", "90", None)) for _ in range(size)]
        self.houses = [dice.choice((None, n // 3, n // 3)) for n in range(size)]

    def families(self) -> Families:
        size = len(self.rows)
        own, children = zip(*(split(row) for row in self.rows), strict=True)
        place = {
            "province": pl.Series(self.provinces, dtype=pl.String),
            "household": pl.Series(self.houses, dtype=pl.Int64),
        }
        born = {"birth_date": pl.Series(self.born, dtype=pl.Date)}
        persons = framed(list(own), VOCABULARY.person).with_columns(id=pl.Series(range(size)), **place)
        of_children = framed(list(children), VOCABULARY.child).with_columns(
            id=pl.Series(range(size)), applicant=pl.Series(range(size)), **place
        )
        persons = persons if "birth_date" in persons.columns else persons.with_columns(**born)
        of_children = of_children if "birth_date" in of_children.columns else of_children.with_columns(**born)
        return Families(persons.sample(fraction=1, shuffle=True, seed=1), of_children)


def framed(rows: list[Row], types: Any) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame(
        [pl.Series(n, [row[n] for row in rows], dtype=DTYPES.get(types[n].kind, pl.Int64)) for n in names]
        or [pl.Series("nothing", [None] * len(rows))]
    )


def answer(version: Version | None, row: Row) -> Determination | None:
    if version is None:
        return None
    own, child = split(row)
    return evaluate(version, own, child if version.for_each is ForEach.CHILD else None, ON)


def sums(found: Determination | None) -> tuple[dict[Rate, int], dict[Rate, int]] | None:
    """By person and by household; None where something is unknown."""
    own, home = dict.fromkeys(Rate, 0), dict.fromkeys(Rate, 0)
    if found is None:
        return own, home
    if found.outcome is Outcome.UNKNOWN:
        return None
    for benefit in found.benefits if found.outcome is Outcome.MET else ():
        if benefit.cadence is Cadence.STANDING:
            continue
        if benefit.amount is None:
            return None
        target = home if benefit.per is Per.HOUSEHOLD else own
        target[RATES[benefit.cadence]] += benefit.amount.satang * TIMES[benefit.cadence]
    return own, home


def cell_of(before: Version | None, after: Version | None, row: Row) -> Cell:
    old, new = answer(before, row), answer(after, row)
    paid, to_pay = sums(old), sums(new)
    if paid is None or to_pay is None:
        return Cell.UNKNOWN
    was, is_now = (found is not None and found.outcome is Outcome.MET for found in (old, new))
    if was != is_now:
        return Cell.NEWLY if is_now else Cell.NO_LONGER
    if not was:
        return Cell.NEVER
    changes = [sum(part[rate] for part in to_pay) - sum(part[rate] for part in paid) for rate in Rate]
    more, less = any(change > 0 for change in changes), any(change < 0 for change in changes)
    return Cell.MIXED if more and less else Cell.MORE if more else Cell.LESS if less else Cell.SAME


def cost_of(version: Version | None, drawn: Drawn, cells: list[Cell]) -> dict[Rate, int]:
    total = dict.fromkeys(Rate, 0)
    homes: dict[Any, dict[Rate, int]] = defaultdict(lambda: dict.fromkeys(Rate, 0))
    for number, (row, cell) in enumerate(zip(drawn.rows, cells, strict=True)):
        found = sums(answer(version, row)) if cell is not Cell.UNKNOWN else None
        if found is None:
            continue
        house = drawn.houses[number] if drawn.houses[number] is not None else ("alone", number)
        for rate in Rate:
            total[rate] += found[0][rate]
            homes[house][rate] = max(homes[house][rate], found[1][rate])
    return {rate: total[rate] + sum(home[rate] for home in homes.values()) for rate in Rate}


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(PAIRS), st.integers(0, 10_000), st.integers(1, 60))
def test_every_count_and_sum_is_what_one_at_a_time_gives(
    pair: tuple[Version | None, Version | None], seed: int, size: int
) -> None:
    before, after = pair
    drawn = Drawn([one for one in pair if one is not None], seed, size)
    found = impact(before, after, drawn.families(), ON)
    cells = [cell_of(before, after, row) for row in drawn.rows]
    assert {cell: n for cell, n in found.whole.cells.items() if n} == Counter(cells)
    assert found.whole.before.satang == cost_of(before, drawn, cells)
    assert found.whole.after.satang == cost_of(after, drawn, cells)
    by_province = Counter((province or "?", cell) for province, cell in zip(drawn.provinces, cells, strict=True))
    told = {(p, cell): n for p, row in found.by_province.items() for cell, n in row.cells.items() if n}
    assert told == by_province
    by_age = Counter((band_of(born), cell) for born, cell in zip(drawn.born, cells, strict=True))
    assert {(b, cell): n for b, row in found.by_age.items() for cell, n in row.cells.items() if n} == by_age


def band_of(born: date | None) -> str:
    if born is None or born > ON:
        return "?"
    age = ON.year - born.year - ((ON.month, ON.day) < (born.month, born.day))
    bands = ((90, "90+"), (80, "80-89"), (70, "70-79"), (60, "60-69"), (20, "20-59"), (15, "15-19"), (7, "07-14"))
    return next((name for first, name in bands if age >= first), "00-06")


def pensioners(*born: date | None, **facts: Any) -> Families:
    row = {
        "nationality": "thai", "household_registered": True, "state_benefit": False, "deceased": False,
        "old_age_registered": False, "old_age_registered_on": None,
    } | facts  # fmt: skip
    rows = [row | {"birth_date": day} for day in born]
    persons = framed(rows, VOCABULARY.person).with_columns(
        id=pl.Series(range(len(rows))), province=pl.lit("10"), household=pl.lit(None, pl.Int64)
    )
    return Families(persons, persons.clear().with_columns(applicant=pl.lit(0)))


def in_force() -> Version:
    version = law_in_force(OLD_AGE, ON)
    assert version is not None
    return version


def paying(version: Version, satang: int, **other: Any) -> Version:
    [benefit] = version.benefits
    return replace(version, benefits=(replace(benefit, arms=(), otherwise=Money(satang), **other),))


def counted(found: Impact) -> dict[Cell, int]:
    return {cell: count for cell, count in found.whole.cells.items() if count}


def test_a_fact_that_nobody_tells_is_never_a_gain_nor_a_loss() -> None:
    found = impact(in_force(), paying(in_force(), 99), pensioners(date(1950, 1, 1), household_registered=None), ON)
    assert counted(found) == {Cell.UNKNOWN: 1}
    assert found.whole.before.satang[Rate.YEAR] == found.whole.after.satang[Rate.YEAR] == 0
    assert found.told_of_nobody == ("household_registered", "old_age_registered_on")


def test_a_fact_without_a_column_is_unknown_of_everybody() -> None:
    families = pensioners(date(1950, 1, 1), date(2000, 1, 1))
    lacking = Families(families.persons.drop("deceased"), families.children)
    found = impact(in_force(), in_force(), lacking, ON)
    assert counted(found) == {Cell.UNKNOWN: 1, Cell.NEVER: 1}
    assert "deceased" in found.told_of_nobody


def test_bands_begin_on_the_birthday_and_end_on_the_day_before() -> None:
    sixty, day_before = date(1966, 11, 16), date(1966, 11, 17)
    found = impact(in_force(), None, pensioners(sixty, day_before, None, date(2026, 11, 17)), ON)
    assert {band: row.people for band, row in found.by_age.items()} == {"60-69": 1, "20-59": 1, "?": 2}
    assert found.by_age["60-69"].cells[Cell.NO_LONGER] == 1


def test_a_sum_that_sixty_four_bits_do_not_hold_is_exact() -> None:
    families, most = pensioners(*[date(1950, 1, 1)] * 3), 2**62
    found = impact(paying(in_force(), most), paying(in_force(), most - 1), families, ON)
    assert found.whole.before.satang[Rate.YEAR] == 3 * 12 * most
    assert found.whole.after.satang[Rate.YEAR] == 3 * 12 * (most - 1)
    assert counted(found) == {Cell.LESS: 3}


def test_what_is_for_a_household_is_paid_once_in_each() -> None:
    families = pensioners(*[date(1950, 1, 1)] * 4)
    homes = families.persons.with_columns(household=pl.Series([7, 7, 8, None], dtype=pl.Int64))
    of_house = paying(in_force(), 100, per=Per.HOUSEHOLD)
    found = impact(None, of_house, Families(homes, families.children), ON)
    assert counted(found) == {Cell.NEWLY: 4}
    assert found.whole.after.satang[Rate.YEAR] == 3 * 12 * 100
    assert found.whole.after.payments[Rate.YEAR] == 3


def test_more_by_the_year_for_less_at_once_is_neither_a_gain_nor_a_loss() -> None:
    at_once = paying(in_force(), 5_000, cadence=Cadence.ONCE)
    found = impact(at_once, paying(in_force(), 100), pensioners(date(1950, 1, 1)), ON)
    assert counted(found) == {Cell.MIXED: 1}


def test_rules_for_persons_and_for_children_are_not_compared() -> None:
    of_children = law_in_force(PROGRAMMES["child-support-grant"], ON)
    with pytest.raises(BeneficiariesDiffer):
        impact(in_force(), of_children, pensioners(date(1950, 1, 1)), ON)


def test_nothing_beside_nothing_is_refused() -> None:
    with pytest.raises(NoLawToCompare):
        impact(None, None, pensioners(date(1950, 1, 1)), ON)


def test_a_file_is_compared_on_the_first_day_on_which_it_decides_otherwise() -> None:
    later = date(2027, 10, 1)
    newer = replace(paying(in_force(), 100), starts=later)
    file = replace(OLD_AGE, versions=(*OLD_AGE.versions[:-1], replace(in_force(), until=date(2027, 9, 30)), newer))
    assert first_difference(OLD_AGE, file, ON) == later
    assert first_difference(None, file, ON) == ON
    assert first_difference(OLD_AGE, OLD_AGE, ON) == ON


def test_what_a_file_proposes_is_compared_only_when_asked_for() -> None:
    file: Programme = OLD_AGE
    assert law_to_be(file, ON) == law_in_force(file, ON)
    assert law_to_be(file, ON, proposed=True) == file.proposed[0]
    dated = replace(file.proposed[0], starts=date(2027, 1, 1))
    several = replace(file, proposed=(dated, *file.proposed))
    assert law_to_be(several, date(2027, 1, 1), proposed=True) == dated
    assert law_to_be(several, date(2026, 12, 31), proposed=True) == file.proposed[0]
    assert law_to_be(replace(file, proposed=(dated,)), date(2026, 12, 31), proposed=True) is None
    assert first_difference(file, replace(file, proposed=(dated,)), ON, proposed=True) == date(2027, 1, 1)
