"""What is kept of a person in a run: plain values by attribute, from the answers of sources and back to facts.

Beside the attributes, under names that no attribute has, who is in the house and what was read of each child.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from services.exchange.bulk.families import CHILD, Member, Wanted
from services.exchange.catalogue import Attribute
from services.exchange.facts import Facts, FactState
from services.exchange.sources import Answer

HOUSE: Final = "#house"
CHILDREN: Final = "#children"


def snapshot_of(wanted: Wanted, member: Member) -> dict[str, Any]:
    plain = plain_of(wanted.own, member.answers)
    if wanted.totals:
        plain[HOUSE] = None if member.house is None else [one.hex for one in member.house]
    if wanted.childs:
        children = member.children
        plain[CHILDREN] = (
            None
            if children is None
            else {child.hex: plain_of(wanted.childs, answers) for child, answers in children.items()}
        )
    return plain


def house_of(plain: Mapping[str, Any]) -> frozenset[UUID] | None:
    house = plain.get(HOUSE)
    return None if house is None else frozenset(UUID(hex=one) for one in house)


def children_of(plain: Mapping[str, Any], wanted: Wanted) -> Mapping[UUID, Facts] | None:
    """None where nobody could say who they are."""
    children = plain.get(CHILDREN, {})
    if children is None:
        return None
    return {UUID(hex=child): facts_of(of, wanted.childs) for child, of in children.items()}


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


def changed_in(wanted: Wanted, plain: Mapping[str, Any], before: Mapping[str, Any] | None) -> set[str]:
    """Whose value is another than in the snapshot before, or became known or unknown. At first, all."""
    if before is None:
        return set(wanted.names)
    own = {one.id for one in wanted.own if _said(before.get(one.id)) != _said(plain[one.id])}
    return own | _changed_of_children(wanted, plain.get(CHILDREN), before.get(CHILDREN))


def _changed_of_children(wanted: Wanted, now: Any, before: Any) -> set[str]:
    """With the children themselves every fact of theirs is another."""
    if (now is None) != (before is None) or (now is not None and list(now) != list(before)):
        return {CHILD + one.id for one in wanted.childs}
    return {
        CHILD + one.id
        for child, of in (now or {}).items()
        for one in wanted.childs
        if _said(before[child].get(one.id)) != _said(of[one.id])
    }


def _said(answer: Sequence[Any] | None) -> tuple[bool, Any]:
    """What a rule sees of it: whether it is known, and the value. That it is a day older is no change."""
    if answer is None:
        return False, None
    known = answer[0] in (FactState.FRESH, FactState.STALE)
    # In the form in which it comes out of JSON again.
    return known, orjson.loads(orjson.dumps(answer[1])) if known else None
