"""What is kept of a person in a run: plain values by attribute, from the answers of sources and back to facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from services.exchange.catalogue import Attribute
from services.exchange.facts import Facts, FactState
from services.exchange.sources import Answer


def plain_of(attributes: Sequence[Attribute], answers: Mapping[str, Answer]) -> dict[str, Any]:
    """By attribute, for JSON: state, value, as-of, error."""
    plain: dict[str, Any] = {}
    for attribute in attributes:
        one = answers[attribute.id]
        value = attribute.type.dump(one.value) if one.known and one.value is not None else None
        as_of = one.as_of.isoformat() if one.as_of is not None else None
        plain[attribute.id] = [str(one.state), value, as_of, one.error]
    return plain


def facts_of(plain: Mapping[str, Any], attributes: Sequence[Attribute]) -> Facts:
    facts = {}
    for attribute in attributes:
        state, value, as_of, error = plain[attribute.id]
        loaded = attribute.type.load(value) if value is not None else None
        moment = datetime.fromisoformat(as_of) if as_of is not None else None
        facts[attribute.id] = Answer(loaded, moment, FactState(state), error).as_fact(attribute)
    return facts


def changed_in(plain: Mapping[str, Any], before: Mapping[str, Any] | None) -> set[str]:
    """Whose value is another than in the snapshot before, or became known or unknown. At first, all."""
    if before is None:
        return set(plain)
    return {name for name, now in plain.items() if _said(before.get(name)) != _said(now)}


def _said(answer: Sequence[Any] | None) -> tuple[bool, Any]:
    """What a rule sees of it: whether it is known, and the value. That it is a day older is no change."""
    if answer is None:
        return False, None
    known = answer[0] in (FactState.FRESH, FactState.STALE)
    # In the form in which it comes out of JSON again.
    return known, orjson.loads(orjson.dumps(answer[1])) if known else None
