"""The citizen's profile, and people in the graph."""

from __future__ import annotations

from typing import Self
from uuid import UUID

import strawberry

from core.graph import Info, Node, global_id
from services.exchange.facts import OWN_VIEW, WELFARE_CHECK, Fact
from services.exchange.graph.facts import (
    AddressFact,
    BooleanFact,
    DateFact,
    MoneyFact,
    NameFact,
    StringFact,
    address_fact,
    boolean_fact,
    date_fact,
    load_children,
    load_facts,
    money_fact,
    name_fact,
    string_fact,
)
from services.exchange.graph.fields import described


@strawberry.type(description="What the state knows of the citizen. Each field is asked for only when it is selected.")
class Profile:
    person: strawberry.Private[UUID]

    async def _fact(self, info: Info, attribute: str) -> Fact:
        return (await load_facts(info, self.person, [attribute], OWN_VIEW))[attribute]

    @strawberry.field
    async def name(self, info: Info) -> NameFact | None:
        return name_fact(info, await self._fact(info, "name"))

    @strawberry.field
    async def birth_date(self, info: Info) -> DateFact | None:
        return date_fact(info, await self._fact(info, "birth_date"))

    @described("`male` or `female`, as registered.")
    async def gender(self, info: Info) -> StringFact | None:
        return string_fact(info, await self._fact(info, "gender"))

    @described("`thai`, `other` or `stateless`.")
    async def nationality(self, info: Info) -> StringFact | None:
        return string_fact(info, await self._fact(info, "nationality"))

    @strawberry.field
    async def address(self, info: Info) -> AddressFact | None:
        return address_fact(info, await self._fact(info, "address"))

    @described("Whether the name stands on a house register.")
    async def household_registered(self, info: Info) -> BooleanFact | None:
        return boolean_fact(info, await self._fact(info, "household_registered"))

    @described("Whether the citizen holds a valid disability card.")
    async def disability_card(self, info: Info) -> BooleanFact | None:
        return boolean_fact(info, await self._fact(info, "disability_card"))

    @described("Whether the citizen holds a state welfare card.")
    async def state_welfare_card(self, info: Info) -> BooleanFact | None:
        return boolean_fact(info, await self._fact(info, "state_welfare_card"))

    @described("Income in the last full year.")
    async def annual_income(self, info: Info) -> MoneyFact | None:
        return money_fact(info, await self._fact(info, "annual_income"))


@strawberry.type(description="The viewer, or a minor child of theirs.")
class Person(Node):
    key: strawberry.Private[UUID]

    @classmethod
    def of(cls, person: UUID) -> Self:
        """For rooms that know by their own records that the person is the viewer's to see."""
        return cls(id=global_id("Person", person), key=person)

    async def _fact(self, info: Info, attribute: str) -> Fact:
        # A parent's look at a child is for the child's welfare; there is no idle look at anyone else.
        purpose = OWN_VIEW if self.key == info.context.signed_in().person else WELFARE_CHECK
        return (await load_facts(info, self.key, [attribute], purpose))[attribute]

    @strawberry.field
    async def name(self, info: Info) -> NameFact | None:
        return name_fact(info, await self._fact(info, "name"))

    @strawberry.field
    async def birth_date(self, info: Info) -> DateFact | None:
        return date_fact(info, await self._fact(info, "birth_date"))


async def person_node(info: Info, key: UUID) -> Person | None:
    viewer = info.context.viewer
    if viewer is None:
        return None
    if key != viewer.person and key not in (await load_children(info, viewer.person, WELFARE_CHECK) or ()):
        return None
    return Person.of(key)
