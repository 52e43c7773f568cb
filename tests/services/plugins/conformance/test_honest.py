"""An honest plugin passes, of whatever kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.clock import FixedClock
from services.exchange.catalogue import load_catalogue
from services.plugins.conformance import RULES, Outcome, Suite
from services.plugins.contract import OperationKind
from services.plugins.plugin import Origin
from services.plugins.registry import load_folder
from tests.services.plugins.conformance.stand import HASH, Stand, shown
from tests.support.plugins import AGENCIES, HOST

OWNED = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}
OURS = sorted(path.parent for path in AGENCIES.glob("*/manifest.toml"))


@pytest.mark.parametrize("folder", OURS, ids=[path.name for path in OURS])
async def test_every_agency_of_ours_keeps_every_rule(folder: Path, clock: FixedClock) -> None:
    report = await Suite(clock).check(load_folder(folder, HOST, OWNED), documents_hash=HASH)
    assert report.passed, shown(report)


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
