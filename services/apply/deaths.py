"""Whether those whom applications are about are alive: asked of the civil register, through the gate, now and then.

A citizen finds these looks in their access log, so there is one a week and not one a day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from core.text import Text
from services.apply import repository
from services.apply.lifecycle import Lifecycle, Responsible
from services.apply.models import Application
from services.exchange.facts import PAYMENT, WELFARE_DECISION, Asker, AskerKind, Facts, Gate

EVERY_DAYS: Final = 7
PAGE: Final = 100
_AFTER_IT_CLOSED: Final = timedelta(days=2 * EVERY_DAYS)
"""So long what was closed is asked about still: once at least, and twice at most."""
_DECEASED, _DEATH_DATE = "deceased", "death_date"
_LABEL: Final = Text(th="ตรวจทะเบียนราษฎรก่อนจ่ายเงิน", en="Asking the civil register before paying")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Death:
    on: date | None
    """None where the register does not know the day."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the register says of some people: who has died; of those in neither it says nothing just now."""

    dead: Mapping[UUID, Death]
    alive: frozenset[UUID]


class DeathRegister(Protocol):
    async def ask(self, people: Collection[UUID], *, agency: str) -> Known:
        """In the name of the agency that pays. Never raises because a source is down."""
        ...

    async def near(self, person: UUID, *, agency: str) -> Sequence[UUID]:
        """Who is to hear of a death: minor children, of whom the register knows; none while nobody can say."""
        ...


class CivilRegister:
    """Implements :class:`DeathRegister` over the gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def ask(self, people: Collection[UUID], *, agency: str) -> Known:
        asked, asker = (_DECEASED, _DEATH_DATE), Asker(AskerKind.SYSTEM, "payment-watch", agency, _LABEL)
        told = await self._gate.facts_of(people, asked, asker=asker, purpose=PAYMENT)
        dead = {person: Death(_day(facts)) for person, facts in told.items() if _says(facts) is True}
        return Known(dead, frozenset(person for person, facts in told.items() if _says(facts) is False))

    async def near(self, person: UUID, *, agency: str) -> Sequence[UUID]:
        asker = Asker(AskerKind.SYSTEM, "payment-watch", agency, _LABEL, applicant=person)
        return await self._gate.children(person, asker=asker, purpose=WELFARE_DECISION) or ()


@dataclass(frozen=True, slots=True)
class Watched:
    asked: int = 0
    closed: int = 0
    silent: int = 0
    """Of whom the register said nothing; they are asked about again next time."""


class DeathWatch:
    """The job. Any process may run it: a death closes an application once."""

    def __init__(
        self, db: Database, clock: Clock, lifecycle: Lifecycle, register: DeathRegister, responsible: Responsible
    ) -> None:
        self._db, self._clock, self._lifecycle = db, clock, lifecycle
        self._register, self._responsible = register, responsible

    async def run(self) -> Watched:
        asked = closed = silent = 0
        before, closed_since = self._clock.today() - timedelta(days=EVERY_DAYS), self._clock.now() - _AFTER_IT_CLOSED
        last: UUID | None = None
        while True:
            async with self._db.read() as session:
                page = await repository.unwatched(session, before, closed_since, last, PAGE)
            by_agency: dict[str, list[Application]] = {}
            for row in page:
                if (agency := self._responsible(row.subject)) is not None:
                    by_agency.setdefault(agency, []).append(row)
            for agency, rows in by_agency.items():
                known = await self._register.ask(
                    {p for row in rows for p in (row.person, row.beneficiary)}, agency=agency
                )
                for row in rows:
                    outcome = await self._follow(row, known, agency)
                    asked, closed, silent = asked + 1, closed + (outcome is True), silent + (outcome is None)
            if len(page) < PAGE:
                return Watched(asked, closed, silent)
            last = page[-1].id

    async def _follow(self, row: Application, known: Known, agency: str) -> bool | None:
        """Whether it was closed; None where the register was silent about somebody."""
        died = next((person for person in (row.beneficiary, row.person) if person in known.dead), None)
        if died is None:
            if not {row.person, row.beneficiary} <= known.alive:
                return None
            async with self._db.write() as session:
                await repository.watched(session, row.person, row.id, self._clock.today())
            return False
        near = await self._register.near(died, agency=agency) if died == row.person else ()
        try:
            async with self._db.write() as session:
                await repository.watched(session, row.person, row.id, self._clock.today())
                return await self._lifecycle.die(
                    session, row.person, row.id, died=died, on=known.dead[died].on, near=near
                )
        except SitthiError as error:  # the others do not wait for this one
            log.warning("application.death_not_entered", application=row.id.hex, code=error.code)
            return None


def _says(facts: Facts) -> bool | None:
    fact = facts[_DECEASED]
    return fact.value if fact.known and isinstance(fact.value, bool) else None


def _day(facts: Facts) -> date | None:
    fact = facts[_DEATH_DATE]
    return fact.value if fact.known and isinstance(fact.value, date) else None
