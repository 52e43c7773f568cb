"""Asks the exchange for what the programmes read: of the citizen, of the children, and no more than could matter."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from core.text import Text
from services.exchange.facts import WELFARE_CHECK, WELFARE_DECISION, Asker, AskerKind, Gate, Purpose
from welfare.entitlements.assessment import (
    BIRTH_DATE,
    Family,
    Member,
    further_needs_of_child,
    is_denied,
    needs_of_child,
    needs_of_citizen,
)
from welfare.programmes import Programme, ProgrammeCatalogue

_YOU: Final = Text(th="คุณ", en="You")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads through the gate in one name and for one purpose."""

    gate: Gate
    asker: Asker
    purpose: Purpose

    @classmethod
    def for_citizen(cls, gate: Gate, citizen: UUID, request: UUID | None, asker: Asker | None = None) -> Reader:
        """A look at what a citizen and their children are entitled to: their own, unless `asker` acts for them."""
        own = Asker(AskerKind.CITIZEN, citizen.hex, None, _YOU, request)
        return cls(gate, asker or own, WELFARE_CHECK)

    @classmethod
    def for_decision(cls, gate: Gate, programme: Programme, applicant: UUID, request: UUID | None) -> Reader:
        """The programme's payer decides, for this applicant."""
        label = Text(th="ระบบพิจารณา{title}", en="Automatic decision: {title}").filled(title=programme.title)
        asker = Asker(AskerKind.SYSTEM, "welfare-decision", programme.payer, label, request, applicant)
        return cls(gate, asker, WELFARE_DECISION)

    async def member(self, person: UUID, attributes: Collection[str]) -> Member:
        return Member(person, await self.gate.facts(person, attributes, asker=self.asker, purpose=self.purpose))

    async def children(self, citizen: UUID) -> tuple[UUID, ...] | None:
        return await self.gate.children(citizen, asker=self.asker, purpose=self.purpose)

    async def family(self, programmes: ProgrammeCatalogue, citizen: UUID, *on: date) -> Family:
        """All that the programmes in force on those days read. Children who are of age are left out."""
        needs = frozenset(name for day in on for name in needs_of_citizen(programmes, day))
        own, children = await asyncio.gather(self.member(citizen, needs), self.children(citizen))
        if children is None:
            return Family(own, None)
        members = await asyncio.gather(*(self._child(programmes, child, on) for child in children))
        return Family(own, tuple(member for member in members if not is_denied(member)))

    async def _child(self, programmes: ProgrammeCatalogue, child: UUID, on: Collection[date]) -> Member:
        first = await self.member(child, frozenset(name for day in on for name in needs_of_child(programmes, day)))
        if is_denied(first):
            return first
        further = frozenset(n for day in on for n in further_needs_of_child(programmes, first, day))
        if not further:
            return first
        second = await self.member(child, further)
        return Member(child, {**first.facts, **second.facts})

    async def may_ask_about(self, child: UUID) -> bool:
        """Whether the gate lets this asker read about the child at all."""
        return not is_denied(await self.member(child, {BIRTH_DATE}))
