"""The smallest change that would alter an answer, in the graph."""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry
from strawberry.scalars import JSON

from core.graph import Info, localized
from core.money import CURRENCY
from services.apply.graph import ReasonOutcome
from services.exchange.catalogue import Catalogue, Kind
from welfare.entitlements.assessment import CHILD
from welfare.entitlements.counterfactual import Change, Smallest
from welfare.rules import Plain


@strawberry.type(description="A fact, and the value of it that is nearest to what it is and alters the answer.")
class ChangedFact:
    attribute: str = strawberry.field(description="Its id in the catalogue, `child.` before a child's.")
    title: str
    now: JSON | None = strawberry.field(description="Null where it would tell what others in the household have.")
    becomes: JSON

    @classmethod
    def of(cls, info: Info, change: Change) -> ChangedFact:
        kind = info.context.room(Catalogue).attribute(change.attribute.removeprefix(CHILD)).type.kind
        return cls(
            attribute=change.attribute,
            title=localized(info, change.title),
            now=_shown(kind, change.now),
            becomes=_shown(kind, change.becomes),
        )


@strawberry.type(description="The smallest change that would alter an answer.")
class SmallestChange:
    outcome: ReasonOutcome = strawberry.field(description="What the answer would be.")
    on: date | None = strawberry.field(
        description="The day to wait for; null if it would be so on the day asked about."
    )
    facts: list[ChangedFact] = strawberry.field(description="Together; empty where the day alone does it.")
    text: str = strawberry.field(description="All of it in one sentence.")

    @classmethod
    def of(cls, info: Info, found: Smallest) -> SmallestChange:
        return cls(
            outcome=ReasonOutcome(found.outcome.value),
            on=found.on,
            facts=[ChangedFact.of(info, change) for change in found.changes],
            text=localized(info, found.text),
        )


def _shown(kind: Kind, value: Plain | None) -> Any:
    """Days as ISO dates, money as satang and currency."""
    if kind is Kind.MONEY and value is not None:
        return {"satang": value, "currency": CURRENCY}
    return value.isoformat() if isinstance(value, date) else value
