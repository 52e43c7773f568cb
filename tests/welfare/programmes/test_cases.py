"""Every law case, decided for one citizen in Python and as a row of a frame in Polars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
import pytest

from core.money import Money
from tests.welfare.programmes.case_files import NEVER, PROGRAMMES, Case, all_cases
from welfare.programmes import Outcome, Version, changes_on, evaluate, freeze, freeze_facts, replay
from welfare.programmes.frames import determine_frame
from welfare.rules import Kind

CASES = all_cases()
DECIDED = [case for case in CASES if case.answer != "no_version"]
DTYPES: dict[Kind, Any] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}


def names(cases: list[Case]) -> list[str]:
    return [case.id for case in cases]


def version_of(case: Case) -> Version:
    version = case.version
    assert version is not None
    return version


def frame_of(version: Version, case: Case) -> pl.DataFrame:
    columns = []
    for name in version.needs:
        source: Mapping[str, object] = (case.child or {}) if name.startswith("child.") else case.facts
        value = source.get(name.removeprefix("child."))
        attribute = version.vocabulary.type_of(name)
        assert attribute is not None
        plain = value.satang if isinstance(value, Money) else value
        columns.append(pl.Series(name, [plain], dtype=DTYPES.get(attribute.kind, pl.Int64)))
    return pl.DataFrame(columns)


def test_there_are_enough_law_cases() -> None:
    assert len(CASES) >= 300
    assert len(set(names(CASES))) == len(CASES)


@pytest.mark.parametrize("case", [c for c in CASES if c.answer == "no_version"], ids=lambda c: c.id)
def test_no_version_is_in_force(case: Case) -> None:
    assert PROGRAMMES[case.programme].version_on(case.as_of) is None


@pytest.mark.parametrize("case", DECIDED, ids=names(DECIDED))
def test_one_citizen_gets_the_answer_of_the_law(case: Case) -> None:
    found = evaluate(version_of(case), case.facts, case.child, case.as_of)
    amounts = {b.kind: b.amount for b in found.benefits}
    if case.answer == "not_entitled":
        assert found.outcome is Outcome.UNMET
        assert amounts == {}
    elif case.answer == "unknown":
        assert found.outcome is Outcome.UNKNOWN
        assert case.missing
    elif case.answer == "right":
        assert found.outcome is Outcome.MET
        assert [b.amount for b in found.benefits if b.is_right] == [None]
        assert all(b.is_right for b in found.benefits)
    else:
        assert found.outcome is Outcome.MET
        if isinstance(case.answer, Mapping):
            assert amounts == case.answer
        else:
            assert list(amounts.values()) == [case.answer]
    assert found.missing == case.missing
    unmet = tuple(c.id for c in found.conditions if c.outcome is Outcome.UNMET)
    assert unmet == (case.because or ())


@pytest.mark.parametrize("case", DECIDED, ids=names(DECIDED))
def test_a_frame_gets_the_same_answer(case: Case) -> None:
    version = version_of(case)
    found = evaluate(version, case.facts, case.child, case.as_of)
    row = determine_frame(version, frame_of(version, case), case.as_of).row(0, named=True)
    as_null = {Outcome.MET: True, Outcome.UNMET: False, Outcome.UNKNOWN: None}
    assert row.pop("met") is as_null[found.outcome]
    for condition in found.conditions:
        assert row.pop(f"condition.{condition.id}") is as_null[condition.outcome]
    sums = [b for b in found.benefits if not b.is_right]
    paid = {f"benefit.{b.kind}": b.amount.satang if b.amount else None for b in sums}
    assert row == dict.fromkeys(row, 0) | paid


@pytest.mark.parametrize("case", DECIDED, ids=names(DECIDED))
def test_a_stored_decision_replays_to_the_same_answer(case: Case) -> None:
    version = version_of(case)
    stored = json.loads(json.dumps({"version": freeze(version), **freeze_facts(version, case.facts, case.child)}))
    again = replay(stored["version"], stored["facts"], case.as_of, stored["child"])
    assert again == evaluate(version, case.facts, case.child, case.as_of)


DATED = [case for case in CASES if case.changes_on is not None]


@pytest.mark.parametrize("case", DATED, ids=names(DATED))
def test_the_answer_changes_on_the_stated_day(case: Case) -> None:
    found = changes_on(PROGRAMMES[case.programme], case.facts, case.child, case.as_of)
    expected = None if case.changes_on == NEVER else case.changes_on
    assert expected is None or isinstance(expected, date)
    assert found == expected
