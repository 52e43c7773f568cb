"""Each rule can fail: for each there is a plugin that breaks it, and nothing else."""

from __future__ import annotations

import pytest

from core.clock import FixedClock
from services.plugins.conformance import outages
from tests.services.plugins.conformance.mutants import MUTANTS
from tests.services.plugins.conformance.stand import shown


@pytest.fixture(autouse=True)
def _no_real_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken ones are waited for where there are any: in test_outages.py."""
    monkeypatch.setattr(outages, "BREAKS_AFTER_SECONDS", 0.001)


@pytest.mark.parametrize("name", MUTANTS)
async def test_an_agency_that_breaks_one_rule_fails_that_rule_alone(name: str, clock: FixedClock) -> None:
    rule, make = MUTANTS[name]
    report = await make(clock).check()
    assert list(shown(report)) == [rule], shown(report)
