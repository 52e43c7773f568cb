"""The register of people: the one place that turns a national ID into a person's key and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import NotFound
from core.ids import NationalId, new_id
from core.sealed import bound_to
from identity.people.errors import NationalIdTaken, SameNationalId
from identity.people.models import FormerNationalId, Person


class PeopleRegister:
    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    async def find(self, session: AsyncSession, national_id: NationalId) -> UUID | None:
        known = await self._known(session, [self._index(national_id)])
        return next(iter(known.values()), None)

    async def resolve(self, session: AsyncSession, national_ids: Iterable[NationalId]) -> Mapping[str, UUID]:
        """Keys of these people by the digits of their national IDs; whoever is new is entered.

        `session` is a write session. Two processes that enter the same person agree on one key.
        """
        wanted = {self._index(n): n for n in national_ids}
        known = await self._known(session, wanted)
        new = [n for index, n in sorted(wanted.items()) if index not in known]
        if new:
            dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
            rows = [self._row(n) for n in new]
            await session.execute(dialect.insert(Person).values(rows).on_conflict_do_nothing())
            known = await self._known(session, wanted)
        return {wanted[index].digits: key for index, key in known.items()}

    async def there(self, session: AsyncSession, people: Collection[UUID]) -> frozenset[UUID]:
        """Those of these keys under which somebody is in the register now: who left is not."""
        if not people:
            return frozenset()
        found = await session.scalars(select(col(Person.id)).where(col(Person.id).in_(list(people))))
        return frozenset(found)

    async def keep_there(self, session: AsyncSession, person: UUID) -> bool:
        """Whether the person is in the register. Who is, cannot leave before `session`, a write session, ends."""
        query = select(col(Person.id)).where(col(Person.id) == person).with_for_update(read=True, key_share=True)
        return await session.scalar(query) is not None

    async def reveal(self, session: AsyncSession, person: UUID) -> NationalId:
        """The national ID of a person. Raises :class:`NotFound`."""
        sealed = await session.scalar(select(col(Person.national_id_sealed)).where(col(Person.id) == person))
        if sealed is None:
            raise NotFound
        return NationalId(self._keys.open(sealed, bound_to=_binding(person)).decode())

    async def reveal_all(self, session: AsyncSession, people: Collection[UUID]) -> Mapping[UUID, NationalId]:
        """The national IDs of these people; whoever is not registered is left out."""
        query = select(col(Person.id), col(Person.national_id_sealed)).where(col(Person.id).in_(list(people)))
        return {
            person: NationalId(self._keys.open(sealed, bound_to=_binding(person)).decode())
            for person, sealed in (await session.execute(query)).tuples()
        }

    async def correct(self, session: AsyncSession, person: UUID, new: NationalId, *, by: str) -> None:
        """The person's number was wrong; from now on they are found by this one, and their account stays theirs.

        The former number is kept sealed (`by` says who decided) and leads to nobody: whoever it belongs to gets an
        account of their own. Who is signed in and what is cached of the person are the caller's to end
        (:class:`identity.people.correction.Correction`). Raises :class:`NotFound`, :class:`SameNationalId`,
        :class:`NationalIdTaken` when the new number has an account already, also one that was entered just now.
        """
        row = await session.get(Person, person, with_for_update=True, populate_existing=True)
        if row is None:
            raise NotFound
        if row.national_id_index == self._index(new):
            raise SameNationalId
        if await self.find(session, new) is not None:
            raise NationalIdTaken
        former = self._keys.open(row.national_id_sealed, bound_to=_binding(person))
        key = new_id()
        session.add(
            FormerNationalId(
                person=person,
                id=key,
                national_id_sealed=self._keys.seal(former, bound_to=bound_to(FormerNationalId.national_id_sealed, key)),
                corrected_by=by,
                corrected_at=self._clock.now(),
            )
        )
        row.national_id_index = self._index(new)
        row.national_id_sealed = self._keys.seal(new.digits.encode(), bound_to=_binding(person))
        try:
            await session.flush()
        except IntegrityError:  # another process entered that number between our look and our change
            raise NationalIdTaken from None

    async def former(self, session: AsyncSession, person: UUID) -> Sequence[NationalId]:
        """The numbers the person was once known by, first the first."""
        rows = await session.scalars(
            select(FormerNationalId).where(col(FormerNationalId.person) == person).order_by(col(FormerNationalId.id))
        )
        return [
            NationalId(
                self._keys.open(
                    row.national_id_sealed, bound_to=bound_to(FormerNationalId.national_id_sealed, row.id)
                ).decode()
            )
            for row in rows
        ]

    async def _known(self, session: AsyncSession, wanted: Iterable[bytes]) -> dict[bytes, UUID]:
        found = await session.execute(
            select(col(Person.national_id_index), col(Person.id)).where(col(Person.national_id_index).in_(list(wanted)))
        )
        return dict(found.tuples().all())

    def _row(self, national_id: NationalId) -> dict[str, object]:
        key = new_id()
        return {
            "id": key,
            "national_id_index": self._index(national_id),
            "national_id_sealed": self._keys.seal(national_id.digits.encode(), bound_to=_binding(key)),
            "created_at": self._clock.now(),
        }

    def _index(self, national_id: NationalId) -> bytes:
        return self._keys.blind_index(national_id.digits, domain="national-id")


def _binding(person: UUID) -> str:
    return bound_to(Person.national_id_sealed, person)
