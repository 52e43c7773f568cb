"""The smallest change that would alter an answer, in figures and in plain words. Pure.

Of a no: the fewest facts, each changed by no more than it takes, with which no condition is unmet. Of a yes that hangs
by a thread: the one fact or the day with which it would be a no.

What may change is told by the kind of a fact, not fact by fact:

- a sum of money or a number: by its value, within the catalogue's range;
- a date: never; but the days go by, so the day of the answer moves on (an age is reached, a new law begins);
- yes or no: it becomes the other, unless it is sensitive (PDPA s.26: nobody is told that a disability would help) or
  a fact of the civil register, which says who somebody is (dead or alive, whose child);
- a code: never; nationality, standing and office are nobody's to advise on.

What is unknown stays so. A total over the household is changed as any sum, and its present value is not told; what is
compared with it stays as it is, for the value told would tell the total (docs/adr/0009).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from core.text import Text
from services.exchange.catalogue import Attribute, Catalogue, How, Kind
from services.exchange.facts import Fact
from welfare.entitlements.assessment import CHILD, Assessment, values
from welfare.entitlements.nearest import Goal, Undecided, fewest, nearest
from welfare.entitlements.plain_words import called, day, listed, shown
from welfare.programmes import ConditionOutcome, Outcome, Version
from welfare.programmes.changes import days_of_change
from welfare.rules import FALSE, Plain, fact_names
from welfare.rules.attributes import AttributeType
from welfare.rules.bounds import Span, outcomes

CIVIL_REGISTER: Final = "dopa"
CLOSE: Final = 10
"""A yes hangs by a thread where a tenth of the limit, or less, lies between."""
SOON: Final = timedelta(days=180)

_IF_MET: Final = Text(th="จะมีสิทธิ หาก{parts}", en="There would be an entitlement if {parts}.")
_IF_OPEN: Final = Text(
    th="จะไม่ถูกปฏิเสธ หาก{parts} แต่ยังต้องทราบข้อมูลอื่น",
    en="It would no longer be refused, but still need other facts, if {parts}.",
)
_IF_UNMET: Final = Text(th="จะไม่มีสิทธิ หาก{parts}", en="There would be no entitlement if {parts}.")
_SENTENCES: Final = {Outcome.MET: _IF_MET, Outcome.UNKNOWN: _IF_OPEN, Outcome.UNMET: _IF_UNMET}
_WERE: Final = Text(th="{title}เป็น {value} (ขณะนี้ {now})", en="{title} were {value} (now {now})")
_WERE_ALONE: Final = Text(th="{title}เป็น {value}", en="{title} were {value}")
_SWITCH: Final = Text(th="คำตอบของ “{title}” เป็น “{value}”", en="the answer to “{title}” were “{value}”")
_THAT_DAY: Final = Text(th="เป็นวันที่ {day}", en="the day were {day}")


@dataclass(frozen=True, slots=True)
class Change:
    """A fact with another value. `attribute` as rules name it; `now` is None where it is not told."""

    attribute: str
    title: Text
    now: Plain | None
    becomes: Plain
    words: Text


@dataclass(frozen=True, slots=True)
class Smallest:
    outcome: Outcome
    """What the answer would be."""
    on: date | None
    """The day to wait for; None if it would be so today."""
    changes: tuple[Change, ...]
    text: Text
    """The whole of it as one sentence."""


def smallest_change(catalogue: Catalogue, found: Assessment, *, anonymous: bool = False) -> Smallest | None:
    """None where there is none to tell. `anonymous`: the asker gave the facts, so no total is anybody else's."""
    outcome, own = found.determination.outcome, {condition.id for condition in found.version.conditions}
    if outcome is Outcome.UNKNOWN or any(one.id not in own for one in _unmet(found)):
        return None  # a no for what no fact changes: another programme that the law allows nobody beside this one
    try:
        if outcome is Outcome.UNMET:
            return _of_no(catalogue, found, anonymous=anonymous)
        return _of_yes(catalogue, found, anonymous=anonymous)
    except Undecided:
        return None


def _unmet(found: Assessment) -> list[ConditionOutcome]:
    return [one for one in found.determination.conditions if one.outcome is Outcome.UNMET]


def _of_no(catalogue: Catalogue, found: Assessment, *, anonymous: bool) -> Smallest | None:
    best: tuple[int, date, Version, dict[str, Plain]] | None = None
    for on in (found.on, *_days(found)):
        version = found.programme.version_on(on)
        waits = on != found.on
        if version is None or (best is not None and best[0] <= waits):
            continue
        known = _known(found, version)
        changes = fewest([c.tree for c in version.conditions], known, _free(catalogue, version, known), on)
        if changes is not None and (best is None or len(changes) + waits < best[0]):
            best = (len(changes) + waits, on, version, changes)
    if best is None:
        return None
    _, on, version, changes = best
    return _told(catalogue, found, version, on, changes, anonymous=anonymous)


def _of_yes(catalogue: Catalogue, found: Assessment, *, anonymous: bool) -> Smallest | None:
    known = _known(found, found.version)
    goal = Goal([c.tree for c in found.version.conditions], found.on, refused=True)
    closest: tuple[float, str, int] | None = None
    for name, span in _free(catalogue, found.version, known).items():
        if not isinstance(span, Span) or (_is_total(_attribute(catalogue, name)) and not anonymous):
            continue  # how close a total is would tell what the others have
        value, now = nearest(goal, known, name, span), known[name]
        assert isinstance(now, int), "numbers are free where they are known"
        if value is not None and abs(value - now) * CLOSE <= abs(value):
            relative = abs(value - now) / abs(value)
            closest = min(closest or (relative, name, value), (relative, name, value))
    if closest is not None:
        return _told(catalogue, found, found.version, found.on, {closest[1]: closest[2]}, anonymous=anonymous)
    for on in _days(found):
        version = found.programme.version_on(on)
        if on > found.on + SOON:
            break
        if version is not None and _outcome(version, _known(found, version), on) is Outcome.UNMET:
            return _told(catalogue, found, version, on, {}, anonymous=anonymous)
    return None


def _days(found: Assessment) -> list[date]:
    """The later days on which the answer to the same facts may change, in order."""
    child = None if found.child is None else values(found.child)
    return days_of_change(found.programme, values(found.own), child, found.on)


def _known(found: Assessment, version: Version) -> dict[str, Plain | None]:
    """The facts that a version reads, by full name, as rules have them."""
    return {name: _plain(_type(version, name), name, found.fact(name)) for name in version.needs}


def _plain(kind: AttributeType, name: str, fact: Fact | None) -> Plain | None:
    value = None if fact is None else values({name: fact}).get(name)
    return None if value is None else kind.plain(name, value)


def _type(version: Version, name: str) -> AttributeType:
    found = version.vocabulary.type_of(name)
    assert found is not None, "a version's vocabulary holds what it needs"
    return found


def _free(catalogue: Catalogue, version: Version, known: Mapping[str, Plain | None]) -> dict[str, Span | bool]:
    beside_totals = {
        name
        for condition in version.conditions
        if any(_is_total(_attribute(catalogue, name)) for name in fact_names(condition.tree))
        for name in fact_names(condition.tree)
        if not _is_total(_attribute(catalogue, name))
    }
    free: dict[str, Span | bool] = {}
    for name, value in known.items():
        if value is None or name in beside_totals:
            continue
        attribute, kind = _attribute(catalogue, name), _type(version, name)
        if attribute.type.kind in (Kind.MONEY, Kind.INT):
            free[name] = Span(kind.minimum, kind.maximum)
        elif isinstance(value, bool) and not attribute.sensitive and not _is_of_the_register(attribute):
            free[name] = not value
    return free


def _is_of_the_register(attribute: Attribute) -> bool:
    """Said of the person by the civil register itself, and not derived from where people live."""
    return attribute.steward == CIVIL_REGISTER and attribute.derived is None


def _is_total(attribute: Attribute) -> bool:
    return attribute.derived is not None and attribute.derived.how is How.SUM


def _attribute(catalogue: Catalogue, name: str) -> Attribute:
    return catalogue.attribute(name.removeprefix(CHILD))


def _outcome(version: Version, known: Mapping[str, Plain | None], on: date) -> Outcome:
    lowest = min(outcomes(condition.tree, known, on)[0] for condition in version.conditions)
    return (Outcome.UNMET, Outcome.UNKNOWN, Outcome.MET)[lowest - FALSE]


def _told(
    catalogue: Catalogue,
    found: Assessment,
    version: Version,
    on: date,
    changes: Mapping[str, Plain],
    *,
    anonymous: bool,
) -> Smallest:
    known = _known(found, version)
    told = tuple(_change(catalogue, name, known[name], value, anonymous=anonymous) for name, value in changes.items())
    outcome = _outcome(version, {**known, **changes}, on)
    waits = on if on != found.on else None
    parts = [one.words for one in told] + ([] if waits is None else [_THAT_DAY.filled(day=day(waits))])
    return Smallest(outcome, waits, told, _SENTENCES[outcome].filled(parts=listed(parts)))


def _change(catalogue: Catalogue, name: str, now: Plain | None, value: Plain, *, anonymous: bool) -> Change:
    attribute = _attribute(catalogue, name)
    title, becomes = called(attribute, of_child=name.startswith(CHILD)), shown(attribute, value)
    if isinstance(value, bool):
        words = _SWITCH.filled(title=title, value=becomes)
    elif now is None or (_is_total(attribute) and not anonymous):
        now, words = None, _WERE_ALONE.filled(title=title, value=becomes)
    else:
        words = _WERE.filled(title=title, value=becomes, now=shown(attribute, now))
    return Change(name, title, now, value, words)
