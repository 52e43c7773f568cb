"""Facts that the exchange derives from other people's: a household's total, a child's place in it.

Everyone whose fact is read has an entry of their own in the log, which names the asker by role alone: the members of a
household do not learn from each other's logs who asked for what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from core.money import Money
from core.text import Text
from services.exchange.access_log.disclosure import HOUSEHOLD
from services.exchange.access_log.households import PURPOSE
from services.exchange.access_log.log import Decision, Draft, Entry, Result
from services.exchange.catalogue import Attribute, Catalogue, Derivation, How, InvalidAnswer
from services.exchange.deciding import Deciding
from services.exchange.facts import ANSWERED, Asker, AskerKind, FactState, Purpose, Value
from services.exchange.grounds import GroundsReader
from services.exchange.questions import result
from services.exchange.sources import INVALID_ANSWER, NO_SOURCE, Answer, Reader, unavailable

HOUSEHOLD_LABEL: Final = Text(
    th="ระบบคำนวณข้อมูลรวมของครัวเรือนในทะเบียนบ้านของท่าน (แสดงเฉพาะผลรวม)",
    en="A calculation for the household on your house register (only the total was shown)",
)
NO_APPLICANT: Final = "NO_APPLICANT"
MEMBER_UNKNOWN: Final = "MEMBER_UNKNOWN"
"""What the sources know of one member at least is not enough; it is not said of whom."""
MEMBER_SILENT: Final = "MEMBER_SILENT"
"""A source did not answer about one member at least; it is not said about whom."""


@dataclass
class Derived:
    """The derived answers, and what the log has yet to be told about the people they rest on."""

    answers: dict[str, Answer] = field(default_factory=dict)
    inputs: dict[str, Answer] = field(default_factory=dict)
    """What was read about the subject itself on the way."""
    results: list[Result] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """For whom and why something is derived; `cause` is the committed entry about the subject."""

    subject: UUID
    asker: Asker
    purpose: Purpose
    cause: Entry

    @property
    def applicant(self) -> UUID | None:
        return UUID(hex=self.asker.id) if self.asker.kind is AskerKind.CITIZEN else self.asker.applicant


class Household:
    def __init__(self, catalogue: Catalogue, reader: Reader, log: Deciding, grounds: GroundsReader) -> None:
        self._catalogue, self._reader, self._log, self._grounds = catalogue, reader, log, grounds

    async def derive(self, look: Look, attributes: Collection[Attribute]) -> Derived:
        """Answers each of the derived attributes. The subject's own part in them is named by the entry `look.cause`."""
        derived = Derived()
        totals: dict[str, list[Attribute]] = defaultdict(list)
        for attribute in attributes:
            rule = rule_of(attribute)
            if rule.how is How.INCLUDES:
                derived.answers[attribute.id] = await self._includes(look, attribute, derived)
            else:
                totals[rule.over].append(attribute)
        for over, wanted in totals.items():
            await self._total(look, self._catalogue.attribute(over), wanted, derived)
        return derived

    async def _includes(self, look: Look, attribute: Attribute, derived: Derived) -> Answer:
        """Whether the applicant's people include the subject; the look at the applicant has an entry as well."""
        if look.applicant is None:
            return unavailable(NO_APPLICANT)
        over = self._catalogue.attribute(rule_of(attribute).over)
        draft = Draft(look.applicant, frozenset({over.id}), look.asker, look.purpose, caused_by=look.cause.id)
        [entry] = await self._log.decide([draft])
        tie = (await self._reader.read(look.applicant, [over]))[over.id]
        derived.results.append(result(entry, {over.id: tie}))
        if not tie.known:
            return unavailable(tie.error or MEMBER_UNKNOWN)
        return Answer(look.subject in people_of(tie), tie.as_of, tie.state, tie.error)

    async def _total(self, look: Look, over: Attribute, wanted: Sequence[Attribute], derived: Derived) -> None:
        tie = (await self._reader.read(look.subject, [over]))[over.id]
        derived.inputs[over.id] = tie
        if not tie.known:
            derived.answers |= {attribute.id: unavailable(tie.error or MEMBER_UNKNOWN) for attribute in wanted}
            return
        others = sorted(set(people_of(tie)) - {look.subject})
        names = {rule.of for attribute in wanted if (rule := rule_of(attribute)).of is not None}
        summed = [self._catalogue.attribute(name) for name in sorted(filter(None, names))]
        told = await self._read_members(look, over, others, summed, derived)
        derived.inputs |= told[look.subject]
        for attribute in wanted:
            of = rule_of(attribute).of
            parts = [told[member][of] for member in told] if of else []
            derived.answers[attribute.id] = combined(attribute, tie, parts, size=len(others) + 1)

    async def _read_members(
        self, look: Look, over: Attribute, others: Sequence[UUID], summed: Sequence[Attribute], derived: Derived
    ) -> Mapping[UUID, Mapping[str, Answer]]:
        """The summed facts of the subject and of every other member; each of the others gets an entry first.

        One who is only counted gets an entry too, which names the tie. Of one who had the use of their data stopped for
        this purpose (PDPA s.32, s.34) nothing is read; that one is counted all the same, as one of the subject's house.
        """
        asker = Asker(
            kind=AskerKind.SYSTEM,
            id="exchange.household",
            agency=over.steward,
            label=HOUSEHOLD_LABEL,
            request=look.asker.request,
        )
        names = frozenset(attribute.id for attribute in summed) or frozenset({over.id})
        barred = await self._grounds.barred(others, look.purpose) if summed else {}

        def draft(other: UUID) -> Draft:
            reason = barred.get(other)
            decision = Decision.ALLOWED if reason is None else Decision.DENIED
            return Draft(other, names, asker, PURPOSE, decision, reason, caused_by=look.cause.id, disclosure=HOUSEHOLD)

        entries = await self._log.decide([draft(other) for other in others])
        told = await self._reader.read_many([look.subject, *(one for one in others if one not in barred)], summed)
        counted = {over.id: Answer(None, None, FactState.FRESH)}
        derived.results += [
            result(entry, told[entry.subject] or counted) for entry in entries if entry.subject not in barred
        ]
        unread = {attribute.id: unavailable(MEMBER_UNKNOWN) for attribute in summed}
        return {**told, **dict.fromkeys(barred, unread)}


def inputs_of(attributes: Collection[Attribute]) -> frozenset[str]:
    """What deriving these reads about the subject itself; the subject's entry names it."""
    totals = [rule for attribute in attributes if (rule := rule_of(attribute)).how is not How.INCLUDES]
    return frozenset(name for rule in totals for name in (rule.over, rule.of) if name)


def combined(attribute: Attribute, tie: Answer, parts: Sequence[Answer], *, size: int) -> Answer:
    """One value out of all; unknown if any part is: a sum without someone's income would be too small."""
    lacking = {part.error for part in parts if not part.known}
    if lacking:
        return unavailable(_of_members(lacking))
    try:
        value = attribute.type.accept(_sum(parts) if rule_of(attribute).how is How.SUM else size)
    except InvalidAnswer:
        return unavailable(INVALID_ANSWER)
    stale = next((answer for answer in (tie, *parts) if answer.state is FactState.STALE), None)
    as_of: datetime = min(answer.as_of for answer in (tie, *parts) if answer.as_of is not None)
    return Answer(value, as_of, FactState.STALE if stale else FactState.FRESH, stale.error if stale else None)


def _of_members(errors: Collection[str | None]) -> str:
    """Who is silent comes first: while one is, nobody can say that the rest is all that is missing."""
    if any(error is not None and error not in ANSWERED for error in errors):
        return MEMBER_SILENT
    return NO_SOURCE if set(errors) == {NO_SOURCE} else MEMBER_UNKNOWN


def _sum(parts: Sequence[Answer]) -> Value:
    if isinstance(parts[0].value, Money):
        return Money(sum(part.value.satang for part in parts if isinstance(part.value, Money)))
    return sum(part.value for part in parts if isinstance(part.value, int))


def people_of(tie: Answer) -> tuple[UUID, ...]:
    assert isinstance(tie.value, tuple)
    return tie.value


def rule_of(attribute: Attribute) -> Derivation:
    assert attribute.derived is not None
    return attribute.derived
