"""The record of a decision: with the law it names, all that gives the same answer again, years later.

It holds the facts that it read, each with where it is from, as of when and in which state, the day, and what came of
it. It is personal throughout; the room of applications stores it sealed. The version of the law as it was
(docs/rules.md) stands beside it as `version`: stored once for all decisions by it (form 2), or in the record (form 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from core.errors import SitthiError
from core.text import Text
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Fact
from welfare.entitlements.assessment import CHILD, Assessment, values
from welfare.programmes import Determination, Version, freeze_facts, replay, thaw

FORM: Final = 2
FORMER: Final = 1


class RecordUnreadable(SitthiError):
    """The record is of a form that this program cannot read, or was changed."""

    code = "DECISION_UNREADABLE"
    text = Text(th="อ่านบันทึกผลการพิจารณานี้ไม่ได้", en="The record of this decision cannot be read.")


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision taken again from its record; `agrees` says whether the outcome and every amount are as recorded."""

    programme: str
    on: date
    version: Version
    determination: Determination
    agrees: bool


def record_of(catalogue: Catalogue, found: Assessment, applicant: UUID) -> dict[str, Any]:
    """Plain JSON. What has a name for people has it in both languages, so that a document of it stands alone."""
    child = None if found.child is None else values(found.child)
    frozen = freeze_facts(found.version, values(found.own), child)
    return {
        "form": FORM,
        "programme": found.programme.slug,
        "title": _plain(found.programme.title),
        "on": found.on.isoformat(),
        "applicant": applicant.hex,
        "beneficiary": found.beneficiary.hex,
        "facts": _told(catalogue, found, frozen["facts"], ""),
        "child": None if frozen["child"] is None else _told(catalogue, found, frozen["child"], CHILD),
        "gives": [
            {"kind": b.kind, **_plain(b.text), "cadence": b.cadence.value, "per": b.per.value, "in_kind": b.in_kind}
            for b in found.determination.benefits
        ],
        **_result(found.determination),
    }


def replay_decision(record: Mapping[str, Any], on: date | None = None) -> Replayed:
    """The same decision again; with `on`, the same facts and the same law on another day. Raises RecordUnreadable."""
    try:
        if record["form"] not in (FORM, FORMER):
            raise RecordUnreadable
        day = on or day_of(record)
        own, child = record["facts"], record["child"]
        if record["form"] == FORM:
            own, child = _values(own), None if child is None else _values(child)
        found = replay(record["version"], own, day, child)
        agrees = _result(found) == {key: record[key] for key in _result(found)}
        return Replayed(record["programme"], day, thaw(record["version"]), found, agrees)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordUnreadable from error


def fact_of(record: Mapping[str, Any], name: str) -> Any:
    """What the decision read of the person of the rules; None where that was unknown. Raises RecordUnreadable."""
    try:
        found = record["facts"].get(name)
        return found["value"] if record["form"] == FORM and found is not None else found
    except (AttributeError, KeyError, TypeError) as error:
        raise RecordUnreadable from error


def day_of(record: Mapping[str, Any]) -> date:
    """The day that the decision was taken for. Raises RecordUnreadable."""
    try:
        return date.fromisoformat(record["on"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecordUnreadable from error


def _told(catalogue: Catalogue, found: Assessment, frozen: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """By fact: its value (null: unknown), its name, and what its source said of it, if it was asked."""
    return {
        name: {"value": value, **_plain(catalogue.attribute(name).title), **_source(found.fact(prefix + name))}
        for name, value in frozen.items()
    }


def _plain(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}


def _source(fact: Fact | None) -> dict[str, Any]:
    if fact is None:
        return {}
    as_of = None if fact.as_of is None else fact.as_of.isoformat()
    return {"source": fact.source, "as_of": as_of, "state": fact.state.value}


def _values(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fact["value"] for name, fact in facts.items()}


def _result(found: Determination) -> dict[str, Any]:
    return {
        "outcome": found.outcome.value,
        "conditions": {condition.id: condition.outcome.value for condition in found.conditions},
        "benefits": {b.kind: None if b.amount is None else b.amount.satang for b in found.benefits},
    }
