"""Before a rule is published: who would gain, who would lose and what it would cost, over a whole population.

Both rules are put to the same facts on the same day, by Polars. Nothing about a person leaves: only counts and sums
do, as :mod:`welfare.determination.figures` lets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import Any, Final

import polars as pl

from welfare.determination.errors import BeneficiariesDiffer, NoLawToCompare
from welfare.determination.figures import NOBODY, Cell, Cost, Figures, Rate
from welfare.programmes import Cadence, ForEach, Per, Programme, Version
from welfare.programmes.frames import MET
from welfare.programmes.population import CHILD, Families, determine_population
from welfare.rules import Kind

PROVINCE: Final = "province"
HOUSEHOLD: Final = "household"
BORN: Final = "birth_date"
BANDS: Final = (0, 7, 15, 20, 60, 70, 80, 90)
"""The first age of each band: before school, of school age, grown up, and the steps of the old-age allowance."""
NOT_KNOWN: Final = "?"

_A_YEAR: Final[Mapping[Cadence, tuple[Rate, int]]] = {
    Cadence.MONTH: (Rate.YEAR, 12),
    Cadence.QUARTER: (Rate.YEAR, 4),
    Cadence.ONCE: (Rate.ONCE, 1),
    Cadence.DAY: (Rate.DAY, 1),
}
_DTYPES: Final[Mapping[Kind, Any]] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}
_SIDES: Final = ("before", "after")


@dataclass(frozen=True, slots=True)
class Impact:
    """`by_age` and `by_province` divide the same people; a fact in `told_of_nobody` was unknown of everybody."""

    whole: Figures
    by_age: Mapping[str, Figures]
    by_province: Mapping[str, Figures]
    told_of_nobody: tuple[str, ...]


def law_in_force(programme: Programme | None, on: date) -> Version | None:
    return None if programme is None else programme.version_on(on)


def law_to_be(programme: Programme, on: date, *, proposed: bool = False) -> Version | None:
    """What the file says to be in force on the day; or what it proposes for that day, else for a day not named."""
    if not proposed:
        return programme.version_on(on)
    dated = [one for one in programme.proposed if one.covers(on)]
    return next((one for one in (*dated, *programme.proposed) if one in dated or one.starts is None), None)


def first_difference(programme: Programme | None, file: Programme, today: date, *, proposed: bool = False) -> date:
    """From today on, the first day for which the file decides otherwise than what is in force; else today."""
    days = {today}
    for version in (*(programme.versions if programme is not None else ()), *file.versions, *file.proposed):
        days |= {version.starts} if version.starts is not None else set()
        days |= {version.until + timedelta(days=1)} if version.until is not None else set()
    for day in sorted(day for day in days if day >= today):
        to_be = law_to_be(file, day, proposed=proposed)
        if (to_be is not None or not proposed) and differs(law_in_force(programme, day), to_be):
            return day
    return today


def differs(before: Version | None, after: Version | None) -> bool:
    """Whether they could decide otherwise of anybody."""
    return _rules_of(before) != _rules_of(after)


def _rules_of(version: Version | None) -> object:
    if version is None:
        return None
    benefits = tuple((one.kind, one.cadence, one.per, one.arms, one.otherwise) for one in version.benefits)
    return version.for_each, tuple(one.tree for one in version.conditions), benefits


def impact(before: Version | None, after: Version | None, families: Families, on: date) -> Impact:
    """Both frames have, beside the facts and :data:`BORN`, :data:`PROVINCE` (a code) and :data:`HOUSEHOLD` (a key of
    the house), null where unknown. A fact that has no column is unknown of everybody.

    Raises :class:`NoLawToCompare`, :class:`BeneficiariesDiffer`, and what `determine_population` raises.
    """
    versions = [one for one in (before, after) if one is not None]
    if not versions:
        raise NoLawToCompare(on=on.isoformat())
    if len({one.for_each for one in versions}) > 1:
        raise BeneficiariesDiffer
    families = _complete(families, versions)
    source = families.persons if versions[0].for_each is ForEach.PERSON else families.children
    key = families.key
    frame = source.select(key, PROVINCE, HOUSEHOLD, _band(on).alias("band"))
    for side, version in zip(_SIDES, (before, after), strict=True):
        frame = frame.join(_answers(side, version, families, source, on), on=key, how="left", validate="1:1")
    frame = _with_payments(frame.with_columns(cell=_cell()), key)
    by_age, by_province = _by(frame, "band"), _by(frame, PROVINCE)
    needs = sorted({name for one in versions for name in one.needs})
    silent = tuple(name for name in needs if _is_silent(families, name))
    return Impact(reduce(Figures.__add__, by_age.values(), NOBODY), by_age, by_province, silent)


def _complete(families: Families, versions: Iterable[Version]) -> Families:
    """With an empty column for each fact that is not there."""
    persons, children = families.persons, families.children
    for version in versions:
        for name in version.needs:
            attribute = version.vocabulary.type_of(name)
            assert attribute is not None, "a version knows the types of its facts"
            plain = name.removeprefix(CHILD)
            empty = pl.lit(None, dtype=_DTYPES.get(attribute.kind, pl.Int64)).alias(plain)
            if name.startswith(CHILD):
                children = children if plain in children.columns else children.with_columns(empty)
            else:
                persons = persons if plain in persons.columns else persons.with_columns(empty)
    return Families(persons, children, families.key, families.applicant)


def _is_silent(families: Families, name: str) -> bool:
    frame = families.children if name.startswith(CHILD) else families.persons
    return frame.height > 0 and frame.get_column(name.removeprefix(CHILD)).null_count() == frame.height


def _band(on: date) -> pl.Expr:
    """By completed years; born 29 February, on 1 March where there is no 29th, as rules count."""
    born = pl.col(BORN)
    month, day = born.dt.month(), born.dt.day()
    later = (month > on.month) | ((month == on.month) & (day > on.day))
    age = on.year - born.dt.year() - later.cast(pl.Int32)
    band = pl.lit(NOT_KNOWN)
    for first, following in zip(BANDS, (*BANDS[1:], None), strict=True):
        name = f"{first:02}+" if following is None else f"{first:02}-{following - 1:02}"
        band = pl.when(age >= first).then(pl.lit(name)).otherwise(band)
    return band


def _answers(side: str, version: Version | None, families: Families, source: pl.DataFrame, on: date) -> pl.DataFrame:
    """By key: `<side>.met`, and for each rate `<side>.<rate>.own` and `.home`, satang; null is unknown."""
    columns: dict[str, pl.Expr] = {f"{side}.met": pl.lit(value=False)}
    columns |= {f"{side}.{rate}.{part}": pl.lit(0, pl.Int128) for rate in Rate for part in ("own", "home")}
    if version is None:
        return source.select(families.key, **columns)
    answers = determine_population([version], families, on)
    found = answers.persons if version.for_each is ForEach.PERSON else answers.children
    columns[f"{side}.met"] = pl.col(f"{version.programme}.{MET}")
    for benefit in version.sums:
        rate, times = _A_YEAR[benefit.cadence]
        name = f"{side}.{rate}.{'home' if benefit.per is Per.HOUSEHOLD else 'own'}"
        satang = (
            pl.col(f"{version.programme}.benefit.{benefit.kind}").cast(pl.Int128) * times
        )  # 64 bits may not hold it
        columns[name] = columns[name] + satang
    return found.select(families.key, **columns)


def _cell() -> pl.Expr:
    was, is_now = (pl.col(f"{side}.met") for side in _SIDES)
    unknown, more, less = was.is_null() | is_now.is_null(), pl.lit(value=False), pl.lit(value=False)
    for rate in Rate:
        old, new = (pl.col(f"{side}.{rate}.own") + pl.col(f"{side}.{rate}.home") for side in _SIDES)
        unknown, more, less = unknown | old.is_null() | new.is_null(), more | (new > old), less | (new < old)
    return (
        pl.when(unknown)
        .then(pl.lit(Cell.UNKNOWN.value))
        .when(~was & ~is_now)
        .then(pl.lit(Cell.NEVER.value))
        .when(~was)
        .then(pl.lit(Cell.NEWLY.value))
        .when(~is_now)
        .then(pl.lit(Cell.NO_LONGER.value))
        .when(more & less)
        .then(pl.lit(Cell.MIXED.value))
        .when(more)
        .then(pl.lit(Cell.MORE.value))
        .when(less)
        .then(pl.lit(Cell.LESS.value))
        .otherwise(pl.lit(Cell.SAME.value))
    )


def _with_payments(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """`<side>.<rate>`: what the state would pay to this one, of the known. What is for a household is paid once in
    each, to the member to whom most would be due, the first by key of several."""
    known = pl.col("cell") != Cell.UNKNOWN.value
    for side in _SIDES:
        for rate in Rate:
            home = pl.when(known).then(pl.col(f"{side}.{rate}.home")).otherwise(0)
            frame = frame.with_columns(home=home).sort(HOUSEHOLD, "home", key, descending=[False, True, False])
            first = pl.col(HOUSEHOLD).is_null() | pl.col(HOUSEHOLD).is_first_distinct()
            paid = pl.col(f"{side}.{rate}.own") + pl.when(first).then(pl.col("home")).otherwise(0)
            frame = frame.with_columns(pl.when(known).then(paid).otherwise(0).alias(f"{side}.{rate}"))
    return frame


def _by(frame: pl.DataFrame, column: str) -> dict[str, Figures]:
    """Figures by the values of a column."""
    counts = [(pl.col("cell") == cell.value).sum().alias(cell.value) for cell in Cell]
    paid = [pl.col(f"{side}.{rate}") for side in _SIDES for rate in Rate]
    sums = [*(one.sum().name.suffix(".satang") for one in paid), *((one > 0).sum().name.suffix(".n") for one in paid)]
    rows = frame.group_by(pl.col(column).fill_null(NOT_KNOWN).alias("label")).agg(*counts, *sums)
    return {row["label"]: _figures(row) for row in rows.sort("label").iter_rows(named=True)}


def _figures(row: Mapping[str, Any]) -> Figures:
    before, after = (
        Cost({rate: row[f"{side}.{rate}.satang"] for rate in Rate}, {rate: row[f"{side}.{rate}.n"] for rate in Rate})
        for side in _SIDES
    )
    return Figures({cell: row[cell.value] for cell in Cell}, before, after)
