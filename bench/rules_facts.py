"""Made-up facts of a million citizens in households of four, each with one child, as Parquet files: all known.

Numbers come of hashes of the row's number, so that every run has the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from welfare.rules import Vocabulary
from welfare.rules.attributes import AttributeType, Kind

ON: Final = date(2026, 11, 16)
PERSONS: Final = "persons.parquet"
CHILDREN: Final = "children.parquet"
COMPRESSION: Final = "snappy"
"""The default of the other side."""
OF_A_HOUSEHOLD: Final = 4
OF_PERSONS: Final = ("old-age-allowance", "disability-allowance", "state-welfare-card", "aids-allowance")
OF_CHILDREN: Final = ("child-support-grant", "section-33-child-allowance")
KEY: Final = "id"
APPLICANT: Final = "applicant"
_LIKELY: Final = {
    "deceased": 2, "has_credit_card": 30, "state_benefit": 10, "household_registered": 95, "parent_is_thai": 97,
    "lives_with_applicant": 90, "state_welfare_card": 20, "disability_card": 4, "old_age_registered": 15,
    "aids_certified": 1, "without_support": 10,
}  # fmt: skip
"""Of a hundred."""
_MANY: Final = {"home_loan": 250_000_000, "car_loan": 150_000_000, "household_size": 6, "sso_months_in_36": 36,
                "elder_siblings_under_six": 4, "house_land_area": 2_000_000, "condominium_area": 700_000,
                "other_land_area": 32_000_000, "agricultural_land_area": 320_000_000}  # fmt: skip


def write_facts(
    folder: Path, citizens: int, vocabulary: Vocabulary, person: Sequence[str], child: Sequence[str]
) -> None:
    """Two files: persons by `id`; of every fourth, a child, `id` and `applicant` beside the facts of the tie."""
    number = pl.int_range(citizens, dtype=pl.Int64)
    persons = pl.select(number.alias(KEY))
    persons = persons.with_columns(
        [_column(name, vocabulary.person[name], seed, 100) for seed, name in enumerate(person)]
    )
    persons.write_parquet(folder / PERSONS, compression=COMPRESSION)
    is_child = pl.col(KEY) % OF_A_HOUSEHOLD == OF_A_HOUSEHOLD - 1
    children = persons.select(KEY).filter(is_child)
    children = children.with_columns((pl.col(KEY) - (OF_A_HOUSEHOLD - 1)).alias(APPLICANT))
    children = children.with_columns(
        [_column(name, vocabulary.child[name], 100 + seed, 9) for seed, name in enumerate(child)]
    )
    children.write_parquet(folder / CHILDREN, compression=COMPRESSION)


def _column(name: str, attribute: AttributeType, seed: int, years: int) -> pl.Expr:
    of_household = name in ("household_income", "household_size")
    dice = (pl.col(KEY) // OF_A_HOUSEHOLD if of_household else pl.col(KEY)).hash(seed)
    match attribute.kind:
        case Kind.BOOL:
            drawn = dice % 100 < _LIKELY.get(name, 50)
        case Kind.DATE:
            days = (dice % (years * 365)).cast(pl.Int64)
            drawn = (pl.lit(ON) - pl.duration(days=days)).cast(pl.Date)
        case Kind.CODE:
            # The first code is the usual one.
            place = pl.when(dice % 10 < 8).then(0).otherwise((dice // 256) % len(attribute.codes))
            drawn = place.cast(pl.UInt32).replace_strict(
                list(range(len(attribute.codes))), list(attribute.codes), return_dtype=pl.Enum(attribute.codes)
            )
        case _:
            least, most = max(attribute.minimum, 0), min(attribute.maximum, _MANY.get(name, 20_000_000))
            drawn = (dice % (most - least + 1)).cast(pl.Int64) + least
    return drawn.alias(name)
