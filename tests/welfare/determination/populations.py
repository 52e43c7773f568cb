"""A made-up population behind the exchange, three programmes of one agency, and its two officers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random  # noqa: TID251 (made-up people from a seed)
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.database import Database
from core.ids import new_id
from core.money import Money
from identity.inbox.models import Message
from identity.inbox.service import Inbox
from identity.officers.register import Officer
from identity.proposals.acts import ProposalKind
from identity.proposals.service import Proposals
from services.apply.models import Application
from services.apply.reassessing import CorrectedFact
from services.exchange.privacy.bars import StoppedUses
from tests.identity.officers_of_tests import REASON, Office, number
from tests.services.exchange.fakes import CATALOGUE, KEYS, Exchange, national_id, of_steward
from welfare.determination.acts import APPROVES, PROPOSES, BulkAct
from welfare.determination.models import DeterminationAnswer, DeterminationRun, EntitlementSpell
from welfare.determination.service import Determinations
from welfare.determination.telling import NewlyEntitled
from welfare.entitlements.room import programmes_over, vocabulary_of
from welfare.programmes import Programme, ProgrammeCatalogue, evaluate, load_programme

OLD_AGE, LOW_INCOME, RESIDENT = "old-age-allowance", "low-income", "resident"
ALL: Final = (LOW_INCOME, OLD_AGE, RESIDENT)
VOCABULARY: Final = vocabulary_of(CATALOGUE)
_FORM: Final = """
programme: {slug}
th: โครงการ{slug}
en: "{slug}"
payer: {payer}
for_each: person
payday: 10
back_pay: false
source: made up
conditions:
  first: {{th: ตามเงื่อนไขของ{slug}, en: "fulfils the condition of {slug}", if: "{rule}"}}
benefits:
  allowance: {{th: เบี้ย, en: allowance, cadence: MONTH, per: PERSON, amount: ":amount"}}
versions:
- from: {starts}
  status: in_force
  law: {{th: ระเบียบ{slug}, en: "rule on {slug}"}}
  with: {{limit: "{limit} baht", amount: {amount} baht}}
  all_of: {{first: ข้อ 1}}
  benefits: [allowance]
"""


def written(slug: str, rule: str, *, payer: str = "dla", amount: int = 100, starts: str = "2020-01-01") -> str:
    """`:limit` is 100,000 baht."""
    text = _FORM.format(slug=slug, rule=rule, payer=payer, amount=amount, starts=starts, limit="100,000")
    return text if ":limit" in rule else text.replace('limit: "100,000 baht", ', "")


def programme(slug: str, rule: str, **more: Any) -> Programme:
    return load_programme(written(slug, rule, **more), f"{slug}.yaml", VOCABULARY)


PROGRAMMES: Final = ProgrammeCatalogue(
    tuple(
        sorted(
            (
                programmes_over(CATALOGUE)[OLD_AGE],
                programmes_over(CATALOGUE)["aids-allowance"],
                programmes_over(CATALOGUE)["disability-allowance"],
                programme(LOW_INCOME, "annual_income <= :limit"),
                programme(RESIDENT, "household_registered AND nationality = 'thai'"),
                programme("of-another", "household_registered", payer="cgd"),
                programme("of-their-own-word", "household_registered AND without_support"),
            ),
            key=lambda one: one.slug,
        )
    )
)


@dataclass
class Corrected:
    """What was put right, as a test says."""

    facts: list[CorrectedFact] = field(default_factory=list)

    async def corrected_since(self, _session: AsyncSession, at: datetime) -> Sequence[CorrectedFact]:
        return [one for one in self.facts if one.at >= at]


@dataclass
class Land:
    database: Database
    redis: Redis
    clock: FixedClock
    programmes: ProgrammeCatalogue = PROGRAMMES
    corrected: Corrected = field(default_factory=Corrected)

    def __post_init__(self) -> None:
        others = [of_steward(one) for one in ("cgd", "dla", "dep", "dol", "sso", "nhso", "slf", "mhesi")]
        self.exchange = Exchange(self.database, self.redis, self.clock, others=list(others))
        self.sources = {one.agency: one for one in (self.exchange.dopa, self.exchange.rd, *others)}
        self.office = Office(self.database, KEYS, self.clock)
        self.inbox = Inbox(self.clock)
        self.people: dict[UUID, dict[str, Any]] = {}
        self.again()

    def again(self) -> None:
        """As another process would have it."""
        self.exchange.gate = gate = self.exchange.new_gate()
        act = BulkAct(self.clock, gate.bulk, CATALOGUE, self.programmes)
        self.proposals = Proposals(KEYS, self.clock, self.office.officers, self.inbox, [act])
        self.attestor = Attestor(self.database, KEYS, self.clock, "https://sitthi.example")
        self.determinations = Determinations(
            self.database, self.clock, gate.bulk, CATALOGUE, self.programmes, self.attestor, self.corrected, gate
        )
        bars, people = StoppedUses(), self.exchange.people
        self.telling = NewlyEntitled(self.database, self.clock, CATALOGUE, self.programmes, self.inbox, bars, people)

    async def populate(self, count: int, seed: int = 1) -> None:
        dice = Random(seed)
        numbers = [national_id(10_000 + n) for n in range(count)]
        async with self.database.write() as session:
            keys = await self.exchange.people.resolve(session, numbers)
        for one in numbers:
            self.say(keys[one.digits], one, _drawn(dice))
            self.exchange.ids[keys[one.digits].hex] = one

    def say(self, person: UUID, number: Any, facts: Mapping[str, Any]) -> None:
        """What the authorities say of somebody, from now on. A fact that is None is unknown."""
        self.people.setdefault(person, {}).update(facts)
        for name, value in facts.items():
            record = self.sources[CATALOGUE.attribute(name).steward].file.setdefault(number, {})
            record.pop(name, None)
            if value is not None:
                record[name] = value

    def change(self, person: UUID, **facts: Any) -> None:
        """As above, of somebody who is there; it is a correction, which the register's followers hear of."""
        self.say(person, self.exchange.ids[person.hex], facts)
        now = self.clock.now()
        self.corrected.facts += [CorrectedFact(new_id(), person, name, now) for name in facts]

    async def officers(self, agency: str = "dla") -> tuple[Officer, Officer]:
        """Of whom the authorities say nothing; they are in the population like everybody."""
        pair = await self.office.officer(1, agency, PROPOSES), await self.office.officer(2, agency, APPROVES)
        for one in pair:
            self.people.setdefault(one.person, {})
            self.exchange.ids[one.person.hex] = number(1 if one is pair[0] else 2)
        return pair

    async def propose(self, maker: Officer, **given: Any) -> UUID:
        asked = {"purpose": "welfare-register", "programmes": list(ALL), "keep_days": 30} | given
        async with self.database.write() as session:
            return await self.proposals.propose(session, maker, ProposalKind.BULK_RUN, asked, REASON)

    async def decided(self, **given: Any) -> UUID:
        """A run that two officers decided on; nothing is read yet."""
        maker, checker = await self.officers()
        proposal = await self.propose(maker, **given)
        async with self.database.write() as session:
            await self.proposals.approve(session, checker, proposal)
        return proposal

    async def row(self, run: UUID) -> DeterminationRun:
        async with self.database.read() as session:
            row = await session.get(DeterminationRun, run)
        assert row is not None
        return row

    async def answers(self, run: UUID) -> dict[tuple[UUID, str], str]:
        async with self.database.read() as session:
            rows = await session.scalars(select(DeterminationAnswer).where(col(DeterminationAnswer.run) == run))
            return {(row.person, row.programme): row.outcome for row in rows if row.beneficiary == row.person}

    async def answers_on_children(self, run: UUID) -> dict[tuple[UUID, str, UUID], str]:
        """With those on people themselves."""
        async with self.database.read() as session:
            rows = await session.scalars(select(DeterminationAnswer).where(col(DeterminationAnswer.run) == run))
            return {(row.person, row.programme, row.beneficiary): row.outcome for row in rows}

    async def spells(self, person: UUID, slug: str) -> list[EntitlementSpell]:
        query = select(EntitlementSpell).where(
            col(EntitlementSpell.person) == person, col(EntitlementSpell.programme) == slug
        )
        async with self.database.read() as session:
            return list((await session.scalars(query.order_by(col(EntitlementSpell.number)))).all())

    async def told(self, person: UUID) -> list[Message]:
        query = select(Message).where(col(Message.person) == person, col(Message.template) == "welfare.newly_entitled")
        async with self.database.read() as session:
            return list((await session.scalars(query.order_by(col(Message.id)))).all())

    def single(self, slugs: Sequence[str] = ALL, on: date | None = None) -> dict[tuple[UUID, str], str]:
        """Everybody decided one at a time, by Python; without those who are not entitled."""
        found = {}
        for slug in slugs:
            version = self.programmes[slug].version_on(on or self.clock.today())
            for person, facts in self.people.items() if version is not None else ():
                assert version is not None
                outcome = evaluate(version, facts, None, on or self.clock.today()).outcome.value
                if outcome != "UNMET":
                    found[person, slug] = outcome
        return found

    async def applies(
        self, person: UUID, slug: str, status: str = "SUBMITTED", beneficiary: UUID | None = None
    ) -> None:
        now, key = self.clock.now(), new_id()
        async with self.database.write() as session:
            session.add(
                Application(
                    person=person,
                    id=key,
                    beneficiary=beneficiary or person,
                    unit_key=f"person:{(beneficiary or person).hex}",
                    subject=f"programme:{slug}",
                    title={"th": slug, "en": slug},
                    status=status,
                    version=1,
                    answers_sealed=b"",
                    missing=[],
                    created_at=now,
                    updated_at=now,
                )
            )


def _drawn(dice: Random) -> dict[str, Any]:
    """Facts beside the boundaries of the rules; some unknown."""
    year = dice.choice((1930, 1945, 1956, 1966, 1967, 1990, 2015))
    return {
        "birth_date": date(year, dice.randint(1, 12), dice.randint(1, 28)),
        "deceased": dice.choice((False, False, False, False, True, None)),
        "nationality": dice.choice(("thai", "thai", "thai", "other", None)),
        "household_registered": dice.choice((True, True, True, False, None)),
        "state_benefit": dice.choice((False, False, True, None)),
        "old_age_registered": dice.choice((True, False)),
        "old_age_registered_on": dice.choice((date(2020, 1, 1), date(2024, 1, 1), None)),
        "annual_income": dice.choice((Money(0), Money.baht(100_000), Money(10_000_001), Money.baht(900_000), None)),
        "province": dice.choice(("th10", "th50", "th90")),
    }


def alive_person(**more: Any) -> dict[str, Any]:
    """Entitled to all three programmes, and known whole."""
    return {
        "birth_date": date(1950, 1, 1),
        "deceased": False,
        "nationality": "thai",
        "household_registered": True,
        "state_benefit": False,
        "old_age_registered": True,
        "old_age_registered_on": date(2020, 1, 1),
        "annual_income": Money(0),
        "province": "th10",
    } | more
