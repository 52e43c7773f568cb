"""The graph's roots, put together from the rooms. Each room adds its fields; here is only what joins them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import strawberry

from core.graph import Access, Delegate, Info, Node, NodeLoader, Rights, field, global_id, rights
from core.ids import GlobalId, MalformedGlobalId
from identity.account import graph as account
from identity.delegation import graph as delegation
from identity.inbox import graph as inbox
from identity.juristic import graph as juristic
from identity.juristic.graph_acts import JuristicMutation
from identity.notices import graph as notices
from services.apply import graph as apply
from services.apply.desk import graph as desk
from services.apply.graph_reopen import ReopenMutation
from services.exchange import graph as exchange
from services.know import graph as know
from services.pay.destinations import graph as pay
from services.pay.fees import graph as fees
from services.pay.recovery import graph as recovery
from services.plugins.documents import graph as documents
from services.plugins.documents import order_graph as orders
from services.receive import graph as receive
from services.receive.credentials import graph as credentials
from services.receive.shares import graph as shares
from services.receive.shares.checks import graph as checks
from services.receive.standing import graph as standing
from welfare.entitlements import graph as welfare


@strawberry.type(
    description="The signed-in citizen. Every field is nullable, so that one agency's silence hides no other's word."
)
class Citizen(
    exchange.ExchangeOfCitizen,
    welfare.WelfareOfCitizen,
    apply.ApplyOfCitizen,
    documents.DocumentsOfCitizen,
    orders.OrdersOfCitizen,
    receive.ReceiveOfCitizen,
    credentials.CredentialsOfCitizen,
    shares.SharesOfCitizen,
    checks.ChecksOfCitizen,
    standing.StandingOfCitizen,
    pay.PayOfCitizen,
    recovery.RecoverOfCitizen,
    fees.FeesOfCitizen,
    inbox.InboxOfCitizen,
    notices.NoticesOfCitizen,
    account.AccountOfCitizen,
    delegation.DelegationOfCitizen,
    juristic.JuristicOfCitizen,
    Node,
):
    id: strawberry.ID = strawberry.field(metadata=rights(Delegate.AS_ANYONE))

    @classmethod
    def of(cls, person: UUID) -> Citizen:
        return cls(id=global_id("Citizen", person), person=person)


async def _citizen(info: Info, key: UUID) -> Node | None:
    viewer = info.context.viewer
    return Citizen.of(key) if viewer is not None and viewer.person == key else None


NODES: Final[Mapping[str, NodeLoader]] = {
    "Citizen": _citizen,
    **exchange.NODES,
    **welfare.NODES,
    **apply.NODES,
    **documents.NODES,
    **receive.NODES,
    **credentials.NODES,
    **shares.NODES,
    **checks.NODES,
    **standing.NODES,
    **recovery.NODES,
    **fees.NODES,
    **know.NODES,
    **inbox.NODES,
    **delegation.NODES,
}


DELEGATES_FIND: Final[Mapping[str, Delegate]] = {
    "Citizen": Delegate.AS_ANYONE,
    "Programme": Delegate.AS_ANYONE,
    "Service": Delegate.AS_ANYONE,
    "Person": Delegate.VIEW,
    "Entitlement": Delegate.VIEW,
    "Application": Delegate.VIEW,
    "Draft": Delegate.APPLY,
    "Evidence": Delegate.NOTHING,
    "IssuedDocument": Delegate.NOTHING,
    "DocumentOrder": Delegate.NOTHING,
    "WalletCredential": Delegate.NOTHING,
    "Share": Delegate.NOTHING,
    "CheckAsked": Delegate.NOTHING,
    "StandingAct": Delegate.NOTHING,
    "Payment": Delegate.VIEW,
    "Receipt": Delegate.VIEW,
    "Dispute": Delegate.VIEW,
    "AccessEntry": Delegate.NOTHING,
    "Consent": Delegate.NOTHING,
    "Correction": Delegate.NOTHING,
    "PrivacyRequest": Delegate.NOTHING,
    "Message": Delegate.NOTHING,
    "Delegation": Delegate.NOTHING,
    "Recovery": Delegate.NOTHING,
    "Bill": Delegate.NOTHING,
}
"""What who acts for the citizen may find by its id; a type that is not here, they may not."""


@strawberry.type
class Query(
    exchange.ExchangeQuery, welfare.WelfareQuery, know.KnowQuery, apply.ApplyQuery, receive.ReceiveQuery, desk.DeskQuery
):
    @field(Access.PUBLIC, description="The citizen who asks; null when nobody is signed in.")
    def viewer(self, info: Info) -> Citizen | None:
        viewer = info.context.viewer
        return None if viewer is None else Citizen.of(viewer.person)

    @field(Access.PUBLIC, description="Anything with an id. What is another's and what never was are alike: null.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - Relay's word
        try:
            given = GlobalId.parse(id)
        except MalformedGlobalId:
            return None
        load = NODES.get(given.type)
        if load is not None:
            Rights(DELEGATES_FIND.get(given.type, Delegate.NOTHING)).check(info.context)
        return None if load is None else await load(info, given.id)


@strawberry.type
class Mutation(
    apply.ApplyMutation,
    desk.DeskMutation,
    ReopenMutation,
    documents.DocumentMutation,
    receive.ReceiveMutation,
    credentials.CredentialMutation,
    shares.ShareMutation,
    checks.CheckMutation,
    standing.StandingMutation,
    pay.PayMutation,
    recovery.RecoverMutation,
    fees.FeesMutation,
    exchange.ExchangeMutation,
    delegation.DelegationMutation,
    JuristicMutation,
    account.AccountMutation,
    inbox.InboxMutation,
    notices.NoticesMutation,
):
    pass


@strawberry.type
class Subscription(inbox.InboxSubscription):
    pass
