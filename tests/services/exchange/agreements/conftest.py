from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.database import Database
from core.text import Text
from identity.officers.register import Officer
from services.exchange.agreements.models import Agreement
from services.exchange.agreements.service import AGREEMENTS_ACCEPT, AGREEMENTS_PROPOSE, Agreements
from services.exchange.facts import Asker, AskerKind, Assured, Facts
from tests.identity.officers_of_tests import REASON, Office
from tests.services.exchange.fakes import CATALOGUE, KEYS, Exchange, purpose

SERVICE = purpose("agency-service")
TERMS: dict[str, Any] = {
    "steward": "dopa",
    "requester": "sso",
    "purposes": ["agency-service"],
    "attributes": ["birth_date", "nationality"],
    "per_day": 100,
    "per_minute": 50,
    "valid_from": "2026-11-01",
    "valid_until": "2026-12-31",
    "law": "พ.ร.บ. ประกันสังคม พ.ศ. 2533",
    "confidentiality_th": "ใช้เพื่อให้บริการเท่านั้น",
    "confidentiality_en": "For the service alone.",
}


def agency(slug: str | None = "sso", *, kind: AskerKind = AskerKind.SYSTEM, bound_key: bool = True) -> Asker:
    """An agency's system that asks from outside."""
    label = Text(th="ระบบของหน่วยงาน", en="A system of an agency")
    return Asker(
        kind, "c1:benefits", slug, label, client="c1", agent="benefits", assurance=Assured(bound_key=bound_key)
    )


@dataclass
class Desk:
    """The officers of a steward and of an agency that wants to be told, and what they do."""

    exchange: Exchange
    office: Office
    steward: Officer
    requester: Officer
    agreements: Agreements = field(init=False)

    def __post_init__(self) -> None:
        self.agreements = Agreements(self.office.clock, CATALOGUE, self.office.officers)

    async def propose(self, by: Officer | None = None, agreement: UUID | None = None, **terms: Any) -> Agreement:
        async with self.office.database.write() as session:
            given = TERMS | terms
            return await self.agreements.propose(session, by or self.requester, given, REASON, agreement=agreement)

    async def accept(self, row: Agreement, by: Officer | None = None) -> Agreement:
        async with self.office.database.write() as session:
            return await self.agreements.accept(session, by or self.steward, row.agreement, row.version)

    async def act(self, what: str, row: Agreement, by: Officer | None = None) -> Agreement:
        async with self.office.database.write() as session:
            do = getattr(self.agreements, what)
            return await do(session, by or self.steward, row.agreement, row.version, REASON)  # type: ignore[no-any-return]

    async def in_force(self, **terms: Any) -> Agreement:
        return await self.accept(await self.propose(**terms))

    async def asks(self, *names: str, who: str = "mother", asker: Asker | None = None) -> Facts:
        wanted = names or ("birth_date",)
        return await self.exchange.gate.facts(self.exchange.keys[who], wanted, asker=asker or agency(), purpose=SERVICE)


@pytest.fixture
async def desk(database: Database, redis: Redis, clock: FixedClock, exchange: Exchange) -> Desk:
    office = Office(database, KEYS, clock)
    roles = (AGREEMENTS_PROPOSE, AGREEMENTS_ACCEPT)
    return Desk(exchange, office, await office.officer(1, "dopa", *roles), await office.officer(2, "sso", *roles))
