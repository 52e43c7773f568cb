"""Where the citizen's money goes, in the graph."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.assurance import Aal, Assurance, Demand, Ial
from core.graph import Delegate, Info, Problem, citizen_field, localized, mutation, work_of
from services.exchange.graph.fields import described
from services.pay.accounts import BankAccount, Method, Mobile, Said, masked
from services.pay.destinations.banks import banks
from services.pay.destinations.models import PayoutDestination as DestinationRow
from services.pay.destinations.service import Destinations, parsed, words

FRESH: Final = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_2_2), age_seconds_max=300)
"""Where money goes changes only for who has just shown, with a key that cannot be phished, that it is they."""

strawberry.enum(Method, name="PayoutMethod", description="How benefits are paid.")


@strawberry.type(description="A bank to whose accounts benefits can be paid.")
class PayoutBank:
    code: str
    name: str


@strawberry.type(description="Where benefits that are planned from now on are paid.")
class PayoutDestination:
    account: strawberry.Private[Said]
    method: Method
    since: datetime | None = strawberry.field(description="Null for somebody who never chose: PromptPay on the ID.")

    @described("The number as its owner recognises it, by its last digits; null for the national ID, and for cash.")
    def masked(self) -> str | None:
        return masked(self.account) if isinstance(self.account, Mobile | BankAccount) else None

    @strawberry.field
    def bank(self, info: Info) -> PayoutBank | None:
        if not isinstance(self.account, BankAccount):
            return None
        found = banks().get(self.account.bank)
        name = self.account.bank if found is None else localized(info, found.title)
        return PayoutBank(code=self.account.bank, name=name)

    @described("In one line, in the language of the request.")
    def title(self, info: Info) -> str:
        return localized(info, words(self.account))


@strawberry.type
class PayOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @citizen_field(Delegate.NOTHING, description="Where benefits that are planned from now on are paid.")
    async def payout_destination(self, info: Info) -> PayoutDestination | None:
        service = info.context.room(Destinations)
        async with info.context.db.read() as session:
            row = await service.current(session, self.person)
            account = None if row is None else await service.account(session, row)
        return _shown(row, account)


@strawberry.input(
    description="`mobile` with PROMPTPAY_MOBILE, `bank` and `account` with BANK_ACCOUNT, and nothing else. CASH is "
    "collected at a counter of the agency that pays, with a slip and the identity card."
)
class ChangePayoutDestinationInput:
    method: Method
    idempotency_key: str
    mobile: str | None = strawberry.field(default=None, description="A Thai mobile number: +66812345678 or 0812345678.")
    bank: str | None = strawberry.field(default=None, description="The Bank of Thailand's three-digit code.")
    account: str | None = strawberry.field(default=None, description="The account's number, with or without hyphens.")


@strawberry.type
class ChangePayoutDestinationPayload:
    payout_destination: PayoutDestination | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        service, person = info.context.room(Destinations), info.context.signed_in().person
        async with info.context.db.read() as session:
            row = await service.get(session, person, UUID(hex=kept["destination"]))
            return cls(payout_destination=_shown(row, await service.account(session, row)))


@strawberry.type
class PayMutation:
    @mutation(
        ChangePayoutDestinationPayload,
        delegate=Delegate.NOTHING,
        demand=FRESH,
        keyed=True,
        description="What was planned and is not with the bank yet waits for the next run, and goes there. The citizen "
        "is told in the inbox.",
    )
    async def change_payout_destination(
        self, info: Info, input: ChangePayoutDestinationInput
    ) -> ChangePayoutDestinationPayload:
        account, work = parsed(input.method, input.mobile, input.bank, input.account), work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(Destinations).change(session, work.viewer, account)
            work.keep(destination=row.id.hex)
        return ChangePayoutDestinationPayload(payout_destination=_shown(row, account))


def _shown(row: DestinationRow | None, account: Said) -> PayoutDestination:
    if row is None:
        return PayoutDestination(account=None, method=Method.PROMPTPAY_NATIONAL_ID, since=None)
    return PayoutDestination(account=account, method=Method(row.method), since=row.since)
