"""A fact as a form or a case shows it: its value for a machine and in words, whose word it is, and never a blank
without a word why."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import strawberry
from strawberry.scalars import JSON

from core.graph import Info, localized
from services.exchange.catalogue import Attribute, Catalogue
from services.exchange.facts import Fact, FactState
from services.exchange.graph.access import AttributeName, attribute_name
from services.exchange.graph.facts import Source, source_of
from services.exchange.words import note_of, plain_of, text_of

CITIZEN: Final = "citizen"
"""The steward of what only the citizen says."""


@strawberry.type(description="What the state knows of one thing: a value, or a word why none is shown.")
class KnownFact:
    attribute: AttributeName
    value: JSON | None = strawberry.field(
        description="A date as YYYY-MM-DD, money as `{satang currency}`, a name or an address as an object of texts."
    )
    text: str | None = strawberry.field(description="The same for people, in the language of the request.")
    source: Source
    as_of: datetime | None
    age_seconds: int | None = strawberry.field(description="Since `asOf`, for a value that is STALE.")
    state: str = strawberry.field(description="FRESH, STALE, UNAVAILABLE or DENIED.")
    note: str | None = strawberry.field(description="Said beside the value, or in its place; null for a plain value.")
    correctable: bool = strawberry.field(description="Whether `requestCorrection` takes this attribute.")

    @classmethod
    def of(cls, info: Info, fact: Fact) -> KnownFact:
        attribute = info.context.room(Catalogue).attribute(fact.attribute)
        now = info.context.clock.now()
        stale = fact.state is FactState.STALE and fact.as_of is not None
        text = text_of(fact)
        note = note_of(fact, info.context.room(Catalogue).agency_title(fact.source), now)
        return cls(
            attribute=attribute_name(info, attribute.id),
            value=plain_of(fact),
            text=localized(info, text) if text is not None else None,
            source=source_of(info, fact.source),
            as_of=fact.as_of,
            age_seconds=int((now - fact.as_of).total_seconds()) if stale and fact.as_of is not None else None,
            state=fact.state.value,
            note=localized(info, note) if note is not None else None,
            correctable=is_correctable(attribute),
        )


def is_correctable(attribute: Attribute) -> bool:
    """Whether an agency holds it as it is: what is computed is corrected in what it is computed from."""
    return attribute.derived is None and not attribute.is_tie and attribute.steward != CITIZEN
