"""Delegation: proposed, accepted, ended; and whether one holds.

What is far away (the registers) is asked by `Offers` beforehand; every method here takes the session of the caller's
transaction. Ending one ends, in the same transaction, every token that came of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, start_of_bangkok_day
from core.crypto import KeyRing
from core.errors import BadInput, NotFound
from core.ids import NationalId, new_id
from core.sealed import bound_to
from core.text import Text
from identity.delegation import messages
from identity.delegation.days import PROPOSAL_LASTS, majority
from identity.delegation.errors import (
    AlreadyDelegated,
    DelegationOver,
    EndedByOfficersOnly,
    NotToOneself,
    TooManyProposals,
    UnderGuardianship,
)
from identity.delegation.models import Delegation, DelegationEvent, EndReason, Kind, Scope, Step
from identity.delegation.needs import Standing
from identity.delegation.offers import Direction, Offer, ordered
from identity.delegation.repository import DelegationRepository
from identity.inbox.service import Inbox
from identity.people import PeopleRegister
from identity.provider.delegated import Delegated
from identity.provider.endings import Endings

PROPOSALS_MAX: Final = 10
"""Of one person: those that wait for an answer, and those made within a day, whatever became of them."""
ALL: Final = tuple(Scope)


@dataclass(frozen=True, slots=True, repr=False)
class Guardianship:
    """What a court ordered, as two officers entered it from the order."""

    ward: UUID
    guardian: UUID
    ward_name: Text
    guardian_name: Text
    ward_born: date | None = None
    """Of a minor: the right ends with minority. None for an adult."""
    until: date | None = None
    """The last day; for an adult there must be one."""
    scopes: Collection[Scope] = ALL


@dataclass(frozen=True, slots=True)
class Holding:
    """A delegation that holds at this moment."""

    person: UUID
    """Who is acted for."""
    kind: Kind
    scopes: frozenset[str]


class DelegationService:
    """Implements `identity.provider.delegated.Delegations` too."""

    def __init__(self, clock: Clock, keys: KeyRing, people: PeopleRegister) -> None:
        self._clock, self._keys, self._people = clock, keys, people
        self._inbox, self._endings = Inbox(clock), Endings(clock)

    # Whether one holds.

    def holds(self, row: Delegation) -> bool:
        """Today: accepted, not ended, and the day of its end has not come."""
        today = self._clock.today()
        return row.accepted_at is not None and row.ended_at is None and row.starts_on <= today < row.ends_on

    def is_open(self, row: Delegation) -> bool:
        """Whether it waits for the other side."""
        waits = row.accepted_at is None and row.ended_at is None and self._clock.today() < row.ends_on
        return waits and self._clock.now() < row.proposed_at + PROPOSAL_LASTS

    async def live(self, session: AsyncSession, delegation: UUID, delegate: UUID) -> Delegated | None:
        """The delegation if it holds now for this delegate; it cannot end until `session`'s transaction is over."""
        row = await DelegationRepository(session).by_delegate(delegation, delegate, lock=True)
        if row is None or not self.holds(row):
            return None
        return Delegated(row.person, frozenset(row.scopes), start_of_bangkok_day(row.ends_on))

    async def still(self, session: AsyncSession, delegation: UUID, delegate: UUID) -> Holding | None:
        """The same for whoever only reads: nothing is held."""
        row = await DelegationRepository(session).by_delegate(delegation, delegate)
        if row is None or not self.holds(row):
            return None
        return Holding(row.person, Kind(row.kind), frozenset(row.scopes))

    # Between two citizens.

    async def propose(self, session: AsyncSession, offer: Offer) -> Delegation:
        """Writes it; a parent's holds at once. Whether the other side is known here makes no difference.

        Raises :class:`AlreadyDelegated`, :class:`TooManyProposals`, :class:`UnderGuardianship`, :class:`NotToOneself`.
        """
        repository, now = DelegationRepository(session), self._clock.now()
        other = await self._key(session, offer.other)
        if other == offer.by:
            raise NotToOneself(path=("nationalId",))
        acts = offer.direction is Direction.I_ACT
        person, delegate = (other, offer.by) if acts else (offer.by, other)
        if acts and await repository.has_guardian(delegate, self._clock.today()):
            raise UnderGuardianship
        proved = offer.kind is Kind.PARENT
        await self._make_room(session, person, delegate, offer.kind, renews=not proved)
        if await repository.proposals(offer.by, now) >= PROPOSALS_MAX:
            raise TooManyProposals(most=PROPOSALS_MAX)
        sides = ("delegate", "person") if acts else ("person", "delegate")
        names = {sides[0]: offer.own_name, sides[1]: offer.other_name}
        row = self._row(person, delegate, offer.kind, offer.scopes, (offer.starts_on, offer.ends_on), offer.by, names)
        if proved:
            row.accepted_at = now
        if not await repository.add(row):
            raise AlreadyDelegated
        await self._log(session, row, Step.PROVED if proved else Step.PROPOSED, offer.by)
        if proved:
            await self._tell_it_holds(session, row)
        else:
            await self._inbox.send(session, other, messages.WAS_ASKED)
            await self._inbox.send(session, offer.by, messages.HAS_ASKED)
        return row

    async def asked(self, session: AsyncSession, party: UUID, delegation: UUID) -> Delegation:
        """A proposal that waits for this person. Raises NotFound, :class:`DelegationOver`."""
        row = await DelegationRepository(session).get(party, delegation)
        return self._waiting_for(party, row)

    async def accept(self, session: AsyncSession, party: UUID, delegation: UUID, standing: Standing) -> Delegation:
        """The other side agrees; one between the same two that held is replaced.

        Raises NotFound, :class:`DelegationOver`, :class:`UnderGuardianship`.
        """
        repository = DelegationRepository(session)
        row = self._waiting_for(party, await repository.get(party, delegation, lock=True))
        if await repository.has_guardian(row.delegate, self._clock.today()):
            raise UnderGuardianship
        for former in await repository.between(row.person, row.delegate, Kind(row.kind)):
            if former.id != row.id:
                await self._close(session, former, EndReason.RENEWED, party)
        side = "delegate" if party == row.delegate else "person"
        names = self.names(row) | {side: standing.name}
        row.names_sealed = self._sealed(row.id, names)
        row.accepted_at, row.starts_on = self._clock.now(), self._clock.today()
        await session.flush()
        await self._log(session, row, Step.ACCEPTED, party)
        await self._tell_it_holds(session, row)
        return row

    async def end(self, session: AsyncSession, party: UUID, delegation: UUID) -> Delegation:
        """Either side ends it, at once. Raises NotFound, :class:`DelegationOver`, :class:`EndedByOfficersOnly`."""
        row = await DelegationRepository(session).get(party, delegation, lock=True)
        if row is None:
            raise NotFound
        if not self.holds(row) and not self.is_open(row):
            raise DelegationOver
        if row.kind == Kind.GUARDIAN and party == row.person:
            raise EndedByOfficersOnly
        if row.accepted_at is None:
            reason = EndReason.WITHDRAWN if party == row.proposed_by else EndReason.DECLINED
        else:
            reason = EndReason.REVOKED if party == row.person else EndReason.RENOUNCED
        await self._close(session, row, reason, party)
        await self._tell_it_ended(session, row)
        return row

    def names(self, row: Delegation) -> dict[str, Text]:
        """`person` and `delegate`, each only if that side has taken part."""
        plain = self._keys.open(row.names_sealed, bound_to=bound_to(Delegation.names_sealed, row.id))
        return {side: Text(**name) for side, name in orjson.loads(plain).items()}

    # By officers.

    async def register_guardianship(
        self, session: AsyncSession, given: Guardianship, *, officer: UUID, agency: str
    ) -> Delegation:
        """Enters a court's guardian. Called when the second officer approves; `officer` is that one.

        A minor's ends with minority: on the 20th birthday (Civil and Commercial Code s.19). Who has a guardian acts for
        nobody: what the ward did for others ends.
        Raises BadInput for days that make no sense, :class:`NotToOneself`, :class:`AlreadyDelegated`,
        :class:`UnderGuardianship` for a guardian who has one.
        """
        if given.ward == given.guardian:
            raise NotToOneself
        today = self._clock.today()
        ends = [] if given.until is None else [given.until + timedelta(days=1)]
        if given.ward_born is not None:
            ends.append(majority(given.ward_born))
        if not ends or min(ends) <= today:
            raise BadInput(Text(th="วันสิ้นสุดไม่ถูกต้อง", en="it must end, on a day yet to come"), path=("until",))
        repository = DelegationRepository(session)
        if await repository.has_guardian(given.guardian, today):
            raise UnderGuardianship
        await self._make_room(session, given.ward, given.guardian, Kind.GUARDIAN, renews=False)
        names: dict[str, Text | None] = {"person": given.ward_name, "delegate": given.guardian_name}
        days = (today, min(ends))
        row = self._row(given.ward, given.guardian, Kind.GUARDIAN, ordered(given.scopes), days, officer, names)
        row.accepted_at = self._clock.now()
        if not await repository.add(row):
            raise AlreadyDelegated
        await self._log(session, row, Step.REGISTERED, officer, agency)
        await self._tell_it_holds(session, row)
        for theirs in await repository.acted_by(given.ward):
            await self._close(session, theirs, EndReason.OFFICER, officer, agency)
            await self._tell_it_ended(session, theirs)
        return row

    async def end_guardianship(
        self, session: AsyncSession, delegation: UUID, *, officer: UUID, agency: str
    ) -> Delegation:
        """Raises NotFound, :class:`DelegationOver`."""
        row = await DelegationRepository(session).registered(delegation)
        if row is None:
            raise NotFound
        if not self.holds(row):
            raise DelegationOver
        await self._close(session, row, EndReason.OFFICER, officer, agency)
        await self._tell_it_ended(session, row)
        return row

    async def end_all_of(self, session: AsyncSession, party: UUID, *, officer: UUID, agency: str) -> None:
        """Ends all that the person holds, gave or proposes: their number was wrong, and what rests on it with it."""
        for row in await DelegationRepository(session).not_ended(party):
            await self._close(session, row, EndReason.OFFICER, officer, agency)
            await self._tell_it_ended(session, row)

    async def events(self, session: AsyncSession, party: UUID, delegation: UUID) -> Sequence[DelegationEvent]:
        """All that happened to it, oldest first, for either side. Raises NotFound."""
        repository = DelegationRepository(session)
        row = await repository.get(party, delegation)
        if row is None:
            raise NotFound
        return await repository.events(row.person, row.id)

    # Inside.

    def _waiting_for(self, party: UUID, row: Delegation | None) -> Delegation:
        if row is None:
            raise NotFound
        if party == row.proposed_by or not self.is_open(row):
            raise DelegationOver
        return row

    async def _make_room(
        self, session: AsyncSession, person: UUID, delegate: UUID, kind: Kind, *, renews: bool
    ) -> None:
        """Closes what is over between the two. Raises :class:`AlreadyDelegated` for what is not, and not renewed."""
        for row in await DelegationRepository(session).between(person, delegate, kind):
            if self.is_open(row) or (self.holds(row) and not renews):
                raise AlreadyDelegated
            if not self.holds(row):
                await self._close(session, row, EndReason.EXPIRED, row.proposed_by)

    async def _key(self, session: AsyncSession, other: NationalId | UUID) -> UUID:
        if isinstance(other, UUID):
            return other
        return (await self._people.resolve(session, [other]))[other.digits]

    def _row(
        self,
        person: UUID,
        delegate: UUID,
        kind: Kind,
        scopes: Sequence[Scope],
        days: tuple[date, date],
        by: UUID,
        names: dict[str, Text | None],
    ) -> Delegation:
        key = new_id()
        return Delegation(
            person=person,
            id=key,
            delegate=delegate,
            kind=kind.value,
            scopes=[scope.value for scope in scopes],
            names_sealed=self._sealed(key, {side: name for side, name in names.items() if name is not None}),
            starts_on=days[0],
            ends_on=days[1],
            proposed_by=by,
            proposed_at=self._clock.now(),
        )

    def _sealed(self, key: UUID, names: dict[str, Text]) -> bytes:
        plain: dict[str, Any] = {side: {"th": name.th, "en": name.en} for side, name in names.items()}
        return self._keys.seal(orjson.dumps(plain), bound_to=bound_to(Delegation.names_sealed, key))

    async def _close(
        self, session: AsyncSession, row: Delegation, reason: EndReason, by: UUID, agency: str | None = None
    ) -> None:
        row.ended_at, row.ended_by, row.end_reason = self._clock.now(), by, reason.value
        await session.flush()
        await self._log(session, row, Step.ENDED, by, agency)
        await self._endings.end_delegation(session, row.person, row.id)

    async def _log(
        self, session: AsyncSession, row: Delegation, step: Step, by: UUID, agency: str | None = None
    ) -> None:
        event = DelegationEvent(
            person=row.person,
            delegation=row.id,
            id=new_id(),
            kind=step.value,
            by=by,
            by_officer_of=agency,
            at=self._clock.now(),
        )
        await DelegationRepository(session).log(event)

    async def _tell_it_holds(self, session: AsyncSession, row: Delegation) -> None:
        await self._inbox.send(session, row.person, messages.ACTS_FOR_YOU)
        await self._inbox.send(session, row.delegate, messages.YOU_ACT)

    async def _tell_it_ended(self, session: AsyncSession, row: Delegation) -> None:
        for side in (row.person, row.delegate):
            await self._inbox.send(session, side, messages.ENDED)
