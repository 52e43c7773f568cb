"""A version over a frame of millions, by Polars: the answers of `evaluate`, a row a person (or a person and child)."""

from __future__ import annotations

from datetime import date
from functools import reduce
from typing import Final

import polars as pl

from welfare.programmes.model import Version
from welfare.rules.polars_code import PolarsEmitter, checked_frame

MET: Final = "met"


def determine_frame(version: Version, frame: pl.DataFrame, on: date) -> pl.DataFrame:
    """`met` (null is UNKNOWN), `condition.<id>` (the same) and `benefit.<kind>` in satang, row by row.

    The frame has a column for each of `version.needs`, null where unknown. A benefit is null where an unknown fact
    decides its amount, and 0 where nothing is paid, so in every row that is not entitled. Raises FactColumnMissing,
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
        .otherwise(emitter.amount([a.tree for a in b.arms], [*(a.amount.satang for a in b.arms), b.otherwise.satang]))
        for b in version.benefits
    }
    return decided.with_columns(met.alias(MET)).with_columns(**amounts).select(MET, *conditions, *amounts)
