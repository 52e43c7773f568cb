"""What the exchange adds to the graph."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import strawberry

from core.graph import Connection, Delegate, Info, Nodes, rights
from services.exchange.graph.access import AccessEntry, access_entry_node, access_log
from services.exchange.graph.catalogue import CatalogueQuery
from services.exchange.graph.consents import Consent, ConsentMutation, ConsentQuery, consent_node, consents
from services.exchange.graph.corrections import Correction, CorrectionMutation, correction_node, corrections
from services.exchange.graph.facts import (
    Source,
    load_children,
    load_facts,
    look_purpose,
    source_of,
    viewer_asker,
)
from services.exchange.graph.fields import described
from services.exchange.graph.known import KnownFact
from services.exchange.graph.people import Person, Profile, person_node
from services.exchange.graph.proofs import LogQuery
from services.exchange.privacy.graph import (
    PrivacyMutation,
    PrivacyQuery,
    PrivacyRequest,
    privacy_request_node,
    privacy_requests,
)

__all__ = [
    "NODES",
    "ExchangeMutation",
    "ExchangeOfCitizen",
    "ExchangeQuery",
    "KnownFact",
    "Person",
    "Source",
    "load_children",
    "load_facts",
    "look_purpose",
    "source_of",
    "viewer_asker",
]


@strawberry.type
class ExchangeOfCitizen:
    person: strawberry.Private[UUID]

    @described("What the state knows of the citizen, each fact with its source.", **rights(Delegate.VIEW))
    def profile(self) -> Profile | None:
        return Profile(person=self.person)

    @described("The newest first.", **rights(Delegate.CONSENT))
    async def consents(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[Consent] | None:
        return await consents(info, self.person, first, after)

    @described("Facts that the citizen wants put right, the newest first.", **rights(Delegate.NOTHING))
    async def corrections(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[Correction] | None:
        return await corrections(info, self.person, first, after)

    @described("Who looked at what of the citizen's data, and why; the newest first.", **rights(Delegate.NOTHING))
    async def access_log(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[AccessEntry] | None:
        return await access_log(info, self.person, first, after)

    @described("What the citizen asked for about their own data, the newest first.", **rights(Delegate.NOTHING))
    async def privacy_requests(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[PrivacyRequest] | None:
        return await privacy_requests(info, self.person, first, after)


@strawberry.type
class ExchangeQuery(CatalogueQuery, LogQuery, ConsentQuery, PrivacyQuery):
    pass


@strawberry.type
class ExchangeMutation(ConsentMutation, CorrectionMutation, PrivacyMutation):
    pass


NODES: Final[Nodes] = {
    "Person": person_node,
    "AccessEntry": access_entry_node,
    "Consent": consent_node,
    "Correction": correction_node,
    "PrivacyRequest": privacy_request_node,
}
