"""What a decision stores so that it can be replayed: the version as it was, and the facts that it read.

The stored form stands alone: no programme file, no catalogue and no text of a rule is needed to replay it. `form`
numbers the layout; a reader for every number ever written stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from core.money import Money
from core.text import Text
from welfare.programmes.answer import Cadence, Determination, Per
from welfare.programmes.errors import FrozenInvalid
from welfare.programmes.evaluate import Facts, evaluate
from welfare.programmes.model import Amount, Arm, Benefit, Condition, ForEach, Formula, Status, Version
from welfare.rules import AttributeType, Kind, Value, Vocabulary, from_json, term_from_json, to_json
from welfare.rules.errors import TreeInvalid

FORM: Final = 1
Stored = dict[str, Any]


def freeze(version: Version) -> Stored:
    """The version as JSON: everything that an answer is made of."""
    return {
        "form": FORM,
        "programme": version.programme,
        "for_each": version.for_each.value,
        "starts": _iso(version.starts),
        "until": _iso(version.until),
        "status": version.status.value,
        "law": _text(version.law),
        "conditions": [
            {"id": c.id, "text": _text(c.text), "law": _text(c.law), "tree": to_json(c.tree)}
            for c in version.conditions
        ],
        "benefits": [_benefit(b) for b in version.benefits],
        "attributes": _types(version.vocabulary.person),
        "child_attributes": _types(version.vocabulary.child),
        "source": version.source,
        "unverified": [_text(text) for text in version.unverified],
    }


def thaw(stored: Stored) -> Version:
    """The version that `freeze` stored. Raises FrozenInvalid."""
    try:
        if stored["form"] != FORM:
            raise FrozenInvalid
        return Version(
            programme=stored["programme"],
            for_each=ForEach(stored["for_each"]),
            starts=_day(stored["starts"]),
            until=_day(stored["until"]),
            status=Status(stored["status"]),
            law=Text(**stored["law"]),
            conditions=tuple(
                Condition(c["id"], Text(**c["text"]), Text(**c["law"]), from_json(c["tree"]))
                for c in stored["conditions"]
            ),
            benefits=tuple(_thawed_benefit(b) for b in stored["benefits"]),
            vocabulary=Vocabulary(_thawed_types(stored["attributes"]), _thawed_types(stored["child_attributes"])),
            source=stored["source"],
            unverified=tuple(Text(**text) for text in stored["unverified"]),
        )
    except (KeyError, TypeError, ValueError, TreeInvalid) as error:
        raise FrozenInvalid from error


def freeze_facts(version: Version, facts: Facts, child: Facts | None) -> Stored:
    """The facts the version reads, as JSON: days as ISO dates, money in satang, unknown as null. Raises a FactError."""
    return {
        "facts": _stored_facts(version.vocabulary.person, facts, ""),
        "child": None if child is None else _stored_facts(version.vocabulary.child, child, "child."),
    }


def replay(
    stored: Stored, facts: Mapping[str, Value | None], on: date, child: Mapping[str, Value | None] | None = None
) -> Determination:
    """The determination of a stored version. Facts may be as they were or as `freeze_facts` stored them.

    Raises FrozenInvalid, ChildExpected or a FactError.
    """
    version = thaw(stored)
    own = _thawed_facts(version.vocabulary.person, facts)
    childs = None if child is None else _thawed_facts(version.vocabulary.child, child)
    return evaluate(version, own, childs, on)


def _benefit(benefit: Benefit) -> Stored:
    return {
        "kind": benefit.kind,
        "text": _text(benefit.text),
        "cadence": benefit.cadence.value,
        "per": benefit.per.value,
        "payday": benefit.payday,
        "in_kind": benefit.in_kind,
        "arms": [{"tree": to_json(arm.tree), "satang": _amount(arm.amount)} for arm in benefit.arms],
        "otherwise": _amount(benefit.otherwise),
    }


def _thawed_benefit(stored: Stored) -> Benefit:
    return Benefit(
        kind=stored["kind"],
        text=Text(**stored["text"]),
        cadence=Cadence(stored["cadence"]),
        per=Per(stored["per"]),
        payday=stored["payday"],
        in_kind=stored["in_kind"],
        arms=tuple(Arm(from_json(arm["tree"]), _thawed_amount(arm["satang"])) for arm in stored["arms"]),
        otherwise=_thawed_amount(stored["otherwise"]),
    )


def _amount(amount: Amount) -> int | Stored:
    """Satang, or the tree of the formula that gives them."""
    return to_json(amount.tree) if isinstance(amount, Formula) else amount.satang


def _thawed_amount(stored: Any) -> Amount:
    return Formula(term_from_json(stored)) if isinstance(stored, dict) else Money(stored)


def _types(types: Mapping[str, AttributeType]) -> Stored:
    return {
        name: {"kind": a.kind.value, "minimum": a.minimum, "maximum": a.maximum, "codes": list(a.codes)}
        for name, a in types.items()
    }


def _thawed_types(stored: Stored) -> dict[str, AttributeType]:
    return {
        name: AttributeType(Kind(a["kind"]), a["minimum"], a["maximum"], tuple(a["codes"]))
        for name, a in stored.items()
    }


def _stored_facts(types: Mapping[str, AttributeType], facts: Facts, prefix: str) -> Stored:
    result: Stored = {}
    for name, attribute in types.items():
        value = facts.get(name)
        plain = None if value is None else attribute.plain(prefix + name, value)
        result[name] = plain.isoformat() if isinstance(plain, date) else plain
    return result


def _thawed_facts(types: Mapping[str, AttributeType], facts: Facts) -> dict[str, Value | None]:
    result: dict[str, Value | None] = {}
    for name, attribute in types.items():
        value = facts.get(name)
        if attribute.kind is Kind.DATE and isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError as error:
                raise FrozenInvalid from error
        result[name] = value
    return result


def _text(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored is not None else None
