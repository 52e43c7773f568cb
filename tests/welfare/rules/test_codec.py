from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given

from tests.welfare.rules.agreement import PARAMETERS, VOCABULARY, rules
from welfare.rules import from_json, parse, to_json
from welfare.rules.errors import TreeInvalid

RULE = "age_on(born, fiscal_year_start - INTERVAL '1 year') >= :years AND income <= :limit * size"


@given(rules)
def test_a_stored_tree_is_the_tree_that_was_stored(source: str) -> None:
    tree = parse(source, VOCABULARY, PARAMETERS)
    assert from_json(json.loads(json.dumps(to_json(tree)))) == tree


def spoilt(path: tuple[str | int, ...], value: Any) -> Any:
    stored: Any = copy.deepcopy(to_json(parse(RULE, VOCABULARY, PARAMETERS)))
    place = stored
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return stored


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {"node": "exec"},
        {"node": "fact", "name": "born", "kind": "date"},
        spoilt(("items", 0, "op"), "!="),
        spoilt(("items", 0, "years", "value"), "60"),
        spoilt(("items", 0, "years", "value"), value=True),
        spoilt(("items", 0, "at", "base"), "tomorrow"),
        spoilt(("items", 0, "at", "base"), "1700-01-01"),
        spoilt(("items", 0, "extra"), 1),
        spoilt(("items",), "flag"),
        spoilt(("items", 1), {"node": "number", "value": 1}),
    ],
    ids=str,
)
def test_a_tree_that_nobody_can_have_stored_is_refused(stored: Any) -> None:
    with pytest.raises(TreeInvalid):
        from_json(stored)


def test_a_tree_nested_beyond_reason_is_refused() -> None:
    stored: Any = {"node": "flag", "fact": {"node": "fact", "name": "flag", "kind": "bool"}}
    for _ in range(300):
        stored = {"node": "not", "item": stored}
    with pytest.raises(TreeInvalid):
        from_json(stored)
