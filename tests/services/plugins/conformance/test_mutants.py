"""Each rule can fail: for each there is a plugin that breaks it, and nothing else."""

from __future__ import annotations

import pytest

from core.clock import FixedClock
from tests.services.plugins.conformance.mutants import MUTANTS
from tests.services.plugins.conformance.stand import shown


@pytest.mark.parametrize("name", MUTANTS)
async def test_an_agency_that_breaks_one_rule_fails_that_rule_alone(name: str, clock: FixedClock) -> None:
    rule, make = MUTANTS[name]
    report = await make(clock).check()
    assert list(shown(report)) == [rule], shown(report)
