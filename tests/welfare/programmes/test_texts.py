"""What a citizen reads of a programme is there in both languages, whatever comes of it; no place is left unfilled."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from core.text import Text
from services.exchange.catalogue import load_catalogue
from tests.welfare.programmes.case_files import PROGRAMMES
from welfare.programmes import Outcome, Programme, Version
from welfare.programmes.answer import ConditionOutcome

PROGRAMMES_THERE = list(PROGRAMMES)
THAI = re.compile(r"[\u0e01-\u0e2e]")
LATIN = re.compile(r"[A-Za-z]")
LEFT_OPEN = re.compile(r"[{}]|:[a-z_]{3,}|\bNone\b|\?\?")
FACTS = load_catalogue().attributes


def versions(programme: Programme) -> Iterator[Version]:
    yield from programme.versions
    yield from programme.proposed


def reasons(version: Version, outcome: Outcome) -> list[ConditionOutcome]:
    return [one for condition in version.conditions for one in condition.outcomes() if one.outcome is outcome]


def lacking(text: Text) -> list[str]:
    """What is wrong with a text for people."""
    wrong = {
        "no Thai": not THAI.search(text.th),
        "no English": not LATIN.search(text.en),
        "Thai in the English": THAI.search(text.en) is not None,
        "a place not filled": LEFT_OPEN.search(text.th + "\n" + text.en) is not None,
        "space around it": text.th != text.th.strip() or text.en != text.en.strip(),
    }
    return [name for name, is_so in wrong.items() if is_so]


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("programme", PROGRAMMES_THERE, ids=lambda one: one.slug)
def test_each_reason_has_its_words_its_law_and_its_facts(programme: Programme, outcome: Outcome) -> None:
    for version in versions(programme):
        told = reasons(version, outcome)
        assert len(told) == len(version.conditions)
        for reason in told:
            assert (reason.id, lacking(reason.text)) == (reason.id, [])
            assert (reason.id, lacking(reason.law)) == (reason.id, [])
            assert reason.law.th.startswith(version.law.th), "the law, and then the place in it"
            assert len(reason.law.th) > len(version.law.th), reason.id
            assert reason.facts_used, reason.id
            for name in reason.facts_used:
                assert lacking(FACTS[name.removeprefix("child.")].title) == [], name


@pytest.mark.parametrize("programme", PROGRAMMES_THERE, ids=lambda one: one.slug)
def test_its_titles_benefits_and_remarks_have_both_languages(programme: Programme) -> None:
    texts = [programme.title, *programme.unverified]
    for version in versions(programme):
        texts += [version.law, *version.unverified, *(benefit.text for benefit in version.benefits)]
    assert {text.en: lacking(text) for text in texts if lacking(text)} == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (Text(th="อายุ {min_age} ปี", en="is {min_age}"), "a place not filled"),
        (Text(th="รายได้ :limit", en="income"), "a place not filled"),
        (Text(th="income", en="income"), "no Thai"),
        (Text(th="รายได้", en=""), "no English"),
        (Text(th="รายได้", en="income รายได้"), "Thai in the English"),
    ],
)
def test_a_text_that_is_not_whole_is_found(text: Text, wrong: str) -> None:
    assert wrong in lacking(text)
