"""The report: what it says, what it never says, and whose word it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from core.clock import FixedClock
from core.text import Text
from services.plugins.conformance import REPORT_TYPE, RULES, SUITE_VERSION, Outcome, signed
from services.plugins.conformance.report import WHATS_MAX, Book
from services.plugins.plugin import Origin
from tests.services.plugins.conformance.mutants import exempt, other_bills
from tests.services.plugins.conformance.stand import HASH, Stand
from tests.services.plugins.conformance.test_inside import check, plugin_with, wrong_amount


class Recording:
    def __init__(self) -> None:
        self.signed: list[tuple[Mapping[str, Any], str]] = []

    async def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        self.signed.append((claims, typ))
        return "a.b.c"


async def test_a_report_names_what_was_checked_by_which_suite_and_when_and_every_rule(clock: FixedClock) -> None:
    report = await check(plugin_with(clock), clock)
    told, attestor = report.document, Recording()
    assert await signed(report, attestor) == "a.b.c"
    assert attestor.signed == [(told, REPORT_TYPE)]
    assert {name: told[name] for name in ("plugin", "version", "documents", "origin", "at", "suite", "passed")} == {
        "plugin": "waterworks",
        "version": "1.2.0",
        "documents": HASH,
        "origin": "tree",
        "at": clock.now().isoformat(),
        "suite": SUITE_VERSION,
        "passed": True,
    }
    assert [rule["id"] for rule in told["rules"]] == [rule.id for rule in RULES]
    assert told["schema"] == "sitthi-conformance/2"
    assert {rule["outcome"] for rule in told["rules"]} == {"done", "not-applicable"}
    assert all("th" in rule["reason"] for rule in told["rules"] if rule["outcome"] == "not-applicable")


async def test_a_failure_is_told_with_its_remedy_and_without_anything_that_was_answered(clock: FixedClock) -> None:
    for report in (
        await check(plugin_with(clock, bills=wrong_amount), clock),
        await Stand(clock, {"bills": other_bills}).check(),
    ):
        (failed,) = [rule for rule in report.document["rules"] if rule["outcome"] == "failed"]
        assert failed["id"] == "examples.operations"
        assert failed["remedy"]
        assert "M-" not in str(report.document)
        assert "M-" in str(report.failed[0].details), "at the desk it is shown"


async def test_what_a_manifest_exempts_itself_from_is_shown_with_its_reason(clock: FixedClock) -> None:
    report = await exempt(clock, "time.parallel").check()
    assert report.passed
    (told,) = [rule for rule in report.document["rules"] if rule["id"] == "time.parallel"]
    assert told["outcome"] == "exempt"
    others = {rule["outcome"] for rule in report.document["rules"] if rule["id"] != "time.parallel"}
    assert "exempt" not in others, "what is not about the plugin goes by another word"
    assert told["reason"]["en"] == "Our old system cannot."


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if Origin.REMOTE in rule.origins])
def test_a_rule_that_nobody_looked_at_is_not_done(rule: str, clock: FixedClock) -> None:
    (finding,) = [one for one in Book(Stand(clock).plugin).findings() if one.rule.id == rule]
    assert finding.outcome is Outcome.FAILED


def test_what_was_looked_at_counts_whatever_is_said_of_what_there_is_not(clock: FixedClock) -> None:
    book = Book(Stand(clock).plugin)
    for rule in ("time.limit", "person.wrong"):
        book.looked(rule)
        book.not_applicable(rule, Text(th="ไม่มี", en="nothing"))
    book.failed("person.wrong", "mixed up")
    found = {finding.rule.id: finding.outcome for finding in book.findings()}
    assert (found["time.limit"], found["person.wrong"]) == (Outcome.DONE, Outcome.FAILED)


def test_of_many_failures_of_one_rule_the_first_are_shown_and_the_others_counted(clock: FixedClock) -> None:
    book = Book(Stand(clock).plugin)
    for number in range(WHATS_MAX + 2):
        book.failed("answer.typed", f"example {number}")
        book.failed("answer.typed", f"example {number}")
    (finding,) = [one for one in book.findings() if one.rule.id == "answer.typed"]
    assert finding.what == (*(f"example {number}" for number in range(WHATS_MAX)), "and 2 more")


def test_what_nobody_came_to_because_the_check_ended_goes_by_a_word_of_its_own(clock: FixedClock) -> None:
    book = Book(Stand(clock).plugin)
    book.failed("time.limit", "too slow")
    book.not_applicable("person.unknown", Text(th="ไม่มี", en="nothing"))
    book.stopped(Text(th="หมดเวลา", en="time is up"))
    found = {finding.rule.id: finding for finding in book.findings()}
    assert found["person.wrong"].outcome is Outcome.NOT_LOOKED_AT
    assert found["person.wrong"].document["reason"]["en"] == "time is up"
    assert found["person.unknown"].outcome is Outcome.NOT_APPLICABLE
    assert found["time.limit"].outcome is Outcome.FAILED
