"""What the suite found out of a plugin: each rule with its outcome, and all of it as a public document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from core.text import Text
from services.plugins.conformance.rules import BY_ID, RULES, SUITE_VERSION, ConformanceRule
from services.plugins.contract.manifest import CONTRACT_VERSION
from services.plugins.plugin import Plugin

SCHEMA: Final = "sitthi-conformance/2"
"""Version 1 called exempt both what a plugin may leave and what there was nothing to look at for."""
REPORT_TYPE: Final = "sitthi-conformance+jwt"
"""`typ` of a signed report."""
WHATS_MAX: Final = 5
"""Of one rule: a developer corrects the first, and asks again."""
WHAT_LENGTH_MAX: Final = 300


class Outcome(StrEnum):
    DONE = "done"
    FAILED = "failed"
    EXEMPT = "exempt"
    """The plugin does not keep it, by its own word, which its manifest says and its agency answers for."""
    NOT_APPLICABLE = "not-applicable"
    """There is nothing of this plugin that the rule could be about."""
    NOT_LOOKED_AT = "not-looked-at"
    """The check ended before: something else has failed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, as it was found.

    `what` holds names, statuses and places, and never anything that an agency answered: an agency whose test mode shows
    real people must not have them published by us. `details`, for whoever runs the check at a desk, may hold it, and
    is in no document.
    """

    rule: ConformanceRule
    outcome: Outcome
    what: tuple[str, ...] = ()
    """Of a failure."""
    reason: Text | None = None
    """Of every outcome but done and failed."""
    details: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": self.rule.id,
            "title": {"th": self.rule.title.th, "en": self.rule.title.en},
            "outcome": str(self.outcome),
        }
        if self.outcome is Outcome.FAILED:
            told |= {"what": list(self.what), "why": self.rule.why, "remedy": self.rule.remedy}
        if self.reason is not None:
            told |= {"reason": {"th": self.reason.th, "en": self.reason.en}}
        return told


@dataclass(frozen=True, slots=True)
class Report:
    plugin: str
    version: str
    documents_hash: str
    """Of manifest, SDL, form and examples, as the registry computes it: what exactly was checked."""
    origin: str
    at: datetime
    calls: int
    """How many calls were made to the agency."""
    findings: tuple[Finding, ...]
    suite: str = SUITE_VERSION

    @property
    def passed(self) -> bool:
        return all(finding.outcome is not Outcome.FAILED for finding in self.findings)

    @property
    def failed(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.FAILED)

    @property
    def document(self) -> dict[str, Any]:
        """The report as it is published: JSON."""
        return {
            "schema": SCHEMA,
            "suite": self.suite,
            "contract": CONTRACT_VERSION,
            "plugin": self.plugin,
            "version": self.version,
            "documents": self.documents_hash,
            "origin": self.origin,
            "at": self.at.isoformat(),
            "calls": self.calls,
            "passed": self.passed,
            "rules": [finding.document for finding in self.findings],
        }


class Signs(Protocol):
    """`core.attestation.service.Attestor`."""

    async def sign(self, claims: Mapping[str, Any], *, typ: str) -> str: ...


async def signed(report: Report, attestor: Signs) -> str:
    """The report as a compact JWS of type :data:`REPORT_TYPE`: our word, verifiable for ever."""
    return await attestor.sign(report.document, typ=REPORT_TYPE)


_WITHOUT_ANSWERS: Final = frozenset({"examples.personas", "endpoint.reachable"})
"""Rules that are seen to without an answer of the plugin."""


class Book:
    """Takes down what is found while a check runs. No rule that nobody looked at can read as done."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._looked: set[str] = set()
        self._whats: dict[str, list[str]] = {}
        self._details: dict[str, list[str]] = {}
        self._nothing: dict[str, Text] = {}
        self._stopped: Text | None = None
        self._declared = {name: titles.text for name, titles in plugin.manifest.exempt.items() if _may(name)}

    def asks_for(self, rule: str) -> bool:
        """Whether it is to be looked at: it applies, and the plugin has not exempted itself."""
        return self._structural(BY_ID[rule]) is None and rule not in self._declared

    def looked(self, rule: str) -> None:
        assert rule in BY_ID, rule
        self._looked.add(rule)

    def begins_with_examples(self) -> None:
        """All of them are looked at, first of all."""
        for rule in ("examples.personas", "examples.operations"):
            self.looked(rule)
        if self._plugin.manifest.errors:
            self.looked("examples.errors")
        self.not_applicable("examples.errors", _NO_ERRORS)

    def failed(self, rule: str, what: str, detail: str | None = None) -> None:
        self.looked(rule)
        whats = self._whats.setdefault(rule, [])
        if what not in whats:
            whats.append(what[:WHAT_LENGTH_MAX])
            if detail is not None:
                self._details.setdefault(rule, []).append(detail)

    def not_applicable(self, rule: str, reason: Text) -> None:
        """There is nothing of the plugin to look at; what was looked at counts, whenever this is said."""
        assert rule in BY_ID, rule
        self._nothing.setdefault(rule, reason)

    def nobody_there(self, reason: Text) -> None:
        """No call met the plugin: what was begun does not count as done."""
        self._looked &= {*self._whats, *_WITHOUT_ANSWERS}
        self.stopped(reason)

    def stopped(self, reason: Text) -> None:
        """Nothing more is looked at. Something else has failed, so that this hides nothing."""
        assert self._whats
        self._stopped = self._stopped or reason

    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._finding(rule) for rule in RULES)

    def _finding(self, rule: ConformanceRule) -> Finding:
        if (structural := self._structural(rule)) is not None:
            return Finding(rule, Outcome.NOT_APPLICABLE, reason=structural)
        if rule.id in self._declared:
            return Finding(rule, Outcome.EXEMPT, reason=self._declared[rule.id])
        if rule.id in self._whats:
            return Finding(
                rule,
                Outcome.FAILED,
                what=_short(self._whats[rule.id]),
                details=tuple(self._details.get(rule.id, ())),
            )
        if rule.id in self._looked:
            return Finding(rule, Outcome.DONE)
        if rule.id in self._nothing:
            return Finding(rule, Outcome.NOT_APPLICABLE, reason=self._nothing[rule.id])
        if self._stopped is not None:
            return Finding(rule, Outcome.NOT_LOOKED_AT, reason=self._stopped)
        return Finding(rule, Outcome.FAILED, what=("it was not looked at",))

    def _structural(self, rule: ConformanceRule) -> Text | None:
        if self._plugin.origin not in rule.origins:
            return _OF_ANOTHER_ORIGIN.filled(where=_WHERE[str(self._plugin.origin)])
        if not rule.kinds & {spec.kind for spec in self._plugin.manifest.operations.values()}:
            return _OF_ANOTHER_KIND.filled(kinds=", ".join(sorted(rule.kinds)))
        return None


def _may(rule: str) -> bool:
    return rule in BY_ID and BY_ID[rule].may_be_exempt


def _short(whats: Sequence[str]) -> tuple[str, ...]:
    more = len(whats) - WHATS_MAX
    return (*whats[:WHATS_MAX], *([f"and {more} more"] if more > 0 else []))


_OF_ANOTHER_ORIGIN: Final = Text(th="ข้อนี้ไม่ใช้กับปลั๊กอินที่ทำงาน{where}", en="The rule is not about plugins that run {where}")
_OF_ANOTHER_KIND: Final = Text(th="ปลั๊กอินไม่มีบริการประเภท {kinds}", en="The plugin has no operation of kind {kinds}")
_NO_ERRORS: Final = Text(th="ปลั๊กอินไม่ได้ประกาศข้อผิดพลาด", en="The plugin declares no errors")
_WHERE: Final = {
    "tree": Text(th="ภายในแพลตฟอร์ม", en="inside the platform"),
    "package": Text(th="ในโพรเซสแยก", en="in a process of their own"),
    "remote": Text(th="ที่หน่วยงาน", en="at the agency"),
}
