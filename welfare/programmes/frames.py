"""A version over a frame of millions, by Polars: the answers of `evaluate`, a row a person (or a person and child)."""

from __future__ import annotations

from datetime import date
from functools import reduce
from typing import Final

import polars as pl

from welfare.programmes.model import Amount, Benefit, Formula, Version
from welfare.programmes.siblings import AtMost
from welfare.rules.polars_code import PolarsEmitter, checked_frame

MET: Final = "met"
INT32_MAX: Final = 2**31 - 1


def determine_frame(version: Version, frame: pl.DataFrame, on: date) -> pl.DataFrame:
    """`met` (null is UNKNOWN), `condition.<id>` (the same) and `benefit.<kind>` in satang, row by row.

    The frame has a column for each of `version.needs`, null where unknown. A benefit is null where an unknown fact
    decides its amount, and 0 where nothing is paid, so in every row that is not entitled; a right is no sum and has no
    column. Raises FactColumnMissing,
    FactWrongType, FactOutOfRange, FactUnknownCode or DayOutOfRange.
    """
    emitter = PolarsEmitter(on)
    checked = checked_frame(frame, version.needs, version.vocabulary)
    conditions = {f"condition.{c.id}": emitter.predicate(c.tree) for c in version.conditions}
    decided = checked.with_columns(**conditions)
    met = reduce(lambda a, b: a & b, (pl.col(name) for name in conditions))
    amounts = {
        f"benefit.{b.kind}": pl.when(pl.col(MET).eq_missing(pl.lit(value=False)))
        .then(pl.lit(0, dtype=pl.Int64))
        .otherwise(amount_of(emitter, b))
        for b in version.sums
    }
    return decided.with_columns(met.alias(MET)).with_columns(**amounts).select(MET, *conditions, *amounts)


def amount_of(emitter: PolarsEmitter, benefit: Benefit, dtype: type[pl.Int32 | pl.Int64] = pl.Int64) -> pl.Expr:
    """The first true arm's, null where an arm before is unknown, or a fact of the formula that is chosen.

    32 bits are for a benefit that `fits_32_bits`.
    """
    chosen = _value(emitter, benefit.otherwise, dtype)
    for arm in reversed(benefit.arms):
        chosen = emitter.chosen(arm.tree, _value(emitter, arm.amount, dtype), chosen)
    return chosen


def fits_32_bits(benefit: Benefit) -> bool:
    """Whether the law writes every amount of it, and none is beyond 21 million baht."""
    amounts = (*(arm.amount for arm in benefit.arms), benefit.otherwise)
    return all(not isinstance(amount, Formula) and abs(amount.satang) <= INT32_MAX for amount in amounts)


def _value(emitter: PolarsEmitter, amount: Amount, dtype: type[pl.Int32 | pl.Int64]) -> pl.Expr:
    if not isinstance(amount, Formula):
        return pl.lit(amount.satang, dtype=dtype)
    return emitter.known_term(amount.tree)


def met_among_siblings(at_most: AtMost, met: str, born: str, applicant: str, key: str) -> pl.Expr:
    """`AtMost.among` over a frame: the columns are a child's outcome alone, birth, applicant and place in the list.

    `key` is unique among an applicant's children.
    """
    alone, known, limit = pl.col(met), pl.col(born).is_not_null(), at_most.children
    possible = alone.fill_null(value=True).cast(pl.Int64)
    certain = (alone.fill_null(value=False) & known).cast(pl.Int64)
    maybe_before = (possible * known).cum_sum().over(applicant, order_by=[born, key]) - possible * known
    surely_before = certain.cum_sum().over(applicant, order_by=[born, key]) - certain
    maybe_unplaced = (possible * ~known).sum().over(applicant)
    no, unknown = pl.lit(value=False), pl.lit(None, dtype=pl.Boolean)
    behind = pl.when(known).then(maybe_before + maybe_unplaced).otherwise(possible.sum().over(applicant) - 1)
    return (
        pl.when(alone.eq_missing(no) | (known & (surely_before >= limit)))
        .then(no)
        .when(behind >= limit)
        .then(unknown)
        .otherwise(alone)
    )
