"""Is this person entitled, to what, why, and what is missing? Pure functions of a version, facts and a day.

Facts map attribute ids to values; None or no entry means unknown, which never counts as a no. Every function raises a
FactError for a value of the wrong type, outside its range or not in its list of codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from welfare.programmes.answer import Determination, Outcome
from welfare.programmes.model import OUTCOMES, ForEach, Version
from welfare.rules import ARM_UNKNOWN, FALSE, UNKNOWN, AttributeType, Plain, Value
from welfare.rules.errors import ChildExpected

Facts = Mapping[str, Value | None]


def evaluate(version: Version, facts: Facts, child: Facts | None, on: date) -> Determination:
    """Decides one version for one citizen (and one child, where the programme is for each child) on a day.

    Raises ChildExpected, DayOutOfRange or a FactError.
    """
    if version.for_each is ForEach.CHILD and child is None:
        raise ChildExpected
    own = _plain(version.vocabulary.person, facts, "")
    childs = _plain(version.vocabulary.child, child or {}, "child.")
    result = version.compiled.decide(own, childs, on)
    prepared = version.prepared
    outcomes = result[: len(version.conditions)]
    lowest = min(outcomes)
    reasons = tuple([three[outcome] for three, outcome in zip(prepared.conditions, outcomes, strict=True)])
    if lowest == FALSE:
        return Determination(Outcome.UNMET, reasons, (), ())
    arms = result[len(outcomes) :]
    amounts = [choices[arm] for choices, arm in zip(prepared.benefits, arms, strict=True)]
    benefits = tuple([amount for amount in amounts if amount is not None])
    uncertain = lowest == UNKNOWN or ARM_UNKNOWN in arms
    missing = version.compiled.missing(own, childs, on) if uncertain else ()
    return Determination(OUTCOMES[lowest], reasons, benefits, missing)


def _plain(types: Mapping[str, AttributeType], facts: Facts, prefix: str) -> dict[str, Plain]:
    result: dict[str, Plain] = {}
    for name, attribute in types.items():
        value = facts.get(name)
        if value is not None:
            result[name] = attribute.plain(prefix + name, value)
    return result
