"""Which unknown facts are asked for: those that could still change the answer, and no others."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.welfare.rules.agreement import PARAMETERS, VOCABULARY, sheet_of
from welfare.rules import ARM_UNKNOWN, TRUE, UNKNOWN, parse
from welfare.rules.python_sheet import Sheet

ON = date(2025, 1, 1)


def missing_of(sheet: Sheet, facts: dict[str, Any]) -> tuple[str, ...]:
    [(_, unknown)] = sheet.answers(facts, {}, ON)
    return tuple(name for bit, name in enumerate(sheet.facts) if unknown >> bit & 1)


def missing(rule: str, **facts: Any) -> tuple[str, ...]:
    return missing_of(sheet_of([parse(rule, VOCABULARY, PARAMETERS)], []), facts)


@pytest.mark.parametrize(
    ("rule", "facts", "names"),
    [
        ("flag OR other_flag", {}, ("flag", "other_flag")),
        ("flag OR other_flag", {"flag": False}, ("other_flag",)),
        ("flag OR other_flag", {"flag": True}, ()),
        ("flag AND other_flag", {"flag": False}, ()),
        ("(flag AND other_flag) OR size > 1", {"other_flag": False}, ("size",)),
        ("NOT (flag AND other_flag)", {"flag": True}, ("other_flag",)),
        ("income <= :limit * size", {"size": 1}, ("income",)),
        ("size BETWEEN count AND 5", {"size": 9}, ()),
        ("size BETWEEN count AND 5", {"size": 3}, ("count",)),
        ("LEAST(size, count) > 1", {"size": 5}, ("count",)),
        ("child.flag AND flag", {"flag": True}, ("child.flag",)),
    ],
)
def test_only_facts_that_could_change_the_outcome_are_missing(
    rule: str, facts: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert missing(rule, **facts) == names


def test_an_amount_asks_for_the_facts_of_its_open_arms_up_to_one_that_holds() -> None:
    arms = [parse(rule, VOCABULARY) for rule in ("size > 5", "count > 1", "flag")]
    sheet = sheet_of([parse("other_flag", VOCABULARY)], arms)
    known = {"other_flag": True, "count": 2}
    assert sheet.answers(known, {}, ON)[0][0] == (TRUE, ARM_UNKNOWN)
    assert missing_of(sheet, known) == ("size",)
    assert missing_of(sheet, {"other_flag": True, "count": 0}) == ("size", "flag")
    assert sheet.answers({"count": 2, "size": 1}, {}, ON)[0][0] == (UNKNOWN, 1)


def test_a_compiled_rule_may_be_asked_about_another_day() -> None:
    sheet = sheet_of([parse("age_on(born, assessment_date) >= 6", VOCABULARY)], [])
    born = {"born": date(2019, 1, 1)}
    answers = [sheet.answers(born, {}, day)[0][0][0] for day in (ON, date(2024, 12, 31), ON)]
    assert answers == [2, 0, 2]
