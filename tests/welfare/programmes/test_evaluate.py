from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest

from core.money import Money
from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from welfare.programmes import Outcome, Version, evaluate, freeze, freeze_facts, replay, thaw
from welfare.programmes.errors import FrozenInvalid
from welfare.programmes.frames import determine_frame
from welfare.programmes.quantities import quantity
from welfare.rules import Kind
from welfare.rules.errors import ChildExpected, DayOutOfRange, FactColumnMissing, FactOutOfRange, FactWrongType

ON = date(2025, 1, 15)
ELDER: dict[str, Any] = {
    "birth_date": date(1950, 5, 1), "nationality": "thai", "household_registered": True, "state_benefit": False,
    "deceased": False,
}  # fmt: skip


def version(slug: str) -> Version:
    found = PROGRAMMES[slug].version_on(ON)
    assert found is not None
    return found


def test_each_reason_carries_text_law_and_facts() -> None:
    answer = evaluate(version("old-age-allowance"), ELDER, None, ON)
    age = next(c for c in answer.conditions if c.id == "age")
    assert age.text.th == "อายุตั้งแต่ 60 ปีบริบูรณ์ขึ้นไป"
    assert age.law.th == "ระเบียบ มท. 2566 ข้อ 6 (2)"
    assert age.law.en == "MoI regulation 2566, clause 6 (2)"
    assert age.facts_used == ("birth_date",)


def test_an_unmet_condition_leaves_nothing_missing_though_facts_are_unknown() -> None:
    answer = evaluate(version("old-age-allowance"), {"nationality": "other"}, None, ON)
    assert (answer.outcome, answer.missing, answer.benefits) == (Outcome.UNMET, (), ())


def test_with_nothing_known_every_fact_that_matters_is_missing_and_nobody_is_refused() -> None:
    for slug in ("old-age-allowance", "disability-allowance", "state-welfare-card"):
        answer = evaluate(version(slug), {}, None, ON)
        assert answer.outcome is Outcome.UNKNOWN
        assert answer.missing == version(slug).needs


def test_what_would_be_paid_is_told_while_the_outcome_is_open() -> None:
    answer = evaluate(version("old-age-allowance"), ELDER | {"nationality": None}, None, ON)
    assert answer.outcome is Outcome.UNKNOWN
    assert [b.amount for b in answer.benefits] == [Money(70000)]


def test_money_and_its_satang_are_the_same_fact() -> None:
    card = version("state-welfare-card")
    by_money = evaluate(card, {"annual_income": Money(10_000_001)}, None, ON)
    assert by_money == evaluate(card, {"annual_income": 10_000_001}, None, ON)
    assert by_money.outcome is Outcome.UNMET


def test_facts_that_the_version_does_not_read_are_not_looked_at() -> None:
    assert evaluate(version("old-age-allowance"), ELDER | {"annual_income": object()}, None, ON).outcome is Outcome.MET


def test_a_bad_fact_a_missing_child_and_a_bad_day_are_refused() -> None:
    old_age = version("old-age-allowance")
    with pytest.raises(FactWrongType):
        evaluate(old_age, ELDER | {"deceased": "no"}, None, ON)
    with pytest.raises(FactOutOfRange):
        evaluate(version("state-welfare-card"), {"household_size": 0}, None, ON)
    with pytest.raises(ChildExpected):
        evaluate(version("child-support-grant"), {}, None, ON)
    with pytest.raises(DayOutOfRange):
        evaluate(old_age, ELDER, None, date(1799, 1, 1))
    with pytest.raises(FactWrongType) as caught:
        evaluate(version("child-support-grant"), {}, {"deceased": 0}, ON)
    assert caught.value.name == "child.deceased"


def test_every_version_thaws_to_itself() -> None:
    for programme in PROGRAMMES:
        for each in (*programme.versions, *programme.proposed):
            assert thaw(json.loads(json.dumps(freeze(each)))) == each


def test_a_replay_needs_neither_file_nor_catalogue_and_ignores_later_law() -> None:
    stored = json.dumps(
        {"version": freeze(version("old-age-allowance"))} | freeze_facts(version("old-age-allowance"), ELDER, None)
    )
    read = json.loads(stored)
    assert read["facts"]["birth_date"] == "1950-05-01"
    assert read["child"] is None
    later = replay(read["version"], read["facts"], date(2099, 1, 1))
    assert [b.amount for b in later.benefits] == [Money(100_000)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("form", 2),
        ("conditions", [{}]),
        ("status", "maybe"),
        ("starts", "soon"),
        ("benefits", None),
        ("attributes", {"a": 1}),
    ],
)
def test_a_stored_version_that_nobody_can_have_written_is_refused(key: str, value: Any) -> None:
    with pytest.raises(FrozenInvalid):
        thaw(freeze(version("old-age-allowance")) | {key: value})


def test_a_stored_fact_that_is_no_day_is_refused() -> None:
    with pytest.raises(FrozenInvalid):
        replay(freeze(version("old-age-allowance")), {"birth_date": "1 May"}, ON)


def test_a_frame_lacking_a_column_is_refused_rather_than_read_as_unknown() -> None:
    with pytest.raises(FactColumnMissing):
        determine_frame(version("old-age-allowance"), pl.DataFrame({"birth_date": [date(1950, 1, 1)]}), ON)


def test_a_frame_of_many_rows_keeps_their_order() -> None:
    births = [date(1950, 1, 1), date(1990, 1, 1), None, date(1930, 1, 1)]
    frame = pl.DataFrame({"birth_date": births}).with_columns(
        pl.lit("thai").alias("nationality"),
        pl.lit(value=True).alias("household_registered"),
        *(pl.lit(value=False).alias(n) for n in ("state_benefit", "deceased", "old_age_registered")),
        pl.lit(None, dtype=pl.Date).alias("old_age_registered_on"),
    )
    decided = determine_frame(version("old-age-allowance"), frame, ON)
    assert decided["met"].to_list() == [True, False, None, True]
    assert decided["benefit.allowance"].to_list() == [70000, 0, None, 100_000]


@pytest.mark.parametrize(
    ("written", "kind", "value", "shown"),
    [
        ("100,000.01 baht", Kind.MONEY, 10_000_001, "100,000.01"),
        ("0 baht", Kind.MONEY, 0, "0"),
        ("1000 baht", Kind.MONEY, 100_000, "1,000"),
        ("25 sq wah", Kind.INT, 1_000_000, "25"),
        ("25.5 sq wah", Kind.INT, 1_020_000, "25.5"),
        ("35 sq m", Kind.INT, 350_000, "35"),
        ("10 rai", Kind.INT, 160_000_000, "10"),
        ("1 ngan", Kind.INT, 4_000_000, "1"),
    ],
)
def test_a_quantity_is_read_exactly(written: str, kind: Kind, value: int, shown: str) -> None:
    found = quantity(written)
    assert found is not None
    assert (found.kind, found.value, found.shown) == (kind, value, shown)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "baht",
        "1",
        "1 dollar",
        "1,00 baht",
        "1.5 baht",
        "1.005 baht",
        "-1 baht",
        "1.2 sq cm",
        "๑ baht",
        "9" * 30 + " baht",
        "1  baht",
    ],
)
def test_what_is_no_exact_quantity_is_refused(written: str) -> None:
    assert quantity(written) is None


def test_the_vocabulary_of_a_version_holds_what_it_reads_and_no_more() -> None:
    grant = version("child-support-grant")
    assert set(grant.vocabulary.person) == {"household_income", "household_size"}
    assert set(grant.vocabulary.child) < set(VOCABULARY.child)
    assert {n.removeprefix("child.") for n in grant.needs} == {*grant.vocabulary.person, *grant.vocabulary.child}
