"""Guardians whom officers enter, the trail of a delegation, and what the provider is told of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.clock import BANGKOK, FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput, NotFound, ServiceUnavailable
from core.ids import NationalId, check_digit, new_id
from core.text import Text
from identity.delegation.errors import (
    AlreadyDelegated,
    DelegationOver,
    EndedByOfficersOnly,
    NoCarerNeeded,
    NotToOneself,
    TooManyProposals,
    TooYoung,
    UnderGuardianship,
)
from identity.delegation.models import Delegation, DelegationEvent, EndReason, Kind, Scope, Step
from identity.delegation.needs import Standing
from identity.delegation.offers import Direction, Offer, Offers, Wish
from identity.delegation.repository import LISTED_MAX, DelegationRepository
from identity.delegation.service import PROPOSALS_MAX, DelegationService, Guardianship
from identity.inbox.models import Message
from identity.people import PeopleRegister
from identity.provider.clients import seed_clients
from identity.provider.models import Revocation, TokenFamily

KEYS: Final = KeyRing("k1", {"k1": bytes(range(32))}, bytes(range(32, 64)))
WARD, GUARDIAN = Text(th="ผู้เยาว์", en="The ward"), Text(th="ผู้ปกครอง", en="The guardian")
AGENCY: Final = "dcy"
CARERS: Final = (Scope.VIEW, Scope.APPLY, Scope.RECEIVE)
"""All that a carer can be given."""


def number(running: int) -> NationalId:
    twelve = f"1{running:011d}"
    return NationalId(f"{twelve}{check_digit(twelve)}")


@pytest.fixture
def service(clock: FixedClock) -> DelegationService:
    return DelegationService(clock, KEYS, PeopleRegister(KEYS, clock))


@pytest.fixture
def order() -> Guardianship:
    return Guardianship(new_id(), new_id(), WARD, GUARDIAN, ward_born=date(2010, 3, 1))


async def registered(database: Database, service: DelegationService, order: Guardianship) -> Delegation:
    async with database.write() as session:
        return await service.register_guardianship(session, order, officer=new_id(), agency=AGENCY)


async def holds(database: Database, service: DelegationService, row: Delegation) -> bool:
    async with database.write() as session:
        return await service.live(session, row.id, row.delegate) is not None


@pytest.mark.parametrize(
    ("born", "until", "ends_on"),
    [
        (date(2010, 3, 1), None, date(2030, 3, 1)),
        (date(2008, 2, 29), None, date(2028, 2, 29)),
        (date(2010, 3, 1), date(2026, 12, 31), date(2027, 1, 1)),
        (date(2010, 3, 1), date(2040, 1, 1), date(2030, 3, 1)),
        (None, date(2026, 11, 16), date(2026, 11, 17)),
    ],
)
async def test_a_guardians_right_ends_with_the_order_or_with_minority(
    database: Database, clock: FixedClock, service: DelegationService, order: Guardianship,
    born: date | None, until: date | None, ends_on: date,
) -> None:  # fmt: skip
    row = await registered(database, service, replace(order, ward_born=born, until=until))
    assert row.ends_on == ends_on
    midnight = datetime(ends_on.year, ends_on.month, ends_on.day, tzinfo=BANGKOK)
    clock.set(midnight - timedelta(microseconds=1))
    assert await holds(database, service, row)
    clock.set(midnight)
    assert not await holds(database, service, row)


@pytest.mark.parametrize(
    "given",
    [
        {"ward_born": None, "until": None},
        {"ward_born": date(2006, 11, 16)},
        {"ward_born": None, "until": date(2026, 11, 15)},
        {"scopes": (Scope.APPLY,)},
        {"scopes": ()},
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(
    database: Database, service: DelegationService, order: Guardianship, given: Mapping[str, Any]
) -> None:
    with pytest.raises(BadInput):
        await registered(database, service, replace(order, **given))


async def test_both_sides_are_told_and_the_trail_names_the_officer_and_the_agency(
    database: Database, service: DelegationService, order: Guardianship
) -> None:
    row = await registered(database, service, order)
    async with database.read() as session:
        [event] = await service.events(session, order.ward, row.id)
        told = (await session.scalars(select(Message))).all()
        with pytest.raises(NotFound):
            await service.events(session, new_id(), row.id)
    assert (event.kind, event.by, event.by_officer_of) == (Step.REGISTERED, row.proposed_by, AGENCY)
    assert {(m.person, m.template) for m in told} == {
        (order.ward, "delegation.acts-for-you"), (order.guardian, "delegation.you-act"),
    }  # fmt: skip
    assert service.names(row) == {"person": WARD, "delegate": GUARDIAN}


async def test_the_ward_does_not_end_it_the_guardian_and_officers_do(
    database: Database, service: DelegationService, order: Guardianship
) -> None:
    row = await registered(database, service, order)
    with pytest.raises(EndedByOfficersOnly):
        async with database.write() as session:
            await service.end(session, order.ward, row.id)
    async with database.write() as session:
        ended = await service.end_guardianship(session, row.id, officer=new_id(), agency=AGENCY)
    assert ended.end_reason == EndReason.OFFICER
    assert not await holds(database, service, row)
    with pytest.raises(DelegationOver):
        async with database.write() as session:
            await service.end_guardianship(session, row.id, officer=new_id(), agency=AGENCY)
    again = await registered(database, service, order)
    async with database.write() as session:
        assert (await service.end(session, order.guardian, again.id)).end_reason == EndReason.RENOUNCED


async def test_officers_end_guardianships_and_nothing_else(
    database: Database, clock: FixedClock, service: DelegationService
) -> None:
    _, row = await proposed(database, clock, service)
    with pytest.raises(NotFound):
        async with database.write() as session:
            await service.end_guardianship(session, row.id, officer=new_id(), agency=AGENCY)


async def test_who_has_a_guardian_is_nobodys(
    database: Database, service: DelegationService, order: Guardianship
) -> None:
    await registered(database, service, order)
    other = Guardianship(new_id(), order.ward, WARD, GUARDIAN, until=date(2027, 1, 1))
    with pytest.raises(UnderGuardianship):
        await registered(database, service, other)
    with pytest.raises(AlreadyDelegated):
        await registered(database, service, order)
    with pytest.raises(NotToOneself):
        await registered(database, service, replace(order, guardian=order.ward))


async def test_who_gets_a_guardian_acts_for_nobody_any_more(
    database: Database, clock: FixedClock, service: DelegationService
) -> None:
    made, row = await proposed(database, clock, service)
    async with database.write() as session:
        side = await made.side(row.delegate, Direction.I_ACT, request=new_id())
        await service.accept(session, row.delegate, row.id, side)
    assert await holds(database, service, row)
    await registered(database, service, Guardianship(row.delegate, new_id(), WARD, GUARDIAN, until=date(2027, 1, 1)))
    assert not await holds(database, service, row)
    async with database.write() as session:
        with pytest.raises(UnderGuardianship):
            await service.propose(
                session,
                Offer(Kind.CARER, Direction.I_ACT, row.delegate, number(7), (Scope.VIEW,), clock.today(),
                      clock.today() + timedelta(days=1), WARD),
            )  # fmt: skip


class Told:
    """The registers, saying what the test says."""

    def __init__(self) -> None:
        self.of: dict[UUID, Standing] = {}
        self.cards: dict[UUID, bool | None] = {}
        self.children: dict[UUID, tuple[UUID, ...]] = {}

    async def standing(self, person: UUID, *, request: UUID) -> Standing:
        return self.of[person]

    async def has_disability(self, person: UUID, *, request: UUID) -> bool:
        if (card := self.cards.get(person)) is None:
            raise ServiceUnavailable("dep")
        return card

    async def minor_children(self, parent: UUID, *, request: UUID) -> tuple[UUID, ...]:
        return self.children.get(parent, ())

    async def child(self, parent: UUID, child: UUID, *, request: UUID) -> Standing | None:
        return self.of.get(child)


async def offers(database: Database, clock: FixedClock, *people: Standing) -> tuple[Offers, Told, list[UUID]]:
    register, ties = PeopleRegister(KEYS, clock), Told()
    async with database.write() as session:
        found = await register.resolve(session, [number(n) for n in range(len(people))])
    keys = [found[number(n).digits] for n in range(len(people))]
    ties.of = dict(zip(keys, people, strict=True))
    return Offers(database, clock, register, ties), ties, keys


def standing(born: date) -> Standing:
    return Standing(Text(th="ก", en="k"), born)


async def proposed(database: Database, clock: FixedClock, service: DelegationService) -> tuple[Offers, Delegation]:
    made, _, [elder, _] = await offers(database, clock, standing(date(1950, 1, 1)), standing(date(1990, 1, 1)))
    offer = await made.offer(elder, Wish(Kind.CARER, Direction.ACTS_FOR_ME, number(1), CARERS), request=new_id())
    async with database.write() as session:
        return made, await service.propose(session, offer)


@pytest.mark.parametrize(
    ("born", "card", "error"),
    [
        (date(1966, 11, 16), None, None),
        (date(1966, 11, 17), False, NoCarerNeeded),
        (date(1966, 11, 17), True, None),
        (date(1966, 11, 17), None, ServiceUnavailable),
        (date(2006, 11, 16), True, None),
        (date(2006, 11, 17), True, TooYoung),
        (date(1966, 11, 15), None, None),
    ],
)
async def test_who_may_have_a_carer(
    database: Database, clock: FixedClock, born: date, card: bool | None, error: type[Exception] | None
) -> None:
    made, ties, [person] = await offers(database, clock, standing(born))
    ties.cards[person] = card
    wish = Wish(Kind.CARER, Direction.ACTS_FOR_ME, number(5), [Scope.VIEW])
    if error is None:
        assert (await made.offer(person, wish, request=new_id())).ends_on == date(2027, 11, 16)
        return
    with pytest.raises(error):
        await made.offer(person, wish, request=new_id())


@pytest.mark.parametrize(("born", "allowed"), [(date(2006, 11, 16), True), (date(2006, 11, 17), False)])
async def test_who_acts_is_of_age_parents_too(database: Database, clock: FixedClock, born: date, allowed: bool) -> None:
    made, ties, [parent, child] = await offers(database, clock, standing(born), standing(date(2024, 5, 1)))
    ties.children[parent] = (child,)
    for kind in (Kind.PARENT, Kind.CARER):
        wish = Wish(kind, Direction.I_ACT, number(1), [Scope.VIEW])
        if allowed:
            assert (await made.offer(parent, wish, request=new_id())).by == parent
            continue
        with pytest.raises(TooYoung):
            await made.offer(parent, wish, request=new_id())


async def test_the_end_of_a_delegation_ends_every_token_that_came_of_it(
    database: Database, clock: FixedClock, service: DelegationService
) -> None:
    made, row = await proposed(database, clock, service)
    family = new_id()
    async with database.write() as session:
        await seed_clients(session, clock)
        side = await made.side(row.delegate, Direction.I_ACT, request=new_id())
        await service.accept(session, row.delegate, row.id, side)
        values: dict[str, Any] = {
            "person": row.person, "id": family, "client": "demo-app", "session": None, "scope": "citizen",
            "resources": [], "acr": "ial2.3-aal2.1", "amr": [], "auth_time": clock.now(), "dpop_jkt": None,
            "delegation": row.id, "actor": row.delegate, "created_at": clock.now(),
            "expires_at": clock.now() + timedelta(hours=1),
        }  # fmt: skip
        session.add(TokenFamily(**values))
    async with database.write() as session:
        await service.end(session, row.person, row.id)
    async with database.read() as session:
        kept = (await session.scalars(select(TokenFamily))).one()
        revoked = (await session.scalars(select(col(Revocation.id)))).all()
        steps = [e.kind for e in await session.scalars(select(DelegationEvent).order_by(col(DelegationEvent.id)))]
    assert (kept.end_reason, list(revoked), steps) == ("DELEGATION_ENDED", [family], ["PROPOSED", "ACCEPTED", "ENDED"])


async def test_no_carer_is_let_to_consent_for_somebody(database: Database, clock: FixedClock) -> None:
    """Who is of age agrees themself (PDPA s.19): parental power and guardianship come from the law, care does not."""
    made, _, _ = await offers(database, clock)
    for direction in Direction:
        wish = Wish(Kind.CARER, direction, number(1), list(Scope))
        with pytest.raises(BadInput) as refused:
            await made.offer(new_id(), wish, request=new_id())
        assert refused.value.path == ("scopes",)


async def test_what_the_provider_is_told(database: Database, clock: FixedClock, service: DelegationService) -> None:
    made, row = await proposed(database, clock, service)
    async with database.write() as session:
        assert await service.live(session, row.id, row.delegate) is None, "it waits for the other side"
        side = await made.side(row.delegate, Direction.I_ACT, request=new_id())
        await service.accept(session, row.delegate, row.id, side)
        told = await service.live(session, row.id, row.delegate)
        assert await service.live(session, row.id, row.person) is None
        assert await service.live(session, new_id(), row.delegate) is None
    assert told is not None
    assert (told.person, told.scopes) == (row.person, frozenset({"VIEW", "APPLY", "RECEIVE"}))
    assert told.ends_at == datetime(2027, 11, 16, tzinfo=BANGKOK)


async def test_a_lapsed_or_expired_one_makes_room_for_another(
    database: Database, clock: FixedClock, service: DelegationService
) -> None:
    _, row = await proposed(database, clock, service)
    clock.advance(timedelta(days=31))
    async with database.write() as session:
        offer = await _again(database, clock, row.person)
        newer = await service.propose(session, offer)
    async with database.read() as session:
        rows = {r.id: r.end_reason for r in await session.scalars(select(Delegation))}
    assert rows == {row.id: EndReason.EXPIRED, newer.id: None}


async def _again(database: Database, clock: FixedClock, elder: UUID) -> Any:
    ties = Told()
    ties.of = {elder: standing(date(1950, 1, 1))}
    made = Offers(database, clock, PeopleRegister(KEYS, clock), ties)
    return await made.offer(elder, Wish(Kind.CARER, Direction.ACTS_FOR_ME, number(1), [Scope.VIEW]), request=new_id())


async def test_the_tables_themselves_refuse_what_makes_no_sense(
    database: Database, service: DelegationService, order: Guardianship
) -> None:
    row = await registered(database, service, order)
    for change in ("delegate = person", "ends_on = starts_on"):
        with pytest.raises(IntegrityError):
            async with database.write() as session:
                await session.execute(text(f"UPDATE delegation SET {change}"))  # noqa: S608 - the test's own words
    assert await holds(database, service, row)


async def test_however_many_have_ended_since_what_holds_is_listed(
    database: Database, clock: FixedClock, service: DelegationService
) -> None:
    """Whoever acts for somebody could else propose and withdraw until the other side finds them nowhere."""
    made, row = await proposed(database, clock, service)
    async with database.write() as session:
        side = await made.side(row.delegate, Direction.I_ACT, request=new_id())
        await service.accept(session, row.delegate, row.id, side)
        values = {name: getattr(row, name) for name in Delegation.model_fields}
        over = {"ended_at": clock.now(), "ended_by": row.delegate, "end_reason": "WITHDRAWN", "accepted_at": None}
        session.add_all(Delegation(**{**values, **over, "id": new_id()}) for _ in range(LISTED_MAX + 1))
    async with database.read() as session:
        listed = await DelegationRepository(session).of(row.person)
        accepted = await DelegationRepository(session).accepted(row.person, row.delegate)
    assert row.id in [one.id for one in listed]
    assert [one.id for one in listed] == sorted((one.id for one in listed), reverse=True)
    assert len(listed) == LISTED_MAX + 1
    assert [one.id for one in accepted] == [row.id]


async def test_nor_does_a_parent_propose_and_end_without_end(
    database: Database, clock: FixedClock, service: DelegationService
) -> None:
    """Each time the child gets two messages."""
    made, ties, [parent, child] = await offers(database, clock, standing(date(1990, 1, 1)), standing(date(2012, 5, 1)))
    ties.children[parent] = (child,)
    wish = Wish(Kind.PARENT, Direction.I_ACT, number(1), [Scope.VIEW])
    for _ in range(PROPOSALS_MAX):
        async with database.write() as session:
            row = await service.propose(session, await made.offer(parent, wish, request=new_id()))
            await service.end(session, parent, row.id)
    with pytest.raises(TooManyProposals):
        async with database.write() as session:
            await service.propose(session, await made.offer(parent, wish, request=new_id()))
    clock.advance(timedelta(days=1))
    async with database.write() as session:
        await service.propose(session, await made.offer(parent, wish, request=new_id()))
