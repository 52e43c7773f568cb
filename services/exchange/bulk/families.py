"""Reading some people of a run with what their facts rest on: others in the house, minor children.

As with one citizen (:mod:`services.exchange.household`, :mod:`services.exchange.gate`), everyone of whom anything is
read has an entry first. Of others in a house the entry is of the household's class (docs/adr/0019): they learn by the
month that their fact went into a total, and not for whom. A child's entry names the run, as its parents' do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final
from uuid import UUID

from core.clock import Clock
from services.exchange import policy
from services.exchange.access_log.disclosure import HOUSEHOLD
from services.exchange.access_log.households import PURPOSE
from services.exchange.access_log.log import AccessLog, Decision, Draft, Entry, Result
from services.exchange.catalogue import Attribute, Catalogue, How, RegisteredPurpose
from services.exchange.catalogue.model import BIRTH_DATE, CHILDREN
from services.exchange.facts import Asker, AskerKind, FactState
from services.exchange.grounds import GroundsReader
from services.exchange.household import HOUSEHOLD_LABEL, MEMBER_UNKNOWN, combined, inputs_of, people_of, rule_of
from services.exchange.questions import denied, result
from services.exchange.sources import Answer, Reader, unavailable

CHILD: Final = "child."
"""Begins the name of a fact that is asked of each minor child of the people in a run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run asks of each person, and of each of their minor children."""

    own: Sequence[Attribute]
    childs: Sequence[Attribute] = ()

    @classmethod
    def of(cls, catalogue: Catalogue, names: Collection[str]) -> Wanted:
        """Raises `UnknownAttribute`, for the ties between people too."""
        own = [catalogue.askable(name) for name in names if not name.startswith(CHILD)]
        childs = [catalogue.askable(name.removeprefix(CHILD)) for name in names if name.startswith(CHILD)]
        return cls(own, childs)

    @property
    def names(self) -> list[str]:
        return [*(one.id for one in self.own), *(CHILD + one.id for one in self.childs)]

    @property
    def totals(self) -> list[Attribute]:
        """What is made of others in the house."""
        return [one for one in self.own if one.derived is not None]

    @property
    def summed(self) -> frozenset[str]:
        """Whose correction, in anybody of the house, changes a total."""
        return frozenset(rule.of for one in self.totals if (rule := rule_of(one)).of is not None)

    @property
    def ties(self) -> frozenset[str]:
        """Who belongs to a person: read of each beside what was asked for."""
        includes = {rule_of(one).over for one in self.childs if one.derived is not None}
        return frozenset({rule_of(one).over for one in self.totals} | includes | ({CHILDREN} if self.childs else set()))

    def asked(self, catalogue: Catalogue) -> list[Attribute]:
        """What is judged of each person: their own facts, and whose children they have."""
        return [*self.own, *([catalogue.attribute(CHILDREN)] if self.childs else [])]


@dataclass(frozen=True, slots=True)
class Member:
    """What was read of one person. `house` and `children` are None where nobody could say, or nothing was asked."""

    answers: Mapping[str, Answer]
    house: tuple[UUID, ...] | None = None
    children: Mapping[UUID, Mapping[str, Answer]] | None = None


@dataclass
class Told:
    members: dict[UUID, Member] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    """What the log has yet to be told, of the people themselves and of everybody else."""


class FamilyReader:
    def __init__(
        self, catalogue: Catalogue, reader: Reader, grounds: GroundsReader, log: AccessLog, clock: Clock
    ) -> None:
        self._catalogue, self._reader, self._grounds, self._log, self._clock = catalogue, reader, grounds, log, clock

    def names(self, wanted: Wanted) -> frozenset[str]:
        """What the entry about a person in the run names."""
        own = frozenset(one.id for one in wanted.own)
        return own | wanted.ties | (inputs_of(wanted.totals) if wanted.totals else frozenset())

    async def read(self, wanted: Wanted, entry: RegisteredPurpose, asker: Asker, entries: Mapping[UUID, Entry]) -> Told:
        """Of people whose entries are committed, in one go. Never raises for a source."""
        people, told = list(entries), Told()
        ties = [self._catalogue.attribute(name) for name in sorted(wanted.ties)]
        plain = [one for one in wanted.own if one.derived is None]
        read = await self._reader.read_many(people, [*plain, *ties]) if people else {}
        answers = {person: dict(read[person]) for person in people}
        await self._add_totals(wanted, entry, asker, entries, answers, told)
        children = await self._children(wanted, entry, asker, answers, told) if wanted.childs else {}
        for person in people:
            house = next((answers[person][rule_of(one).over] for one in wanted.totals), None)
            told.members[person] = Member(
                answers[person],
                tuple(people_of(house)) if house is not None and house.known else None,
                children.get(person),
            )
            told.results.append(result(entries[person], answers[person]))
        return told

    async def _add_totals(
        self,
        wanted: Wanted,
        entry: RegisteredPurpose,
        asker: Asker,
        entries: Mapping[UUID, Entry],
        answers: Mapping[UUID, dict[str, Answer]],
        told: Told,
    ) -> None:
        """Each of the others gets one entry, caused by the first of those in the batch in whose house they are."""
        if not wanted.totals:
            return
        summed = [self._catalogue.attribute(name) for name in sorted(wanted.summed)]
        causes: dict[UUID, tuple[Entry, str]] = {}
        for person, known in answers.items():
            for over in {rule_of(one).over for one in wanted.totals}:
                for other in people_of(known[over]) if known[over].known else ():
                    if other != person:
                        causes.setdefault(other, (entries[person], over))
        barred = await self._grounds.barred(list(causes), entry.purpose) if summed and causes else {}
        drafts = [
            self._of_household(other, cause, over, frozenset(one.id for one in summed), asker, barred.get(other))
            for other, (cause, over) in sorted(causes.items())
        ]
        made = await self._log.decide(drafts) if drafts else []
        readable = [one for one in dict.fromkeys([*answers, *causes]) if one not in barred]
        parts = dict(await self._reader.read_many(readable, summed)) if summed else {}
        unread = {one.id: unavailable(MEMBER_UNKNOWN) for one in summed}
        for one in made:
            if one.subject not in barred:
                counted = {causes[one.subject][1]: Answer(None, None, FactState.FRESH)}
                told.results.append(result(one, parts.get(one.subject) or counted))
        for person, known in answers.items():
            known.update(parts.get(person, unread))
            for total in wanted.totals:
                rule = rule_of(total)
                known[total.id] = _total(total, person, known[rule.over], parts, unread)

    def _of_household(
        self, other: UUID, cause: Entry, over: str, summed: frozenset[str], asker: Asker, barred: str | None
    ) -> Draft:
        steward = self._catalogue.attribute(over).steward
        by = Asker(AskerKind.SYSTEM, "exchange.household", steward, HOUSEHOLD_LABEL, asker.request)
        decision = Decision.ALLOWED if barred is None else Decision.DENIED
        names = summed or frozenset({over})
        return Draft(other, names, by, PURPOSE, decision, barred, caused_by=cause.id, disclosure=HOUSEHOLD)

    async def _children(
        self,
        wanted: Wanted,
        entry: RegisteredPurpose,
        asker: Asker,
        answers: Mapping[UUID, dict[str, Answer]],
        told: Told,
    ) -> dict[UUID, dict[UUID, Mapping[str, Answer]] | None]:
        """By person the facts of each minor child, eldest first. Whoever is of age is nobody's child here."""
        ties = {person: known[CHILDREN] for person, known in answers.items()}
        parents: dict[UUID, UUID] = {}
        for person, tie in ties.items():
            for child in people_of(tie) if tie.known else ():
                parents.setdefault(child, person)
        facts = await self._facts_of_children(wanted, entry, asker, parents, told)
        includes = [one for one in wanted.childs if one.derived is not None and rule_of(one).how is How.INCLUDES]
        found: dict[UUID, dict[UUID, Mapping[str, Answer]] | None] = {}
        for person, tie in ties.items():
            if not tie.known:
                found[person] = None
                continue
            of_person = found[person] = {}
            for child in people_of(tie):
                known = facts[child]
                if known[BIRTH_DATE].error != policy.NOT_A_MINOR:
                    homes = {one.id: _included(child, answers[person][rule_of(one).over]) for one in includes}
                    allowed = {name: answer for name, answer in homes.items() if name not in known}
                    of_person[child] = {**known, **allowed}
        return found

    async def _facts_of_children(
        self, wanted: Wanted, entry: RegisteredPurpose, asker: Asker, parents: Mapping[UUID, UUID], told: Told
    ) -> dict[UUID, dict[str, Answer]]:
        """What is the child's own; of what is derived only refusals."""
        children, stewards = list(parents), {one.id: one.steward for one in wanted.childs}
        grounds = await self._grounds.read(asker, entry, children, stewards)
        verdicts = {
            child: policy.judge(entry, wanted.childs, child, replace(asker, applicant=parent), grounds.of(child))
            for child, parent in parents.items()
        }
        drafts = [_of_child(child, wanted, verdict, asker, entry) for child, verdict in verdicts.items()]
        entries = {one.subject: one for one in (await self._log.decide(drafts) if drafts else [])}
        allowed = [child for child, verdict in verdicts.items() if not verdict.refused]
        birth_date = self._catalogue.attribute(BIRTH_DATE)
        born = await self._reader.read_many(allowed, [birth_date]) if allowed else {}
        facts = {
            child: {name: denied(reason) for name, reason in verdict.refused.items()}
            for child, verdict in verdicts.items()
        }
        minors = []
        for child in allowed:
            day = born[child][BIRTH_DATE]
            if isinstance(day.value, date) and day.known and policy.is_minor(day.value, self._clock.today()):
                minors.append(child)
                continue
            is_known = isinstance(day.value, date) and day.known
            stop = denied(policy.NOT_A_MINOR) if is_known else unavailable(policy.TIE_UNKNOWN)
            facts[child] = dict.fromkeys([*stewards, BIRTH_DATE], stop)
        plain = [one for one in wanted.childs if one.derived is None]
        read = await self._reader.read_many(minors, plain) if minors else {}
        still = await self._grounds.still(grounds, entry, [(one, verdicts[one]) for one in minors], stewards)
        for child, gone in zip(minors, still, strict=True):
            facts[child] = {**born[child], **read[child], **{name: denied(why) for name, why in gone.items()}}
        for child in children:
            facts[child].setdefault(BIRTH_DATE, denied(next(iter(verdicts[child].refused.values()), policy.BARRED)))
        told.results += [result(entries[child], facts[child]) for child in allowed]
        return facts


def _of_child(child: UUID, wanted: Wanted, verdict: policy.Verdict, asker: Asker, entry: RegisteredPurpose) -> Draft:
    names = frozenset({*(one.id for one in wanted.childs), BIRTH_DATE})
    reason = next(iter(verdict.refused.values()), None)
    decision = Decision.ALLOWED if reason is None else Decision.DENIED
    rests_on = verdict.rests_on if reason is None else frozenset()
    return Draft(child, names, asker, entry.purpose, decision, reason, agreements=rests_on)


def _total(
    total: Attribute,
    person: UUID,
    tie: Answer,
    parts: Mapping[UUID, Mapping[str, Answer]],
    unread: Mapping[str, Answer],
) -> Answer:
    if not tie.known:
        return unavailable(tie.error or MEMBER_UNKNOWN)
    of = rule_of(total).of
    members = sorted({person, *people_of(tie)})
    known = [parts.get(member, unread)[of] for member in members] if of is not None else []
    return combined(total, tie, known, size=len(members))


def _included(child: UUID, tie: Answer) -> Answer:
    if not tie.known:
        return unavailable(tie.error or MEMBER_UNKNOWN)
    return Answer(child in people_of(tie), tie.as_of, tie.state, tie.error)
