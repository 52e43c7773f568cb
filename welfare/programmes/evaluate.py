"""Is this person entitled, to what, why, and what is missing? Pure functions of a version, facts and a day.

Facts map attribute ids to values; None or no entry means unknown, which never counts as a no. Every function raises a
FactError for a value of the wrong type, outside its range or not in its list of codes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from welfare.programmes.answer import BenefitAmount, Determination, Outcome
from welfare.programmes.model import OUTCOMES, Computed, ForEach, Version
from welfare.rules import ARM_UNKNOWN, FALSE, UNKNOWN, AttributeType, Plain, Value, fact_names
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
    chosen = [choices[arm] for choices, arm in zip(prepared.benefits, arms, strict=True)]
    uncertain = lowest == UNKNOWN or ARM_UNKNOWN in arms
    missing = version.compiled.missing(own, childs, on) if uncertain else ()
    if prepared.computes:
        missing += _unknown_of_formulas(version, chosen, arms, own, childs, missing)
        chosen = [amount.of(own, childs) if isinstance(amount, Computed) else amount for amount in chosen]
    benefits = tuple([amount for amount in chosen if amount is not None])
    return Determination(OUTCOMES[lowest], reasons, benefits, missing)  # type: ignore[arg-type] # nothing is Computed now


def _unknown_of_formulas(
    version: Version,
    chosen: Sequence[BenefitAmount | Computed | None],
    arms: Sequence[int],
    own: Mapping[str, Plain],
    childs: Mapping[str, Plain],
    known_missing: Collection[str],
) -> tuple[str, ...]:
    """Unknown facts of the formulas that give an amount, or could: all of a benefit's while its arm is unknown."""
    names: dict[str, None] = {}
    for benefit, choice, arm in zip(version.benefits, chosen, arms, strict=True):
        formulas = benefit.formulas if arm == ARM_UNKNOWN else (choice.tree,) if isinstance(choice, Computed) else ()
        names |= {name: None for formula in formulas for name in fact_names(formula)}
    return tuple(
        name
        for name in names
        if name not in known_missing
        and (childs if name.startswith("child.") else own).get(name.removeprefix("child.")) is None
    )


def _plain(types: Mapping[str, AttributeType], facts: Facts, prefix: str) -> dict[str, Plain]:
    result: dict[str, Plain] = {}
    for name, attribute in types.items():
        value = facts.get(name)
        if value is not None:
            result[name] = attribute.plain(prefix + name, value)
    return result
