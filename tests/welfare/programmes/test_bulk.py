"""A whole population at once: what is joined late, decided once or known of everybody gives the same answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random  # noqa: TID251 (made-up families from a seed)
from typing import Any, Final

import polars as pl
import pytest

from core.money import Money
from tests.welfare.programmes.boundary_facts import DTYPES, Row, boundary_facts, split
from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from welfare.programmes import ForEach, Version
from welfare.programmes.frames import determine_frame, fits_32_bits
from welfare.programmes.model import Formula
from welfare.programmes.population import Answers, Families, determine_population
from welfare.rules import AttributeType, Kind
from welfare.rules.errors import FactColumnMissing, FactOutOfRange

ON: Final = date(2026, 11, 16)
VERSIONS: Final = [version for programme in PROGRAMMES if (version := programme.version_on(ON)) is not None]
PEOPLE: Final = 400
CHILDREN: Final = 300


def merged(seed: int, *, unknown: bool) -> tuple[list[Row], list[Row]]:
    """Facts of persons and children for all versions, each row near the boundaries of one of them."""
    persons: list[Row] = [{} for _ in range(PEOPLE)]
    children: list[Row] = [{} for _ in range(CHILDREN)]
    for number, version in enumerate(VERSIONS):
        for place, row in enumerate(boundary_facts(version, ON, seed + number, PEOPLE)):
            if not unknown:
                row = {n: v if v is not None else _some(version.vocabulary.type_of(n)) for n, v in row.items()}  # noqa: PLW2901 (the row from here on)
            own, child = split(row)
            persons[place] = own | persons[place] if (place + number) % 2 else persons[place] | own
            if place < CHILDREN:
                children[place] = child | children[place]
    return persons, children


def _some(attribute: AttributeType | None) -> Any:
    assert attribute is not None
    return {"bool": True, "date": date(2000, 1, 1), "code": (*attribute.codes, "")[0]}.get(attribute.kind.value, 1)


def framed(rows: list[Row], types: Any, keys: dict[str, list[str]]) -> pl.DataFrame:
    columns = [
        pl.Series(name, [row[name] for row in rows], dtype=DTYPES.get(types[name].kind, pl.Int64)) for name in rows[0]
    ]
    return pl.DataFrame([*(pl.Series(key, values) for key, values in keys.items()), *columns])


def families_of(seed: int, *, unknown: bool, in_order: bool) -> Families:
    """Every tenth child's applicant is not among the persons, unless nothing is unknown."""
    persons, children = merged(seed, unknown=unknown)
    dice, ids = Random(seed), [f"p{n:04}" for n in range(PEOPLE)]
    if not in_order:
        dice.shuffle(ids)
    applicants = [dice.choice(ids) if not unknown or n % 10 else f"nobody {n}" for n in range(CHILDREN)]
    applicants = sorted(applicants) if in_order else applicants
    return Families(
        framed(persons, VOCABULARY.person, {"id": ids}),
        framed(children, VOCABULARY.child, {"id": [f"c{n:04}" for n in range(CHILDREN)], "applicant": applicants}),
    )


def by_frame(version: Version, families: Families) -> pl.DataFrame:
    """Everything joined first, and the version alone."""
    if version.for_each is ForEach.PERSON:
        frame, keys = families.persons, ["id"]
    else:
        renamed = families.children.rename({n: f"child.{n}" for n in families.children.columns[2:]})
        frame = renamed.join(families.persons.rename({"id": "applicant"}), on="applicant", how="left")
        keys = ["id", "applicant"]
    decided = determine_frame(version, frame, ON)
    return pl.concat([frame.select(keys), decided], how="horizontal").sort("id")


@pytest.mark.parametrize("in_order", [True, False], ids=["sorted", "shuffled"])
@pytest.mark.parametrize("unknown", [True, False], ids=["some_unknown", "all_known"])
def test_all_programmes_at_once_answer_as_each_does_alone(unknown: bool, in_order: bool) -> None:
    families = families_of(11, unknown=unknown, in_order=in_order)
    answers = determine_population(VERSIONS, families, ON)
    for version in VERSIONS:
        found = answers.persons if version.for_each is ForEach.PERSON else answers.children
        expected = by_frame(version, families)
        slug = f"{version.programme}."
        columns = [c if c in ("id", "applicant") else slug + c for c in expected.columns]
        narrow = {f"{slug}benefit.{b.kind}": pl.Int32 for b in version.sums if fits_32_bits(b)}
        expected = expected.rename(dict(zip(expected.columns, columns, strict=True)))
        assert found.sort("id").select(columns).equals(expected.cast(narrow))  # type: ignore[arg-type] # its stubs know no classes


def test_what_is_given_to_many_adds_up_beyond_32_bits() -> None:
    met = pl.Series("card.met", [True, True, None, False])
    persons = pl.DataFrame([met, pl.Series("card.benefit.goods", [2**31 - 1, 2**31 - 1, None, 0], dtype=pl.Int32)])
    answers = Answers(persons, pl.DataFrame({"grant.benefit.grant": [60_000, 60_000]}))
    assert answers.total("card.benefit.goods") == 2 * (2**31 - 1)
    assert answers.total("card.met") == 2
    assert answers.total("grant.benefit.grant") == 120_000


@pytest.mark.parametrize(("satang", "fits"), [(2**31 - 1, True), (2**31, False)])
def test_only_amounts_of_the_law_that_32_bits_hold_are_narrow(satang: int, fits: bool) -> None:
    flat = next(b for v in VERSIONS for b in v.sums if b.arms and not b.formulas)
    assert fits_32_bits(replace(flat, otherwise=Money(satang))) is fits
    arm = replace(flat.arms[0], amount=Money(satang))
    assert fits_32_bits(replace(flat, arms=(arm, *flat.arms[1:]))) is fits


def test_an_amount_that_a_formula_gives_is_never_narrow() -> None:
    computed = [b for v in VERSIONS for b in v.sums if any(isinstance(a, Formula) for a in b.amounts)]
    assert computed, "a programme of the catalogue computes"
    assert not any(map(fits_32_bits, computed))


def test_one_kind_of_programme_alone_leaves_the_other_frame_with_its_keys() -> None:
    families = families_of(3, unknown=True, in_order=True)
    answers = determine_population([v for v in VERSIONS if v.for_each is ForEach.CHILD], families, ON)
    assert answers.persons.columns == ["id"]
    assert answers.persons.height == PEOPLE
    assert answers.children.height == CHILDREN
    answers = determine_population([v for v in VERSIONS if v.for_each is ForEach.PERSON], families, ON)
    assert answers.children.columns == ["id", "applicant"]


def test_a_column_that_is_missing_or_a_number_out_of_range_is_named() -> None:
    families = families_of(3, unknown=True, in_order=True)
    without = Families(families.persons, families.children.drop("parent_is_thai"))
    with pytest.raises(FactColumnMissing, match=r"child\.parent_is_thai"):
        determine_population(VERSIONS, without, ON)
    beyond = Families(families.persons.with_columns(annual_income=pl.lit(2**60)), families.children)
    with pytest.raises(FactOutOfRange, match="annual_income"):
        determine_population(VERSIONS, beyond, ON)


def numbers_and_days() -> list[str]:
    names = dict.fromkeys(name for version in VERSIONS for name in version.needs)
    types = {name: VOCABULARY.type_of(name) for name in names}
    return [name for name, of in types.items() if of is not None and of.kind not in (Kind.BOOL, Kind.CODE)]


def with_last(families: Families, name: str, value: Any) -> Families:
    """The families, with another value in the last row of the column only."""
    frame = families.children if name.startswith("child.") else families.persons
    column = frame.get_column(name.removeprefix("child."))
    changed = pl.Series(column.name, [*column.to_list()[:-1], value], dtype=column.dtype)
    other = frame.with_columns(changed)
    return replace(families, children=other) if name.startswith("child.") else replace(families, persons=other)


@pytest.mark.parametrize("name", numbers_and_days())
def test_one_value_beyond_either_end_is_refused_and_the_ends_themselves_are_taken(name: str) -> None:
    families, attribute = families_of(5, unknown=True, in_order=True), VOCABULARY.type_of(name)
    assert attribute is not None
    ends: list[Any]
    beyond: list[Any]
    if attribute.kind is Kind.DATE:
        least, most, one = date(1800, 1, 1), date(2400, 12, 31), timedelta(days=1)
        ends, beyond = [least, most], [least - one, most + one]
    else:
        ends, beyond = [attribute.minimum, attribute.maximum], [attribute.minimum - 1, attribute.maximum + 1]
    for value in ends:
        determine_population(VERSIONS, with_last(families, name, value), ON)
    for value in beyond:
        with pytest.raises(FactOutOfRange, match=name.replace(".", r"\.")):
            determine_population(VERSIONS, with_last(families, name, value), ON)


@pytest.mark.parametrize(
    ("dtype", "value"), [(pl.UInt64, 2**64 - 1), (pl.Int128, 2**64), (pl.Int128, -(2**64)), (pl.Int8, -1)]
)
def test_a_number_that_would_wrap_when_it_is_made_wider_or_narrower_is_refused(dtype: Any, value: int) -> None:
    families = families_of(5, unknown=True, in_order=True)
    column = pl.Series("household_size", [1] * (PEOPLE - 1) + [value], dtype=dtype)
    with pytest.raises(FactOutOfRange, match="household_size"):
        determine_population(VERSIONS, replace(families, persons=families.persons.with_columns(column)), ON)
