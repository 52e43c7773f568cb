"""What would I be entitled to if this were so, or on that day? The viewer's own facts, with some replaced.

What is read is read by the gate and logged as a look; nothing is stored, nothing is decided, and no fact changes.

A total over the household is others' as much as the asker's. Whoever could replace what it is compared with could find
it out by trying (docs/adr/0009). So where a rule reads both, and the asker replaces only the other, the total counts
as unknown: the asker has to say what they suppose it to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from uuid import UUID

import orjson

from core.clock import Clock
from core.database import Database
from core.errors import BadInput
from core.text import Text
from services.apply.queries import active_applications
from services.exchange.catalogue import Catalogue, How
from services.exchange.facts import Asker, Fact, Facts, FactState, Gate
from welfare.entitlements.anonymous import Given, read_given
from welfare.entitlements.assessment import CHILD, Assessment, Family, Member, assess_family, named_key
from welfare.entitlements.reading import Reader
from welfare.entitlements.service import PROGRAMME, Entitlement, stand
from welfare.programmes import Programme, ProgrammeCatalogue, Version
from welfare.rules import fact_names
from welfare.rules.dates import checked_day

_NO_SUCH_CHILD: Final = Text(th="ไม่มีบุตรลำดับนี้", en="there is no such child")


@dataclass(frozen=True, slots=True)
class Difference:
    """What one question would answer; None where no law is in force on the day."""

    today: Entitlement | None
    then: Entitlement | None


@dataclass(frozen=True, slots=True)
class Supposed:
    on: date
    entitlements: tuple[Entitlement, ...]
    """By the law alone: applications are left out."""
    differences: tuple[Difference, ...]
    """Where outcome or amounts are not those of today's facts and law."""


class WhatIf:
    def __init__(
        self, database: Database, gate: Gate, clock: Clock, catalogue: Catalogue, programmes: ProgrammeCatalogue
    ) -> None:
        self._db, self._gate, self._clock = database, gate, clock
        self._catalogue, self._programmes = catalogue, programmes

    async def suppose(
        self,
        citizen: UUID,
        given: Sequence[Given],
        on: date | None = None,
        *,
        request: UUID | None = None,
        asker: Asker | None = None,
    ) -> Supposed:
        """`child` of a given fact counts the citizen's minor children, the eldest first, from 1.

        Raises BadInput, with the place of the fact in its path, and DayOutOfRange.
        """
        today, now = self._clock.today(), self._clock.now()
        day = checked_day(on or today)
        people = read_given(self._catalogue, given, now)
        reader = Reader.for_citizen(self._gate, citizen, request, asker)
        family = await reader.family(self._programmes, citizen, day, today)
        supposed = _replaced(family, people, given)
        async with self._db.read() as session:
            active = await active_applications(session, citizen, PROGRAMME)
        applied = {(one.subject, one.beneficiary): one for one in active}
        before = {
            _question(found): stand(citizen, found, applied.get((PROGRAMME + found.programme.slug, found.beneficiary)))
            for found in assess_family(self._catalogue, self._programmes.put_to_everyone(), family, today)
        }
        then = {
            _question(found): replace(stand(citizen, found), id=_key(citizen, found, given, day))
            for programme in self._programmes.put_to_everyone()
            for found in self._put(programme, supposed, people, day)
        }
        return Supposed(day, tuple(then.values()), _differences(before, then))

    def _put(self, programme: Programme, family: Family, given: Mapping[int, Facts], day: date) -> Sequence[Assessment]:
        version = programme.version_on(day)
        if version is None:
            return ()
        hidden = _found_out(self._catalogue, version, _names(given))
        own = replace(family.citizen, facts=_without(family.citizen.facts, hidden))
        children = family.children and tuple(replace(c, facts=_without(c.facts, hidden)) for c in family.children)
        return tuple(assess_family(self._catalogue, ProgrammeCatalogue((programme,)), Family(own, children), day))


def _replaced(family: Family, people: Mapping[int, Facts], given: Sequence[Given]) -> Family:
    """The facts as they are supposed. A child that nobody knows of cannot be told apart from one that is not there."""
    children = family.children or ()
    for index, one in enumerate(given):
        if one.child is not None and one.child > len(children):
            raise BadInput(_NO_SUCH_CHILD, path=("facts", index, "child"))
    own = Member(family.citizen.person, {**family.citizen.facts, **people.get(0, {})})
    changed = tuple(Member(c.person, {**c.facts, **people.get(n, {})}) for n, c in enumerate(children, 1))
    return Family(own, None if family.children is None else changed)


def _names(given: Mapping[int, Facts]) -> frozenset[str]:
    """As rules name them. A child's facts are the person's where a programme for persons is put to the child."""
    own = set(given.get(0, ()))
    childs = {name for number, facts in given.items() if number for name in facts}
    return frozenset(own | childs | {CHILD + name for name in childs})


def _found_out(catalogue: Catalogue, version: Version, given: frozenset[str]) -> frozenset[str]:
    """The totals that a rule compares with something that is supposed, and that are not supposed themselves."""
    found: set[str] = set()
    for node in (*version.trees, *(term for benefit in version.benefits for term in benefit.formulas)):
        names = set(fact_names(node))
        if names & given:
            found |= {name for name in names - given if _is_total(catalogue, name)}
    return frozenset(found)


def _is_total(catalogue: Catalogue, name: str) -> bool:
    derived = catalogue.attribute(name.removeprefix(CHILD)).derived
    return derived is not None and derived.how is How.SUM


def _without(facts: Facts, hidden: frozenset[str]) -> Mapping[str, Fact]:
    """A total is of the person of the rules, never of the child."""
    return {
        name: replace(fact, value=None, as_of=None, state=FactState.DENIED) if name in hidden else fact
        for name, fact in facts.items()
    }


def _question(found: Assessment) -> tuple[str, UUID]:
    return found.programme.slug, found.beneficiary


def _differences(
    before: Mapping[tuple[str, UUID], Entitlement], then: Mapping[tuple[str, UUID], Entitlement]
) -> tuple[Difference, ...]:
    return tuple(
        Difference(before.get(question), then.get(question))
        for question in dict.fromkeys((*before, *then))
        if _answer(before.get(question)) != _answer(then.get(question))
    )


def _answer(one: Entitlement | None) -> object:
    """What is compared: the law's answer, whatever was applied for."""
    if one is None:
        return None
    found = one.assessment.determination
    return found.outcome, found.benefits


def _key(citizen: UUID, found: Assessment, given: Sequence[Given], day: date) -> UUID:
    """Of its own, so that no client takes it for the entitlement itself; it leads nowhere."""
    said = orjson.dumps([[one.attribute, one.value, one.child] for one in given])
    name = citizen.bytes + found.beneficiary.bytes + found.programme.slug.encode() + day.isoformat().encode() + said
    return named_key(b"what-if", name)
