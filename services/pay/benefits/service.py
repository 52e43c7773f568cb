"""Owes what agencies' services award: each once, by plugin and reference (docs/adr/0044).

Of an award comes one instalment of the month in which it came, which is planned, approved by a second officer of the
agency, and paid as every other. Whoever it is for need not have signed in here ever: the money goes to PromptPay on the
national ID unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.ids import NationalId, new_id
from core.money import Money
from core.text import Text
from core.working_days import WorkingDays, WorkingDaysUnknown, thai_working_days
from identity.inbox.models import ChangeKind
from services.pay.awards import period_of
from services.pay.benefits import replacing
from services.pay.benefits.models import Benefit
from services.pay.benefits.subjects import subject_of
from services.pay.messages import MESSAGES
from services.pay.models import Award, Instalment
from services.pay.needs import Notices
from services.pay.states import InstalmentStatus
from services.pay.writing import insert_new
from services.plugins.contract import Award as Awarded
from services.plugins.contract import Manifest, Titles
from services.plugins.records.awards import Refused

AWARDED: Final = MESSAGES["pay.benefit"]
_BENEFITS: Final = UUID("9d6f4c31-7a52-4d0e-8b1b-3f6f2a9c5e07")


class People(Protocol):
    """`identity.people.register.PeopleRegister` is one."""

    async def resolve(self, session: AsyncSession, national_ids: Collection[NationalId]) -> Mapping[str, UUID]: ...


class Benefits:
    """Fulfils `services.plugins.records.awards.Benefits`."""

    def __init__(self, clock: Clock, people: People, notices: Notices, days: WorkingDays | None = None) -> None:
        self._clock, self._people, self._notices = clock, people, notices
        self._days = days or thai_working_days()

    async def owe(
        self, session: AsyncSession, manifest: Manifest, awards: Sequence[Awarded]
    ) -> Mapping[int, Refused] | None:
        """The records of which nothing is owed, and why. None where a twin made it so just now; the caller then keeps
        nothing."""
        people = await self._people.resolve(session, [NationalId(one.pid) for one in awards])
        replaced = [benefit_id(manifest.slug, one.instead_of) for one in awards if one.instead_of is not None]
        held = await replacing.hold(session, manifest.agency.slug, replaced)
        known = await _known(session, manifest, awards)
        refused = _contradicting(known, awards, people)
        for one in awards:
            if one.instead_of is None or one.reference in known or one.record in refused:
                continue
            old = held.get(benefit_id(manifest.slug, one.instead_of))
            if not await self._replaces(session, old, one.satang):
                refused[one.record] = Refused.UNDER_WAY
        for one in sorted(awards, key=lambda one: one.reference):  # in one order, as two at once never wait crosswise
            if one.record not in refused and not await self._owe(session, manifest, one, people[one.pid]):
                return None
        return refused

    async def _replaces(self, session: AsyncSession, old: Award | None, satang: int) -> bool:
        """Whether that award is owed no more, because as much is owed to another."""
        returned = [] if old is None else await replacing.came_back(session, old)
        if old is None or not returned or {one.satang for one in returned} != {satang}:
            return False
        await replacing.end(session, old, returned, self._clock.now())
        await self._notices.announce(session, old.person, ChangeKind.PAYMENT, returned[-1].id)
        return True

    async def _owe(self, session: AsyncSession, manifest: Manifest, award: Awarded, person: UUID) -> bool:
        now = self._clock.now()
        row = {
            "person": person,
            "id": benefit_id(manifest.slug, award.reference),
            "plugin": manifest.slug,
            "reference": award.reference,
            "satang": award.satang,
            "law": _written(award.law),
            "law_since": award.since,
            "told": None,
            "told_at": None,
            "times_told": 0,
            "created_at": now,
        }
        if not await insert_new(session, Benefit, [row]):
            known = (await session.scalars(select(Benefit).where(col(Benefit.id) == row["id"]))).one()
            return (known.person, known.satang) == (person, award.satang)
        payment = await self._schedule(session, manifest, award, row)
        title, law = award.title.text, award.law.text
        agency = manifest.agency.title.text
        money = Money(award.satang)
        await self._notices.send(session, person, AWARDED, title=title, amount=money, agency=agency, law=law)
        await self._notices.announce(session, person, ChangeKind.PAYMENT, payment)
        return True

    async def _schedule(
        self, session: AsyncSession, manifest: Manifest, award: Awarded, row: Mapping[str, Any]
    ) -> UUID:
        """The instalment. It alone pays an award that ends with its month: what was approved before an end stays due,
        also where it came back and is paid again."""
        period = period_of(self._clock.today())
        key, instalment = new_id(), new_id()
        same = {
            "person": row["person"],
            "beneficiary": row["person"],
            "subject": subject_of(manifest.slug, row["id"]),
            "agency": manifest.agency.slug,
            "created_at": row["created_at"],
        }
        session.add(
            Award(
                id=key,
                application=row["id"],
                title=_written(award.title),
                starts_on=period,
                ends_on=_month_after(period),
                **same,
            )
        )
        await session.flush()
        session.add(
            Instalment(
                id=instalment,
                award=key,
                period=period,
                satang=award.satang,
                due_on=self._next_bank_day(),
                status=InstalmentStatus.SCHEDULED.value,
                **same,
            )
        )
        await session.flush()
        return instalment

    def _next_bank_day(self) -> date:
        today = self._clock.today()
        try:
            return self._days.next_bank_day(today)
        except WorkingDaysUnknown:
            return today


async def _known(session: AsyncSession, manifest: Manifest, awards: Sequence[Awarded]) -> dict[str, tuple[UUID, int]]:
    """Whose they are and how much, by reference."""
    keys = sorted(benefit_id(manifest.slug, one.reference) for one in awards)
    known = await session.scalars(select(Benefit).where(col(Benefit.id).in_(keys)))
    return {one.reference: (one.person, one.satang) for one in known}


def _contradicting(
    known: Mapping[str, tuple[UUID, int]], awards: Sequence[Awarded], people: Mapping[str, UUID]
) -> dict[int, Refused]:
    """Records of which an award says otherwise than what is there, or than what comes before it in the same answer."""
    owed = dict(known)
    said = [(one, (people[one.pid], one.satang)) for one in awards]
    return {one.record: Refused.OTHERWISE for one, what in said if owed.setdefault(one.reference, what) != what}


def benefit_id(plugin: str, reference: str) -> UUID:
    return uuid5(_BENEFITS, f"{plugin}:{reference}")


def _written(titles: Titles) -> dict[str, str]:
    text: Text = titles.text
    return {"th": text.th, "en": text.en}


def _month_after(period: date) -> date:
    return date(period.year + period.month // 12, period.month % 12 + 1, 1)
