"""The record of a decision: all that gives the same answer again, years later, with nothing else at hand.

It holds the version of the law as it was (docs/rules.md), the facts that it read with where they are from, the day, and
what came of it. It is personal throughout; the room of applications stores it sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from core.errors import SitthiError
from core.text import Text
from services.exchange.facts import Fact
from welfare.entitlements.assessment import Assessment, values
from welfare.programmes import Determination, Version, freeze, freeze_facts, replay, thaw

FORM: Final = 1


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


def record_of(found: Assessment, applicant: UUID) -> dict[str, Any]:
    """Plain JSON."""
    child = None if found.child is None else values(found.child)
    return {
        "form": FORM,
        "programme": found.programme.slug,
        "on": found.on.isoformat(),
        "applicant": applicant.hex,
        "beneficiary": found.beneficiary.hex,
        "version": freeze(found.version),
        **freeze_facts(found.version, values(found.own), child),
        "sources": {name: _source(fact) for name in found.version.needs if (fact := found.fact(name)) is not None},
        **_result(found.determination),
    }


def replay_decision(record: Mapping[str, Any], on: date | None = None) -> Replayed:
    """The same decision again; with `on`, the same facts and the same law on another day. Raises RecordUnreadable."""
    try:
        if record["form"] != FORM:
            raise RecordUnreadable
        day = on or day_of(record)
        found = replay(record["version"], record["facts"], day, record["child"])
        agrees = _result(found) == {key: record[key] for key in _result(found)}
        return Replayed(record["programme"], day, thaw(record["version"]), found, agrees)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordUnreadable from error


def day_of(record: Mapping[str, Any]) -> date:
    """The day that the decision was taken for. Raises RecordUnreadable."""
    try:
        return date.fromisoformat(record["on"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecordUnreadable from error


def _source(fact: Fact) -> dict[str, Any]:
    return {
        "source": fact.source,
        "as_of": None if fact.as_of is None else fact.as_of.isoformat(),
        "state": fact.state,
    }


def _result(found: Determination) -> dict[str, Any]:
    return {
        "outcome": found.outcome,
        "conditions": {condition.id: condition.outcome for condition in found.conditions},
        "benefits": {b.kind: None if b.amount is None else b.amount.satang for b in found.benefits},
    }
