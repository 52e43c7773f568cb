"""An honest plugin passes, of whatever kind."""

from __future__ import annotations

from dataclasses import replace

from core.clock import FixedClock
from services.plugins.conformance import RULES, Outcome
from services.plugins.contract import OperationKind
from services.plugins.plugin import Origin
from tests.services.plugins.conformance.stand import Stand, shown


async def test_an_honest_remote_agency_with_operations_of_every_kind_keeps_every_rule(clock: FixedClock) -> None:
    stand = Stand(clock)
    assert {spec.kind for spec in stand.plugin.manifest.operations.values()} == set(OperationKind)
    report = await stand.check()
    assert report.passed, shown(report)
    looked_at = {finding.rule.id for finding in report.findings if finding.outcome is Outcome.DONE}
    assert looked_at == {finding.rule.id for finding in report.findings if Origin.REMOTE in finding.rule.origins}


async def test_what_runs_in_a_host_process_is_asked_as_a_remote_agency_is(clock: FixedClock) -> None:
    stand = Stand(clock)
    report = await stand.check(replace(stand.plugin, origin=Origin.PACKAGE))
    assert report.passed, shown(report)
    assert report.origin == "package"
    assert {f.rule.id for f in report.findings if f.outcome is Outcome.DONE} == {
        rule.id for rule in RULES if Origin.PACKAGE in rule.origins
    }
