"""What a citizen is told, as JSON, says exactly what the determinations say."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final

import pytest

from core.money import Money
from core.text import Language, Text
from tests.welfare.programmes.boundary_facts import boundary_facts, split
from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from welfare.programmes import Version, evaluate
from welfare.programmes.rendering import Renderer
from welfare.rules import Kind
from welfare.rules.errors import FactOutOfRange

ON: Final = date(2026, 11, 16)
VERSIONS: Final = [version for programme in PROGRAMMES if (version := programme.version_on(ON)) is not None]
NEEDS: Final = list(dict.fromkeys(name for version in VERSIONS for name in version.needs))
TITLES: Final = {name: Text(th=f'"{name}" 60 % %(x)s', en=f"{name} {{x}}") for name in NEEDS}


def plainly(version: Version, own: Any, child: Any, language: Language, hidden: str = "") -> Any:
    """The same by way of Python's own dictionaries."""
    found = evaluate(version, own, child, ON)

    def fact(name: str) -> Any:
        value = child.get(name[6:]) if name.startswith("child.") else own.get(name)
        attribute = VOCABULARY.type_of(name)
        assert attribute is not None
        if isinstance(value, date):
            value = value.isoformat()
        elif attribute.kind is Kind.MONEY and value is not None:
            value = {"satang": value.satang if isinstance(value, Money) else value, "currency": "THB"}
        return {"attribute": name, "title": title(name), "value": None if name == hidden else value}

    def title(name: str) -> str:
        return TITLES[name].in_language(language)

    return {
        "programme": version.programme,
        "law": version.law.in_language(language),
        "outcome": found.outcome.value,
        "benefits": [
            {
                "kind": b.kind,
                "text": b.text.in_language(language),
                "amount": None if b.amount is None else {"satang": b.amount.satang, "currency": "THB"},
                "cadence": b.cadence.value,
                "per": b.per.value,
                "in_kind": b.in_kind,
            }
            for b in found.benefits
        ],
        "missing": [{"attribute": name, "title": title(name)} for name in found.missing],
        "reasons": [
            {
                "text": c.text.in_language(language),
                "outcome": c.outcome.value,
                "law": c.law.in_language(language),
                "facts": [fact(name) for name in c.facts_used],
            }
            for c in found.conditions
        ],
    }


@pytest.mark.parametrize("language", Language)
def test_every_programme_at_once_tells_what_each_says_alone(language: Language) -> None:
    renderer = Renderer(VERSIONS, TITLES, language)
    for number, version in enumerate(VERSIONS):
        for row in boundary_facts(version, ON, number, 20):
            own, child = split(row)
            own = {n: Money(v) if n == "annual_income" and v is not None else v for n, v in own.items()}
            told = json.loads(renderer.render(own, child, ON))
            for found, other in zip(told, VERSIONS, strict=True):
                expected = plainly(other, own, child, language)
                assert sorted(found.pop("missing"), key=str) == sorted(expected.pop("missing"), key=str)
                assert found == expected


def test_a_hidden_fact_is_used_and_not_told() -> None:
    version = next(v for v in VERSIONS if "household_income" in v.needs and v.for_each == "person")
    renderer = Renderer([version], TITLES, Language.TH, hidden={"household_income"})
    own, child = split(boundary_facts(version, ON, 5, 1)[0] | {"household_income": 123_456_789})
    told = renderer.render(own, child, ON)
    assert "123456789" not in told
    assert json.loads(told) == [plainly(version, own, child, Language.TH, "household_income")]


def test_nothing_is_told_of_a_fact_out_of_its_range() -> None:
    with pytest.raises(FactOutOfRange):
        Renderer(VERSIONS, TITLES, Language.EN).render({"annual_income": -1}, {}, ON)
