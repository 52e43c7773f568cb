"""Telling people what they are newly entitled to, with the reason and the law, once in each spell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, time
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import BANGKOK, Clock
from core.database import Database
from core.text import Text
from identity.inbox.service import Inbox
from services.exchange.catalogue import Catalogue, Subject
from services.exchange.facts import Purpose
from welfare.determination import repository
from welfare.determination.models import EntitlementSpell
from welfare.messages import MESSAGES
from welfare.programmes import Channel, Programme, ProgrammeCatalogue, Version

CHILD: Final = "child."
PAGE: Final = 100
QUIET_FROM: Final = time(20)
QUIET_UNTIL: Final = time(8)
NEWLY_ENTITLED: Final = MESSAGES["welfare.newly_entitled"]
HERE: Final = Text(
    th="ยื่นคำขอได้ที่นี่ โดยไม่ต้องแนบเอกสารที่รัฐมีอยู่แล้ว", en="You can apply here, without papers that the state has already."
)
AT_THE_PAYER: Final = Text(th="ยื่นคำขอได้ที่{agency}", en="You can apply to {agency}.")
_REASON: Final = Text(th="\n– {text} ({law})", en="\n– {text} ({law})")
_BECAUSE: Final = Text(th=" เพราะคุณ", en=" The reasons:")


class Bars(Protocol):
    """Who had the use of their data stopped (services.exchange.privacy.bars)."""

    async def barred(
        self, session: AsyncSession, subjects: Collection[UUID], purpose: Purpose
    ) -> Mapping[UUID, str]: ...


class People(Protocol):
    async def there(self, session: AsyncSession, people: Collection[UUID]) -> frozenset[UUID]:
        """Those who have not left."""
        ...


class NewlyEntitled:
    """The job. Any process may run it, several may at once."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        catalogue: Catalogue,
        programmes: ProgrammeCatalogue,
        inbox: Inbox,
        bars: Bars,
        people: People,
    ) -> None:
        self._db, self._clock, self._catalogue = db, clock, catalogue
        self._programmes, self._inbox, self._bars, self._people = programmes, inbox, bars, people

    async def run(self) -> int:
        """Tells whoever is to be told now; answers how many messages it sent. At night nobody's telephone rings."""
        told, after = 0, None
        while not self._is_quiet():
            async with self._db.write() as session:
                page = await repository.untold(session, PAGE, after)
                told += await self._tell(session, page.spells)
            after = page.last
            if after is None:
                break
        return told

    def _is_quiet(self) -> bool:
        now = self._clock.now().astimezone(BANGKOK).time()
        return now >= QUIET_FROM or now < QUIET_UNTIL

    async def _tell(self, session: AsyncSession, page: Sequence[EntitlementSpell]) -> int:
        """One message to each person on each programme, for however many children it is."""
        reachable = await self._reachable(session, page)
        days: dict[tuple[str, UUID], date] = {}
        for spell in page:
            day = reachable.get((spell.person, spell.programme, spell.beneficiary))
            if day is not None:
                key = (spell.programme, spell.person)
                days[key] = max(day, days.get(key, day))
        alike: dict[tuple[str, date], list[UUID]] = {}
        for (slug, person), day in days.items():
            alike.setdefault((slug, day), []).append(person)
        told = set[tuple[str, UUID]]()
        for (slug, day), people in alike.items():
            programme = self._programmes[slug]
            version = programme.version_on(self._clock.today())
            if version is None:
                continue
            await self._inbox.send_each(
                session,
                people,
                NEWLY_ENTITLED,
                programme=programme.title,
                on=day,
                law=version.law,
                reasons=self._reasons(version),
                how=self._how(programme),
            )
            told |= {(slug, person) for person in people}
        now = self._clock.now()
        for spell in page:
            if (spell.programme, spell.person) in told and (
                (spell.person, spell.programme, spell.beneficiary) in reachable
            ):
                spell.told_at = now
        return len(told)

    async def _reachable(
        self, session: AsyncSession, page: Sequence[EntitlementSpell]
    ) -> dict[tuple[UUID, str, UUID], date]:
        """Who may be told of what for whom, and as of which day the rules said yes: those whom a run that still stands
        says so of, who live, are with us and have not had it stopped; where nobody has applied, for it or for what one
        may not have beside it."""
        people = {spell.person for spell in page}
        if not people:
            return {}
        gone = people - await self._people.there(session, people) | await repository.died(session, people)
        for purpose in {spell.purpose for spell in page}:
            asked_for = {spell.person for spell in page if spell.purpose == purpose}
            gone |= set(await self._barred(session, asked_for, purpose))
        found: dict[tuple[UUID, str, UUID], date] = {}
        for slug in {spell.programme for spell in page if self._programmes.get(spell.programme) is not None}:
            some = [spell for spell in page if spell.programme == slug and spell.person not in gone]
            days = await repository.standing(session, slug, {spell.person for spell in some}, self._clock.now())
            instead = [slug, *(one.programme for one in self._programmes.exclusions(slug))]
            applied = await repository.applied(session, instead, {spell.beneficiary for spell in some})
            for spell in some:
                key = (spell.person, spell.beneficiary)
                if key in days and spell.beneficiary not in applied:
                    found[spell.person, slug, spell.beneficiary] = days[key]
        return found

    async def _barred(self, session: AsyncSession, people: Collection[UUID], purpose: str) -> Collection[UUID]:
        entry = self._catalogue.purposes.get(purpose)
        return people if entry is None else await self._bars.barred(session, people, entry.purpose)

    def _reasons(self, version: Version) -> Text:
        """The conditions that hang on facts about the person alone, none of them sensitive. What is known of a child or
        of others in the house, and what PDPA s.26 protects, stands in no message."""
        told = [
            _REASON.filled(text=condition.text, law=condition.law)
            for condition, used in ((one, one.outcomes()[2].facts_used) for one in version.conditions)
            if all(self._may_be_named(name) for name in used)
        ]
        if not told:
            return Text(th="", en="")
        parts = [_BECAUSE, *told]
        return Text(th="".join(one.th for one in parts), en="".join(one.en for one in parts))

    def _may_be_named(self, name: str) -> bool:
        if name.startswith(CHILD):
            return False
        attribute = self._catalogue.attribute(name)
        return attribute.subject is Subject.PERSON and attribute.derived is None and not attribute.sensitive

    def _how(self, programme: Programme) -> Text:
        if programme.channel is Channel.HERE:
            return HERE
        return AT_THE_PAYER.filled(agency=self._catalogue.agency_title(programme.payer))
