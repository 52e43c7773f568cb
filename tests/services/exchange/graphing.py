"""The exchange's part of the graph, asked as whoever is signed in, or as who acts for them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import strawberry
from strawberry.schema.config import StrawberryConfig

from core.crypto import KeyRing
from core.graph import Context, Info, Node, Rooms, Viewer, global_id
from core.graph.types import SATANG_SCALAR, Satang
from core.ids import GlobalId, new_id
from core.text import Language
from core.viewer import Acting
from identity.delegation.models import Delegation, Kind, Scope
from identity.delegation.service import DelegationService
from services.exchange.catalogue import Catalogue
from services.exchange.consent.service import ConsentService
from services.exchange.corrections.service import CorrectionService
from services.exchange.gate import ExchangeGate
from services.exchange.graph import NODES, ExchangeMutation, ExchangeOfCitizen, ExchangeQuery, Person
from services.exchange.graph.proofs import LOG_NUMBER_SCALAR, LogNumber
from tests.services.exchange.consenting import Citizen as Consenting
from tests.services.exchange.fakes import CATALOGUE, KEYS, Exchange

EVERYTHING: Final = frozenset(scope.value for scope in Scope)


@strawberry.type
class Citizen(ExchangeOfCitizen, Node):
    pass


@strawberry.type
class Query(ExchangeQuery):
    @strawberry.field
    def viewer(self, info: Info) -> Citizen | None:
        viewer = info.context.viewer
        return Citizen(id=global_id("Citizen", viewer.person), person=viewer.person) if viewer else None

    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        found = GlobalId.parse(id)
        return await NODES[found.type](info, found.id)


SCHEMA: Final = strawberry.Schema(
    Query,
    ExchangeMutation,
    types=[Person],
    config=StrawberryConfig(scalar_map={Satang: SATANG_SCALAR, LogNumber: LOG_NUMBER_SCALAR}),
)


class Asking:
    """A client of the graph over that exchange; its gate knows delegations."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.delegations = exchange.delegations = DelegationService(exchange.clock, KEYS, exchange.people)
        exchange.gate = exchange.new_gate()
        self.consents = Consenting(exchange)
        self.corrections = CorrectionService(CATALOGUE, KEYS, exchange.clock)
        self.rooms = Rooms()
        self.rooms.add(Catalogue, CATALOGUE)
        self.rooms.add(KeyRing, KEYS)
        self.rooms.add(ExchangeGate, exchange.gate)
        self.rooms.add(DelegationService, self.delegations)
        self.rooms.add(ConsentService, self.consents.service)
        self.rooms.add(CorrectionService, self.corrections)

    async def __call__(
        self,
        document: str,
        who: str | None = "mother",
        *,
        acting: Acting | None = None,
        language: Language = Language.EN,
        **variables: Any,
    ) -> dict[str, Any]:
        """`data` of an answer without errors; the first error is raised as it was."""
        viewer = self._viewer(who, acting) if who is not None else None
        context = Context(self.exchange.database, self.exchange.clock, self.rooms, viewer, language, uuid4())
        result = await SCHEMA.execute(document, variable_values=variables, context_value=context)
        if result.errors:
            raise result.errors[0].original_error or result.errors[0]
        assert result.data is not None
        return result.data

    async def do(
        self, field: str, selection: str, who: str = "mother", *, acting: Acting | None = None, **given: Any
    ) -> dict[str, Any]:
        """One mutation field with a key of its own, and its payload."""
        kind = f"{field[0].upper()}{field[1:]}Input"
        document = f"mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} problems {{ code path }} }} }}"
        told = await self(document, who, acting=acting, input={"idempotencyKey": uuid4().hex, **given})
        payload: dict[str, Any] = told[field]
        return payload

    async def delegated(
        self,
        person: str,
        to: str,
        kind: Kind = Kind.PARENT,
        *,
        scopes: frozenset[str] = EVERYTHING,
        until: date = date(2100, 1, 1),
    ) -> Acting:
        """A delegation that holds, and who acts under it."""
        key, now = new_id(), self.exchange.clock.now()
        row = Delegation(
            person=self.exchange.keys[person],
            id=key,
            delegate=self.exchange.keys[to],
            kind=kind.value,
            scopes=sorted(scopes),
            names_sealed=b"",
            starts_on=self.exchange.clock.today(),
            ends_on=until,
            proposed_by=self.exchange.keys[to],
            proposed_at=now,
            accepted_at=now,
        )
        async with self.exchange.database.write() as session:
            session.add(row)
        return Acting(self.exchange.keys[to], key, scopes)

    def _viewer(self, who: str, acting: Acting | None) -> Viewer:
        until, person = datetime(2100, 1, 1, tzinfo=UTC), self.person(who)
        return Viewer(person, "test-app", frozenset(), "ial2.3", until, acting=acting)

    def person(self, who: str) -> UUID:
        return self.exchange.keys[who]
