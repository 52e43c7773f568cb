"""Decides applications for programmes, for the room of applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import BadInput, NotFound, ServiceUnavailable
from core.text import Text
from services.apply.deciding import Outcome as Decided
from services.apply.deciding import Prepared, Request
from services.apply.errors import NotOfferedHere
from services.apply.units import unit_of_household, unit_of_person
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Gate
from welfare.entitlements.answers import with_answers, with_findings
from welfare.entitlements.assessment import CHILD, CHILDREN, PROGRAMME, Assessment, Member, assess
from welfare.entitlements.lawbook import law_of
from welfare.entitlements.reading import Reader
from welfare.entitlements.record import record_of
from welfare.programmes import (
    Channel,
    ForEach,
    Outcome,
    Programme,
    ProgrammeCatalogue,
    ProgrammeUnknown,
    Unit,
    Version,
    freeze,
)

ADDRESS: Final = "address"
HOUSE: Final = ("subdistrict", "village", "house_number")
"""The parts of a registered address that name the house; the others are words for people."""
_DECIDED: Final = {
    Outcome.MET: Decided.GRANTED,
    Outcome.UNMET: Decided.REFUSED,
    Outcome.UNKNOWN: Decided.NEEDS_INFORMATION,
}


class ProgrammeDecider:
    """Implements :class:`services.apply.deciding.Decider` for subjects `programme:<slug>`."""

    def __init__(
        self,
        gate: Gate,
        clock: Clock,
        catalogue: Catalogue,
        programmes: ProgrammeCatalogue,
        keys: KeyRing | None = None,
    ) -> None:
        """`keys` are for programmes that a household has once."""
        self._keys = keys
        self._gate, self._clock, self._catalogue, self._programmes = gate, clock, catalogue, programmes
        self._frozen: dict[tuple[str, date | None], tuple[Version, Mapping[str, Any]]] = {}

    async def prepare(self, request: Request) -> Prepared:
        """Reads the facts anew, for the decision, and in the payer's name.

        Raises ProgrammeUnknown, NotOfferedHere, NotFound (path `beneficiary`), BadInput (path `answers`), and
        ServiceUnavailable when nobody can say whether the child is the applicant's, or which their household is.
        """
        programme = self._programmes.get(request.subject.partition(":")[2])
        day = self._clock.today() if programme is None else _day_of_law(programme, request, self._clock.today())
        version = None if programme is None else programme.version_on(day)
        if programme is None or version is None:
            raise ProgrammeUnknown(path=("programme",))
        if programme.channel is not Channel.HERE:
            raise NotOfferedHere(path=("programme",))
        own, child = await self._facts(programme, version, request)
        read = _known(own) + _known(child)
        own, child = with_answers(self._catalogue, version, request.answers, self._clock.now(), own, child)
        own, child = with_findings(
            self._catalogue, version, request.findings, self._clock.now(), programme.payer, own, child
        )
        childs = None if child is None else child.facts
        found = assess(self._catalogue, programme, day, request.beneficiary, own.facts, childs)
        assert found is not None, "the version is in force"
        prepared = _prepared(self._catalogue, found, request.applicant)
        unit = await self._household(programme, request) if programme.unit is Unit.HOUSEHOLD else None
        return replace(prepared, read=read, rule=self._rule(version), beside=self.beside(request.subject), unit=unit)

    def ready_for(self, subject: str) -> Text | None:
        """See :class:`services.apply.acceptance.service.Undecided`."""
        programme = self._programmes.get(subject.removeprefix(PROGRAMME))
        if programme is None or not subject.startswith(PROGRAMME) or programme.channel is not Channel.HERE:
            return None
        is_plain = programme.for_each is ForEach.PERSON and programme.unit is not Unit.HOUSEHOLD
        if not is_plain or self.beside(subject) or programme.version_on(self._clock.today()) is None:
            return None
        return programme.title

    def reads(self, subject: str, answers: Mapping[str, Any]) -> bool:
        """See :class:`services.apply.acceptance.service.Undecided`."""
        programme = self._programmes.get(subject.removeprefix(PROGRAMME))
        version = None if programme is None else programme.version_on(self._clock.today())
        if version is None:
            return False
        nobody = Member(UUID(int=0), {})
        try:
            with_answers(self._catalogue, version, answers, self._clock.now(), nobody, None)
        except BadInput:
            return False
        return not any(name.startswith(CHILD) for name in answers)

    def beside(self, subject: str) -> tuple[str, ...]:
        """Subjects that nobody may have beside this programme."""
        return tuple(PROGRAMME + one.programme for one in self._programmes.exclusions(subject.partition(":")[2]))

    def _rule(self, version: Version) -> Mapping[str, Any]:
        """The law as it is stored beside decisions; made once for all of them."""
        key = (version.programme, version.starts)
        kept = self._frozen.get(key)
        if kept is None or kept[0] is not version:
            kept = self._frozen[key] = (version, freeze(version))
        return kept[1]

    async def _facts(self, programme: Programme, version: Version, request: Request) -> tuple[Member, Member | None]:
        """Facts of the person of the rules, and of the child where the programme is for children."""
        reader = Reader.for_decision(self._gate, programme, request.applicant, request.request)
        if request.asker is not None:
            reader = replace(reader, asker=request.asker)
        own_needs = frozenset(name for name in version.needs if not name.startswith(CHILD))
        child_needs = frozenset(name.removeprefix(CHILD) for name in version.needs if name.startswith(CHILD))
        if request.beneficiary != request.applicant:
            await self._check_child(reader, request.applicant, request.beneficiary)
        if version.for_each is ForEach.PERSON:
            return await reader.member(request.beneficiary, own_needs), None
        if request.beneficiary == request.applicant:
            raise NotFound(path=("beneficiary",))
        return await reader.member(request.applicant, own_needs), await reader.member(request.beneficiary, child_needs)

    async def _household(self, programme: Programme, request: Request) -> str:
        """The key of the house in whose register the person of the rules stands; whoever stands in none is a household
        of their own. Raises ServiceUnavailable where nobody can say."""
        assert self._keys is not None, "a programme for households needs the keys"
        person = request.applicant if programme.for_each is ForEach.CHILD else request.beneficiary
        reader = Reader.for_decision(self._gate, programme, request.applicant, request.request)
        fact = (await reader.member(person, {ADDRESS})).facts[ADDRESS]
        if not fact.known:
            raise ServiceUnavailable(self._catalogue.agency_title(self._catalogue.attribute(ADDRESS).steward))
        if not isinstance(fact.value, Mapping):
            return unit_of_person(person)
        house = "/".join(str(fact.value[part]) for part in HOUSE)
        return unit_of_household(self._keys.blind_index(house, domain="household"))

    async def _check_child(self, reader: Reader, applicant: UUID, beneficiary: UUID) -> None:
        """Raises NotFound for anyone but the applicant's own child who is not yet of age."""
        children = await reader.children(applicant)
        if children is None:
            raise ServiceUnavailable(self._catalogue.agency_title(self._catalogue.attribute(CHILDREN).steward))
        if beneficiary not in children or not await reader.may_ask_about(beneficiary):
            raise NotFound(path=("beneficiary",))


def _day_of_law(programme: Programme, request: Request, today: date) -> date:
    """Today; but the day of the application where the law of that day has run out and nothing followed it at once: a
    source that was down costs nobody what was given for a while."""
    applied_on = request.applied_on or today
    version = programme.version_on(applied_on)
    until = None if version is None else version.until
    ran_out = until is not None and until < today and programme.version_on(until + timedelta(days=1)) is None
    return applied_on if ran_out else today


def _known(member: Member | None) -> int:
    """How many facts their owners told."""
    return 0 if member is None else sum(fact.known for fact in member.facts.values())


def _prepared(catalogue: Catalogue, found: Assessment, applicant: UUID) -> Prepared:
    outcome = _DECIDED[found.determination.outcome]
    paid = [benefit for benefit in found.determination.benefits if not benefit.in_kind and not benefit.is_right]
    if outcome is Decided.GRANTED and any(benefit.amount is None for benefit in paid):
        outcome = Decided.NEEDS_INFORMATION  # a grant of an amount that nobody knows would never be paid
    return Prepared(
        outcome=outcome,
        title=found.programme.title,
        record=record_of(catalogue, found, applicant),
        reasons=tuple(
            {
                "condition": condition.id,
                "th": condition.text.th,
                "en": condition.text.en,
                "outcome": condition.outcome.value,
                "law": {"th": condition.law.th, "en": condition.law.en},
                "facts": list(condition.facts_used),
            }
            for condition in found.determination.conditions
        ),
        missing=found.missing if outcome is Decided.NEEDS_INFORMATION else (),
        pays=bool(paid),
        decided_by={"kind": "SYSTEM", "agency": found.programme.payer},
        law_from=law_of(found.version),
        changes_on=found.changes_on() if outcome is Decided.GRANTED else None,
    )
