"""Every condition of a programme names the requirement that it is, and reads no fact that does not prove it."""

from __future__ import annotations

import pytest

from services.exchange.evidence.loader import load_requirements
from tests.welfare.programmes.case_files import PROGRAMMES
from welfare.programmes.model import Condition
from welfare.rules import fact_names

CONDITIONS = {
    (programme.slug, condition.id): condition
    for programme in PROGRAMMES
    for version in (*programme.versions, *programme.proposed)
    for condition in version.conditions
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=[f"{slug}-{name}" for slug, name in CONDITIONS])
def test_the_facts_of_a_condition_are_evidence_of_its_requirement(condition: Condition) -> None:
    assert condition.requirement is not None
    evidence = load_requirements().attributes(condition.requirement)
    assert {name.removeprefix("child.") for name in fact_names(condition.tree)} <= evidence
