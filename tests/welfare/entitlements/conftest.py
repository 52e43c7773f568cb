"""Real programmes and a real catalogue; the gate is a table of facts in memory, with agencies that can be down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.money import Money
from services.exchange.catalogue import Catalogue, load_catalogue
from services.exchange.facts import WELFARE_DECISION, Asker, AskerKind, Fact, Facts, FactState, Purpose
from services.exchange.policy import is_minor
from welfare.entitlements.service import EntitlementService
from welfare.programmes import ProgrammeCatalogue, load_programmes, read_vocabulary

ROOT = Path(__file__).parents[3]

PERSON: Mapping[str, Any] = {
    "birth_date": date(1980, 3, 15), "deceased": False, "nationality": "thai", "household_registered": True,
    "person_status": "normal", "state_role": "none", "state_benefit": False, "old_age_registered": False,
    "disability_card": False, "state_welfare_card": False, "annual_income": Money.baht(90_000),
    "financial_assets": Money.baht(5_000), "has_credit_card": False, "home_loan": Money(0), "car_loan": Money(0),
    "house_land_area": 0, "condominium_area": 0, "other_land_area": 0, "agricultural_land_area": 0,
    "household_income": Money.baht(180_000), "household_size": 2,
}  # fmt: skip
CHILD: Mapping[str, Any] = {
    **PERSON, "birth_date": date(2025, 5, 20), "annual_income": Money(0), "lives_with_applicant": True,
    "parent_is_thai": True,
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    subject: UUID
    attributes: frozenset[str]
    asker: Asker
    purpose: Purpose


@dataclass
class TableGate:
    """Answers as the exchange does: a source that is down is UNAVAILABLE, another's grown-up child DENIED."""

    catalogue: Catalogue
    clock: FixedClock
    people: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    parents: dict[UUID, UUID] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)

    def add(self, facts: Mapping[str, Any] = PERSON, *, parent: UUID | None = None, **changed: Any) -> UUID:
        person = new_id()
        self.people[person] = {**facts, **changed}
        if parent is not None:
            self.parents[person] = parent
        return person

    async def facts(self, subject: UUID, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> Facts:
        self.asked.append(Asked(subject, frozenset(attributes), asker, purpose))
        allowed = self._may(subject, asker, purpose)
        return {name: self._fact(subject, name, allowed=allowed) for name in attributes}

    async def facts_of(
        self, subjects: Collection[UUID], attributes: Collection[str], *, asker: Asker, purpose: Purpose
    ) -> Mapping[UUID, Facts]:
        return {one: await self.facts(one, attributes, asker=asker, purpose=purpose) for one in subjects}

    async def children(self, subject: UUID, *, asker: Asker, purpose: Purpose) -> tuple[UUID, ...] | None:
        return None if "dopa" in self.down else tuple(c for c, p in self.parents.items() if p == subject)

    async def look(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("welfare looks at no agency's records")

    def _may(self, subject: UUID, asker: Asker, purpose: Purpose) -> bool:
        if purpose is WELFARE_DECISION:
            if asker.kind is not AskerKind.SYSTEM or asker.agency is None:
                return False
            parent = asker.applicant
        else:
            parent = UUID(hex=asker.id)
        if parent == subject:
            return True
        birth_date = self.people[subject]["birth_date"]
        return self.parents.get(subject) == parent and is_minor(birth_date, self.clock.today())

    def _fact(self, subject: UUID, name: str, *, allowed: bool) -> Fact:
        steward = self.catalogue.attribute(name).steward
        known = self.people[subject]
        if not allowed:
            return Fact(name, None, steward, None, FactState.DENIED)
        if steward in self.down:
            return Fact(name, None, steward, None, FactState.UNAVAILABLE, "SOURCE_UNREACHABLE")
        if name not in known:
            return Fact(name, None, steward, None, FactState.UNAVAILABLE, "NOT_KNOWN")
        return Fact(name, known[name], steward, self.clock.now(), FactState.FRESH)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def programmes() -> ProgrammeCatalogue:
    vocabulary = read_vocabulary(ROOT / "services/exchange/catalogue/data/attributes.yaml")
    return load_programmes(ROOT / "welfare/programmes/data", vocabulary)


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing("k1", {"k1": bytes(32)}, bytes(32))


@pytest.fixture
def gate(catalogue: Catalogue, clock: FixedClock) -> TableGate:
    return TableGate(catalogue, clock)


@pytest.fixture
def service(
    database: Database, gate: TableGate, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> EntitlementService:
    return EntitlementService(database, gate, clock, catalogue, programmes)
