"""What must be known before a delegation can be written: asked of the registers, outside any transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from core.clock import Clock
from core.database import Database
from core.errors import BadInput
from core.ids import NationalId
from core.text import Text
from identity.delegation.days import CARER_YEARS_MAX, is_elder, is_of_age, majority, years_after
from identity.delegation.errors import NoCarerNeeded, NotToOneself, NotYourMinorChild, TooYoung
from identity.delegation.models import Kind, Scope
from identity.delegation.needs import FamilyTies, Standing
from identity.people import PeopleRegister


class Direction(StrEnum):
    """Seen from one of the two sides."""

    I_ACT = "I_ACT"
    ACTS_FOR_ME = "ACTS_FOR_ME"


@dataclass(frozen=True, slots=True, repr=False)
class Offer:
    """A delegation to be written."""

    kind: Kind
    direction: Direction
    by: UUID
    other: NationalId | UUID
    """By number where the register of people may not know them yet."""
    scopes: tuple[Scope, ...]
    starts_on: date
    ends_on: date
    own_name: Text
    other_name: Text | None = None
    """Only where the one who offers may know it: of their own child."""


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """What the graph was asked for."""

    kind: Kind
    direction: Direction
    national_id: NationalId
    scopes: Collection[Scope]
    until: date | None = None
    """The last day on which it is to hold."""


class Offers:
    def __init__(self, db: Database, clock: Clock, people: PeopleRegister, ties: FamilyTies) -> None:
        self._db, self._clock, self._people, self._ties = db, clock, people, ties

    async def offer(self, by: UUID, wish: Wish, *, request: UUID) -> Offer:
        """Raises BadInput, :class:`NotToOneself`, :class:`TooYoung`, :class:`NotYourMinorChild`,
        :class:`NoCarerNeeded`, and `ServiceUnavailable` where a register that must say does not."""
        scopes = ordered(wish.scopes)
        if wish.kind is Kind.CARER and Scope.CONSENT in scopes:
            raise BadInput(
                Text(
                    th="ผู้ดูแลให้ความยินยอมแทนไม่ได้ ผู้บรรลุนิติภาวะให้ความยินยอมด้วยตนเอง",
                    en="a carer does not consent for somebody: who is of age does so themself",
                ),
                path=("scopes",),
            )
        if wish.kind is Kind.GUARDIAN:
            raise BadInput(
                Text(th="ผู้ปกครองตามคำสั่งศาลลงทะเบียนโดยเจ้าหน้าที่", en="guardians are registered by officers"),
                path=("kind",),
            )
        async with self._db.read() as session:
            if await self._people.find(session, wish.national_id) == by:
                raise NotToOneself(path=("nationalId",))
        own = await self._ties.standing(by, request=request)
        if wish.kind is Kind.PARENT:
            return await self._of_child(by, own, wish, scopes, request)
        await self._check_side(by, own, wish.direction, request)
        today = self._clock.today()
        latest = years_after(today, CARER_YEARS_MAX)
        return Offer(
            kind=wish.kind,
            direction=wish.direction,
            by=by,
            other=wish.national_id,
            scopes=scopes,
            starts_on=today,
            ends_on=_end(wish.until, today, latest),
            own_name=own.name,
        )

    async def side(self, person: UUID, direction: Direction, *, request: UUID) -> Standing:
        """Who is about to accept a carer's delegation: both sides are of age, and who is acted for needs a carer.

        Raises :class:`TooYoung`, :class:`NoCarerNeeded`, `ServiceUnavailable`.
        """
        standing = await self._ties.standing(person, request=request)
        await self._check_side(person, standing, direction, request)
        return standing

    async def _check_side(self, person: UUID, who: Standing, direction: Direction, request: UUID) -> None:
        today = self._clock.today()
        if not is_of_age(who.born, today):
            raise TooYoung
        if direction is Direction.I_ACT or is_elder(who.born, today):
            return
        if not await self._ties.has_disability(person, request=request):
            raise NoCarerNeeded

    async def _of_child(self, by: UUID, own: Standing, wish: Wish, scopes: tuple[Scope, ...], request: UUID) -> Offer:
        if wish.direction is not Direction.I_ACT:
            raise BadInput(
                Text(th="บิดามารดาเป็นผู้ขอดำเนินการแทนบุตร", en="a parent asks to act for the child"), path=("direction",)
            )
        today = self._clock.today()
        if not is_of_age(own.born, today):
            raise TooYoung
        children = await self._ties.minor_children(by, request=request)
        async with self._db.read() as session:
            found = await self._people.find(session, wish.national_id)
        standing = await self._ties.child(by, found, request=request) if found in children and found else None
        if found is None or standing is None or is_of_age(standing.born, today):
            raise NotYourMinorChild(path=("nationalId",))
        return Offer(
            kind=wish.kind,
            direction=wish.direction,
            by=by,
            other=found,
            scopes=scopes,
            starts_on=today,
            ends_on=_end(wish.until, today, majority(standing.born)),
            own_name=own.name,
            other_name=standing.name,
        )


def ordered(scopes: Collection[Scope]) -> tuple[Scope, ...]:
    """In the order of the enum, each once. Raises BadInput when there are none, or one cannot see what one does."""
    found = tuple(scope for scope in Scope if scope in scopes)
    if Scope.VIEW not in found:
        raise BadInput(
            Text(th="ต้องมีขอบเขต VIEW ด้วยเสมอ", en="VIEW is always among them: nobody acts without seeing"),
            path=("scopes",),
        )
    return found


def _end(until: date | None, today: date, latest: date) -> date:
    """The first day after. Raises BadInput for a last day that has passed, or is too far."""
    if until is None:
        return latest
    if not today <= until < latest:
        raise BadInput(
            Text(
                th=f"วันสุดท้ายต้องอยู่ระหว่าง {today.isoformat()} ถึง {(latest - timedelta(days=1)).isoformat()}",
                en=f"the last day must be from {today.isoformat()} to {(latest - timedelta(days=1)).isoformat()}",
            ),
            path=("until",),
        )
    return until + timedelta(days=1)
