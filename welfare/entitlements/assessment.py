"""One programme, one person, one day: the answer with its reasons. Pure; facts are handed in.

A programme `for_each: child` is put to a child of the citizen. One `for_each: person` is put to the citizen and, where
one applies here, as if the child had asked, to each child whose facts do not already say no: a parent applies for a
disabled child. One that is put `on_request` is put to nobody who did not apply.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final
from uuid import UUID

from core.money import Money
from services.apply.deciding import Holder, Missing
from services.exchange.catalogue import Attribute, Catalogue
from services.exchange.facts import OF_MEMBERS, Fact, Facts, FactState
from welfare.programmes import (
    Channel,
    ConditionOutcome,
    Determination,
    Exclusion,
    ForEach,
    Outcome,
    Programme,
    ProgrammeCatalogue,
    Version,
    changes_on,
    evaluate,
)
from welfare.programmes.determiner import Determiners
from welfare.programmes.determiner import Facts as Values
from welfare.rules import Value

CHILD: Final = "child."
BIRTH_DATE: Final = "birth_date"
CHILDREN: Final = "children"
"""The attribute that says who someone's children are; missing where nobody could say."""
PROGRAMME: Final = "programme:"
"""How the subject of an application for a programme begins."""
CITIZEN: Final = "citizen"
"""The steward of an attribute that only the citizen knows."""
_DETERMINERS: Final = Determiners()


@dataclass(frozen=True, slots=True)
class Member:
    """A person with facts about them, by attribute id without prefix."""

    person: UUID
    facts: Facts


@dataclass(frozen=True, slots=True)
class Family:
    """The citizen and their children, eldest first; `children` is None where nobody could say who they are."""

    citizen: Member
    children: tuple[Member, ...] | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer of one version for one beneficiary on one day."""

    programme: Programme
    version: Version
    on: date
    beneficiary: UUID
    own: Facts
    """Facts of whom the version calls the person: the citizen, or the child that a programme for persons is put to."""
    child: Facts | None
    """Facts of the child; None in a programme for persons. Empty where nobody could say who the children are."""
    determination: Determination
    missing: tuple[Missing, ...] = field(default=())

    def fact(self, name: str) -> Fact | None:
        """A fact by its name in the rules, with `child.` before a child's."""
        if name.startswith(CHILD):
            return (self.child or {}).get(name.removeprefix(CHILD))
        return self.own.get(name)

    def changes_on(self) -> date | None:
        """The next day on which the answer changes although no fact does."""
        child = None if self.child is None else values(self.child)
        return changes_on(self.programme, values(self.own), child, self.on)


def beside(found: Assessment, exclusion: Exclusion, *, held: bool) -> Assessment:
    """The answer with one reason more: whether the other programme, which nobody may have beside this, is held."""
    outcome = Outcome.UNMET if held else Outcome.MET
    reason = ConditionOutcome(f"beside.{exclusion.programme}", exclusion.text, outcome, exclusion.law, ())
    before = found.determination
    reasons = (*before.conditions, reason)
    if not held:
        return replace(found, determination=replace(before, conditions=reasons))
    return replace(found, determination=Determination(Outcome.UNMET, reasons, (), ()), missing=())


def entitlement_key(citizen: UUID, programme: str, beneficiary: UUID) -> UUID:
    """By which the same question has the same id whenever it is asked."""
    return named_key(b"entitlement", citizen.bytes + beneficiary.bytes + programme.encode())


def named_key(kind: bytes, name: bytes) -> UUID:
    """A UUID version 8 (RFC 9562) for what has a name and no row: always the same for the same name."""
    value = int.from_bytes(hashlib.sha256(kind + b"\x00" + name).digest()[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def values(facts: Facts) -> dict[str, Value | None]:
    """What rules read of facts: a fact that nobody could tell is unknown, and so is a date that there is none of."""
    return {name: fact.value for name, fact in facts.items() if fact.known and _is_plain(fact.value)}  # type: ignore[misc]


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | str | date | Money)


def assess(
    catalogue: Catalogue, programme: Programme, on: date, beneficiary: UUID, own: Facts, child: Facts | None
) -> Assessment | None:
    """None where no version is in force on that day. Raises DayOutOfRange, or a FactError for a wrong type."""
    version = programme.version_on(on)
    if version is None:
        return None
    asked_child = child if version.for_each is ForEach.CHILD else None
    found = evaluate(version, values(own), None if asked_child is None else values(asked_child), on)
    return _assessed(catalogue, programme, on, beneficiary, own, asked_child, version, found)


def _assessed(
    catalogue: Catalogue,
    programme: Programme,
    on: date,
    beneficiary: UUID,
    own: Facts,
    child: Facts | None,
    version: Version,
    found: Determination,
) -> Assessment:
    of_whom = {True: child or {}, False: own}
    told = {name: of_whom[name.startswith(CHILD)].get(name.removeprefix(CHILD)) for name in found.missing}
    missing = tuple(_missing(catalogue, name, fact) for name, fact in told.items())
    return Assessment(programme, version, on, beneficiary, own, child, found, missing)


def assess_family(
    catalogue: Catalogue, programmes: Iterable[Programme], family: Family, on: date
) -> Iterator[Assessment]:
    """Every answer of each of the programmes that is in force: the citizen's own first, then each child's.

    All programmes are put to a person at once, so that each fact is read and each rule decided once.
    """
    programmes = tuple(programmes)
    citizen, children = family.citizen, family.children
    own = values(citizen.facts)
    to_citizen = _put(programmes, ForEach.PERSON, own, None, on)
    as_persons = [(child, _put_as_person(programmes, child, on)) for child in children or ()]
    each = [(child, _put(programmes, ForEach.CHILD, own, values(child.facts), on)) for child in children or ()]
    unnamed = _put(programmes, ForEach.CHILD, own, {}, on) if children is None else {}
    for programme in programmes:
        slug, person = programme.slug, citizen.person
        if slug in to_citizen:
            yield _assessed(catalogue, programme, on, person, citizen.facts, None, *to_citizen[slug])
        for child, answers in as_persons:
            if slug in answers and answers[slug][1].outcome is not Outcome.UNMET:
                yield _assessed(catalogue, programme, on, child.person, child.facts, None, *answers[slug])
        if slug in unnamed:
            found = _assessed(catalogue, programme, on, person, citizen.facts, {}, *unnamed[slug])
            yield _without_children(catalogue, found)
        for child, answers in each:
            if slug in answers:
                yield _assessed(catalogue, programme, on, child.person, citizen.facts, child.facts, *answers[slug])


Answers = Mapping[str, tuple[Version, Determination]]
"""By the programme."""


def _put(programmes: Iterable[Programme], to: ForEach, own: Values, child: Values | None, on: date) -> Answers:
    """Those that are in force and for each of those, all at once. Raises DayOutOfRange or a FactError."""
    asked = [(p.slug, version) for p in programmes if p.for_each is to and (version := p.version_on(on)) is not None]
    if not asked:
        return {}
    answers = _DETERMINERS.of([version for _, version in asked]).determine(own, child, on)
    return {slug: (version, found) for (slug, version), found in zip(asked, answers, strict=True)}


def _put_as_person(programmes: Iterable[Programme], child: Member, on: date) -> Answers:
    """Programmes for persons that one applies for here, put to a child; none while nobody can say how old it is."""
    birth_date = child.facts.get(BIRTH_DATE)
    if birth_date is None or not birth_date.known:
        return {}
    here = [programme for programme in programmes if programme.channel is Channel.HERE]
    return _put(here, ForEach.PERSON, values(child.facts), None, on)


def _without_children(catalogue: Catalogue, found: Assessment) -> Assessment:
    """Nobody could say who the children are, so the answer is that they are to be named first; never a no for that."""
    if found.determination.outcome is Outcome.UNMET:
        return found
    others = (missing for missing in found.missing if not missing.attribute.startswith(CHILD))
    return replace(found, missing=(_missing(catalogue, CHILDREN), *others))


def needs_of_citizen(programmes: ProgrammeCatalogue, on: date) -> frozenset[str]:
    """The facts of the citizen that any programme in force reads."""
    return frozenset(name for name in programmes.needs_on(on) if not name.startswith(CHILD))


def needs_of_child(programmes: ProgrammeCatalogue, on: date) -> frozenset[str]:
    """The facts of each child that any programme in force reads, and how old it is."""
    needed = {name.removeprefix(CHILD) for name in programmes.needs_on(on) if name.startswith(CHILD)}
    return frozenset(needed | {BIRTH_DATE})


def further_needs_of_child(programmes: ProgrammeCatalogue, child: Member, on: date) -> frozenset[str]:
    """The facts of a child that programmes for persons read besides, unless what is known already says no.

    So nobody asks about the bank balance of a two-year-old.
    """
    answers = _put_as_person(programmes.put_to_everyone(), child, on).values()
    needed = {name for version, found in answers if found.outcome is not Outcome.UNMET for name in version.needs}
    return frozenset(needed - child.facts.keys())


def is_denied(member: Member) -> bool:
    """Whether this person is not the asker's to ask about: a child of age is their own applicant."""
    birth_date = member.facts.get(BIRTH_DATE)
    return birth_date is not None and birth_date.state is FactState.DENIED


def titled(catalogue: Catalogue, names: Sequence[str]) -> Mapping[str, Attribute]:
    """The catalogue's entries behind names of the rules."""
    return {name: catalogue.attribute(name.removeprefix(CHILD)) for name in names}


def _missing(catalogue: Catalogue, name: str, fact: Fact | None = None) -> Missing:
    attribute = catalogue.attribute(name.removeprefix(CHILD))
    if attribute.steward == CITIZEN:
        return Missing(name, attribute.title, Holder.CITIZEN)
    lack = None if fact is None else fact.lack
    return Missing(name, attribute.title, Holder.AGENCY, _holder(catalogue, attribute, fact), lack)


def _holder(catalogue: Catalogue, attribute: Attribute, fact: Fact | None) -> str:
    """Who holds what is missing: of a total whose members are known, whoever holds the parts."""
    rule = attribute.derived
    if rule is None or rule.of is None or fact is None or fact.reason not in OF_MEMBERS:
        return attribute.steward
    return catalogue.attribute(rule.of).steward
