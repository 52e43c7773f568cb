"""docs/conformance.md says what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from api.commands.plugin_check import MARKS
from services.plugins.conformance import RULES, ConformanceRule, Outcome
from services.plugins.conformance.attacks import OVERSIZED_BYTES
from services.plugins.conformance.line import CALLS_A_SECOND, CALLS_MAX, Line
from services.plugins.conformance.outages import CALLERS
from services.plugins.conformance.report import SCHEMA
from services.plugins.conformance.rules import ALL, INSIDE, WIRE
from services.plugins.conformance.suite import SECONDS_MAX
from services.plugins.contract.manifest import RuleId
from services.plugins.contract.titles import Titles

DOCS = Path(__file__).parents[4] / "docs" / "conformance.md"
TEXT = DOCS.read_text(encoding="utf-8")
WHERE = {ALL: "all", INSIDE: "inside", WIRE: "over the wire"}


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_rule_is_explained(rule: ConformanceRule) -> None:
    row = f"| `{rule.id}` | {WHERE[rule.origins]} | {rule.title.en} | {'yes' if rule.may_be_exempt else ''} |"
    assert row in TEXT


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_rule_has_a_name_that_a_manifest_can_write_and_words_in_both_languages(rule: ConformanceRule) -> None:
    pattern = RuleId.__metadata__[0].pattern  # type: ignore[attr-defined] # an Annotated type has it
    assert re.fullmatch(pattern, rule.id)
    assert re.search("[\u0e01-\u0e4f]", rule.title.th)
    assert rule.title.en
    assert rule.why
    assert rule.remedy


def test_no_rule_stands_twice() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert len(re.findall(r"^\| `", TEXT, re.MULTILINE)) == len(RULES)


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"{CALLS_MAX:,} at most, {CALLS_A_SECOND:g} a second" in TEXT
    assert SECONDS_MAX == 5 * 60
    assert CALLERS == 8
    assert OVERSIZED_BYTES == 4_000_000
    assert Line.__dataclass_fields__["learns_seconds"].default == 12.0


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_explained_with_its_mark(outcome: Outcome) -> None:
    assert f"| {outcome} | {MARKS[str(outcome)]} |" in TEXT


def test_the_page_names_the_schema_of_reports() -> None:
    assert f"`schema` is `{SCHEMA}`" in TEXT


def test_the_exemption_is_one_that_a_manifest_takes() -> None:
    (snippet,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (told,) = tomllib.loads(snippet)["exempt"].items()
    assert told[0] in {rule.id for rule in RULES if rule.may_be_exempt}
    assert Titles.model_validate(told[1]).text.en
