"""Several versions at once answer as each does alone, and what is remembered stays bounded and right."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from tests.welfare.programmes.boundary_facts import boundary_facts, split
from tests.welfare.programmes.case_files import PROGRAMMES
from welfare.programmes import determiner as module
from welfare.programmes import evaluate
from welfare.programmes.determiner import SETS_MAX, Determiner, Determiners
from welfare.rules import AttributeType, Kind, Vocabulary
from welfare.rules.errors import FactUnknownCode

ON: Final = date(2026, 11, 16)
VERSIONS: Final = [version for programme in PROGRAMMES if (version := programme.version_on(ON)) is not None]


def test_all_versions_together_answer_as_each_alone() -> None:
    together = Determiner(VERSIONS)
    for number, version in enumerate(VERSIONS):
        for row in boundary_facts(version, ON, number, 40):
            own, child = split(row)
            for one, found in zip(VERSIONS, together.determine(own, child, ON), strict=True):
                assert found == evaluate(one, own, child, ON)


def test_an_answer_is_right_whatever_was_remembered_before_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_MAX", 2)
    version = VERSIONS[0]
    tight = Determiner([version])
    for row in boundary_facts(version, ON, 5, 200):
        own, child = split(row)
        assert tight.determine(own, child, ON) == [evaluate(version, own, child, ON)]


def test_the_same_answer_is_the_same_object() -> None:
    version = next(v for v in VERSIONS if v.programme == "old-age-allowance")
    determiner = Determiner([version])
    facts: dict[str, Any] = {
        "birth_date": date(1950, 1, 1),
        "nationality": "thai",
        "household_registered": True,
        "deceased": False,
    }
    facts |= {"state_benefit": False}
    younger = facts | {"birth_date": date(1951, 1, 1)}
    assert determiner.determine(facts, None, ON)[0] is determiner.determine(younger, None, ON)[0]


def test_a_fact_that_one_version_alone_reads_is_checked_for_all() -> None:
    with pytest.raises(FactUnknownCode):
        Determiner(VERSIONS).determine({"nationality": "martian"}, None, ON)


def test_versions_that_mean_different_things_by_a_name_are_not_put_together() -> None:
    version = VERSIONS[0]
    name = next(iter(version.vocabulary.person))
    other = replace(version, vocabulary=Vocabulary({name: AttributeType(Kind.INT, 0, 1)}))
    with pytest.raises(ValueError, match=name):
        Determiner([version, other])


def test_a_set_that_is_asked_about_often_is_made_once_and_one_that_is_not_is_forgotten() -> None:
    kept, often = Determiners(), VERSIONS[:2]
    first, once = kept.of(often), kept.of(VERSIONS[1:3])
    for number in range(SETS_MAX):
        kept.of([replace(VERSIONS[0]), VERSIONS[number % 2 + 1]])
        assert kept.of(list(often)) is first
    assert kept.of(VERSIONS[1:3]) is not once


def test_a_set_is_known_by_its_versions_and_not_by_what_they_say() -> None:
    kept, twin = Determiners(), replace(VERSIONS[0])
    assert twin == VERSIONS[0]
    assert kept.of([twin, VERSIONS[1]]).versions[0] is twin
    assert kept.of(VERSIONS[:2]).versions[0] is VERSIONS[0]


def test_one_version_alone_is_decided_by_its_own() -> None:
    assert Determiners().of(VERSIONS[:1]) is VERSIONS[0].determiner
