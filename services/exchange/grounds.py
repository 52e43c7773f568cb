"""What the gate finds out before it judges, and again before it answers: delegations, consents, bars, agreements.

What is found holds at the moment of the reading. The gate asks a second time after the source has answered, so that
what ended meanwhile ends what was on its way (PDPA s.19 para 5: a withdrawal works at once).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.text import Text
from identity.delegation.models import Kind, Scope
from services.exchange import policy
from services.exchange.agreements.repository import AgreementRepository
from services.exchange.agreements.terms import Terms
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.consent.service import ConsentService
from services.exchange.facts import Asker, AskerKind, Basis, Purpose
from services.exchange.needs import Bars, Delegations
from services.exchange.policy import Consented, Standing

ACTS_FOR_YOU: Final = {
    Kind.PARENT: Text(th="บิดาหรือมารดาของคุณ ซึ่งดำเนินการแทนคุณ", en="Your parent, who acts for you"),
    Kind.GUARDIAN: Text(th="ผู้ปกครองหรือผู้อนุบาลของคุณ ซึ่งดำเนินการแทนคุณ", en="Your guardian, who acts for you"),
    Kind.CARER: Text(th="ผู้ดูแลของคุณ ซึ่งดำเนินการแทนคุณ", en="Your carer, who acts for you"),
}
"""A delegate as the person they act for sees them; which of several it was, the delegation says."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Of one asker and one purpose, on several subjects."""

    asker: Asker
    """Under the name that the subject knows them by."""
    acts_for: UUID | None = None
    consents: Mapping[UUID, Consented] = field(default_factory=dict)
    barred: Mapping[UUID, str] = field(default_factory=dict)
    agreements: Sequence[Terms] = ()

    def of(self, subject: UUID) -> Standing:
        return Standing(self.acts_for, self.consents.get(subject), self.barred.get(subject), self.agreements)


class GroundsReader:
    """Every method reads the primary: a right that ended a moment ago has ended."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        catalogue: Catalogue,
        delegations: Delegations | None,
        bars: Bars | None,
    ) -> None:
        self._database, self._clock, self._catalogue = database, clock, catalogue
        self._delegations, self._bars = delegations, bars
        self._consents = ConsentService(catalogue, clock)

    async def read(
        self, asker: Asker, entry: RegisteredPurpose | None, subjects: Collection[UUID], stewards: Mapping[str, str]
    ) -> Grounds:
        """Raises whatever the database raises. `stewards` are those of what is asked for, by its name."""
        if entry is None or not self._is_needed(asker, entry, stewards):
            return Grounds(asker, agreements=self._standing(asker))
        async with self._database.read() as session:
            known, acts_for = await self._known(session, asker)
            return Grounds(
                known,
                acts_for,
                await self._consented(session, entry, subjects),
                await self._barred(session, entry, subjects),
                await self._agreements(session, asker, entry, stewards),
            )

    async def still(
        self,
        before: Grounds,
        entry: RegisteredPurpose,
        verdicts: Sequence[tuple[UUID, policy.Verdict]],
        of: Mapping[str, str],
    ) -> Sequence[Mapping[str, str]]:
        """Of each verdict on a subject, what was allowed and is not any more, and why. One subject may have several."""
        subjects = list(dict.fromkeys(subject for subject, verdict in verdicts if verdict.allowed))
        if not subjects or not self._is_needed(before.asker, entry, of):
            return [{} for _ in verdicts]
        now = await self.read(before.asker, entry, subjects, of)
        return [_ended(entry, verdict, before, now, subject) for subject, verdict in verdicts]

    async def barred(self, subjects: Collection[UUID], purpose: Purpose) -> Mapping[UUID, str]:
        """Who of those whose facts go into somebody else's had that stopped for this purpose, and why."""
        entry = policy.registered(self._catalogue, purpose)
        if entry is None or not subjects or self._bars is None:
            return {}
        async with self._database.read() as session:
            return await self._barred(session, entry, subjects)

    def _is_needed(self, asker: Asker, entry: RegisteredPurpose, stewards: Mapping[str, str]) -> bool:
        """Whether there is anything to ask the database."""
        return (
            asker.kind is AskerKind.DELEGATE
            or entry.purpose.basis is Basis.CONSENT
            or (self._bars is not None and entry.purpose.basis is not Basis.OWN_DATA)
            or bool(self._uncovered(asker, entry, stewards))
        )

    async def _known(self, session: AsyncSession, asker: Asker) -> tuple[Asker, UUID | None]:
        """A delegate under the name that the subject knows them by, and whom they may act for now."""
        if asker.kind is not AskerKind.DELEGATE or asker.delegation is None or self._delegations is None:
            return asker, None
        holds = await self._delegations.still(session, asker.delegation, UUID(hex=asker.id))
        if holds is None or holds.person != asker.applicant or Scope.VIEW not in holds.scopes:
            return asker, None
        return replace(asker, label=ACTS_FOR_YOU[holds.kind]), holds.person

    async def _consented(
        self, session: AsyncSession, entry: RegisteredPurpose, subjects: Collection[UUID]
    ) -> Mapping[UUID, Consented]:
        if entry.purpose.basis is not Basis.CONSENT:
            return {}
        return await self._consents.active_of(session, subjects, entry)

    async def _barred(
        self, session: AsyncSession, entry: RegisteredPurpose, subjects: Collection[UUID]
    ) -> Mapping[UUID, str]:
        """A look at one's own data is stopped by nobody (PDPA s.30)."""
        if self._bars is None or entry.purpose.basis is Basis.OWN_DATA:
            return {}
        found = await self._bars.barred(session, subjects, entry.purpose)
        return {one: reason if reason in policy.BARS else policy.BARRED for one, reason in found.items()}

    async def _agreements(
        self, session: AsyncSession, asker: Asker, entry: RegisteredPurpose, stewards: Mapping[str, str]
    ) -> Sequence[Terms]:
        standing = self._standing(asker)
        if asker.agency is None or not self._uncovered(asker, entry, stewards):
            return standing
        concluded = await AgreementRepository(session).in_force(asker.agency, self._clock.today())
        return (*standing, *concluded)

    def _standing(self, asker: Asker) -> tuple[Terms, ...]:
        if not policy.asks_for_an_agency(asker):
            return ()
        today = self._clock.today()
        return tuple(one for one in self._catalogue.standing if one.requester == asker.agency and one.holds_on(today))

    def _uncovered(self, asker: Asker, entry: RegisteredPurpose, stewards: Mapping[str, str]) -> list[str]:
        """What needs an agreement and has no standing one."""
        standing = self._standing(asker)
        return [
            name
            for name, steward in stewards.items()
            if policy.needs_agreement(asker, steward)
            and policy.agreement_for(standing, steward, name, entry.purpose) is None
        ]


def _ended(
    entry: RegisteredPurpose, verdict: policy.Verdict, before: Grounds, now: Grounds, subject: UUID
) -> Mapping[str, str]:
    if before.acts_for != now.acts_for:
        return dict.fromkeys(verdict.allowed, policy.NOT_DELEGATED)
    if subject in now.barred:
        return dict.fromkeys(verdict.allowed, now.barred[subject])
    if entry.purpose.basis is Basis.CONSENT:
        consented = now.consents.get(subject)
        if consented is None or consented.id != verdict.consent:
            return dict.fromkeys(verdict.allowed, policy.NO_CONSENT)
    in_force = {(one.id, one.version) for one in now.agreements}
    return {
        name: policy.NO_AGREEMENT
        for name, terms in verdict.agreements.items()
        if (terms.id, terms.version) not in in_force
    }
