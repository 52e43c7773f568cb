"""Facts in the graph, and how any room's resolver asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

import strawberry

from core.clock import BANGKOK
from core.graph import Info, MoneyAmount, localized
from core.money import Money
from core.text import Text
from core.thai_dates import Precision
from services.exchange.catalogue import Catalogue
from services.exchange.facts import (
    A_DELEGATE,
    DELEGATE_VIEW,
    OWN_VIEW,
    YOU,
    Asker,
    AskerKind,
    Assured,
    Fact,
    Facts,
    FactState,
    Purpose,
)
from services.exchange.gate import ExchangeGate
from services.exchange.names import full_name

T = TypeVar("T")


strawberry.enum(
    FactState, description="How good a fact is. Only FRESH and STALE have a value, which may be that there is none."
)

strawberry.enum(Precision, name="DatePrecision", description="Which parts of a date are known.")

_Wanted: TypeAlias = tuple[UUID, Purpose, str]
"""Subject, purpose, attribute id."""


@strawberry.type(description="An agency as the exchange names it.")
class Source:
    slug: str
    title: str


@strawberry.type
class FactOf(Generic[T]):
    """`value` is null when the authority says that there is none, or when `state` says that nobody could tell."""

    value: T | None
    source: Source
    as_of: datetime | None
    state: FactState
    read_at: datetime | None = strawberry.field(
        description="The day on which the source was asked, its first moment in Bangkok: the age of a value that is "
        "STALE counts from it. Null of any other state.",
        default=None,
    )


@strawberry.type
class StringFact(FactOf[str]):
    """Text, or a code of the catalogue."""


@strawberry.type
class DateFact(FactOf[date]):
    """A day. Of a part that nobody knows `value` holds the first, and `precision` says which parts to show."""

    precision: Precision = Precision.DAY


@strawberry.type
class BooleanFact(FactOf[bool]):
    """Yes or no."""


@strawberry.type
class MoneyFact(FactOf[MoneyAmount]):
    """An amount."""


@strawberry.type(description="A name in both scripts; parts that a person does not have are empty.")
class Name:
    title_th: str
    given_th: str
    middle_th: str
    family_th: str
    title_en: str
    given_en: str
    middle_en: str
    family_en: str
    full: str = strawberry.field(description="Title, given and family name in the language of the request.")


@strawberry.type(description="A registered address.")
class Address:
    house_number: str
    village: str = strawberry.field(description="Number of the village (หมู่ที่); empty in a town.")
    subdistrict: str = strawberry.field(description="Code PPDDSS of the subdistrict.")
    text: str = strawberry.field(description="The whole address in one line, in the language of the request.")


@strawberry.type
class NameFact(FactOf[Name]):
    """A person's name."""


@strawberry.type
class AddressFact(FactOf[Address]):
    """Where a person is registered."""


def viewer_asker(info: Info) -> Asker:
    """Who looks: the signed-in citizen, or who acts for them. Raises NotSignedIn."""
    viewer, request = info.context.signed_in(), info.context.request_id
    assured = Assured(sign_in=viewer.assurance)
    if viewer.acting is None:
        me = viewer.person.hex
        return Asker(kind=AskerKind.CITIZEN, id=me, agency=None, label=YOU, request=request, assurance=assured)
    return Asker(
        kind=AskerKind.DELEGATE,
        id=viewer.acting.person.hex,
        agency=None,
        label=A_DELEGATE,
        request=request,
        applicant=viewer.person,
        delegation=viewer.acting.delegation,
        assurance=assured,
    )


def look_purpose(info: Info) -> Purpose:
    """Why somebody looks at what is the citizen's own: it is they, or it is in their place."""
    return OWN_VIEW if info.context.signed_in().acting is None else DELEGATE_VIEW


async def load_facts(info: Info, subject: UUID, attributes: Collection[str], purpose: Purpose) -> Facts:
    """Facts for the viewer, through the gate: what sibling fields ask for at the same time is one call of it.

    All of a request's looks at one person make one entry of the access log. Raises UnknownAttribute, NotSignedIn.
    """
    if purpose == OWN_VIEW:
        purpose = look_purpose(info)
    names = list(dict.fromkeys(attributes))
    loader = info.context.loader("exchange.facts", _FactBatch(info))
    facts = await loader.load_many([(subject, purpose, name) for name in names])
    return dict(zip(names, facts, strict=True))


async def load_children(info: Info, subject: UUID, purpose: Purpose) -> tuple[UUID, ...] | None:
    """The subject's minor children for the viewer, eldest first; None when nobody could say. Asked once a request."""
    loader = info.context.loader("exchange.children", _ChildrenBatch(info))
    return await loader.load((subject, purpose))


class _FactBatch:
    def __init__(self, info: Info) -> None:
        self._gate = info.context.room(ExchangeGate)
        self._asker = viewer_asker(info)

    async def __call__(self, wanted: list[_Wanted]) -> Sequence[Fact | BaseException]:
        groups: dict[tuple[UUID, Purpose], list[str]] = {}
        for subject, purpose, name in wanted:
            groups.setdefault((subject, purpose), []).append(name)
        told = await asyncio.gather(
            *(
                self._gate.facts(subject, names, asker=self._asker, purpose=purpose)
                for (subject, purpose), names in groups.items()
            ),
            return_exceptions=True,
        )
        by_group = dict(zip(groups, told, strict=True))

        def fact(subject: UUID, purpose: Purpose, name: str) -> Fact | BaseException:
            answer = by_group[subject, purpose]
            return answer if isinstance(answer, BaseException) else answer[name]

        return [fact(*one) for one in wanted]


class _ChildrenBatch:
    def __init__(self, info: Info) -> None:
        self._gate = info.context.room(ExchangeGate)
        self._asker = viewer_asker(info)

    async def __call__(self, wanted: list[tuple[UUID, Purpose]]) -> Sequence[tuple[UUID, ...] | BaseException | None]:
        asked = (self._gate.children(subject, asker=self._asker, purpose=purpose) for subject, purpose in wanted)
        return await asyncio.gather(*asked, return_exceptions=True)


def source_of(info: Info, slug: str) -> Source:
    return Source(slug=slug, title=localized(info, info.context.room(Catalogue).agency_title(slug)))


def string_fact(info: Info, fact: Fact) -> StringFact:
    value = fact.value if isinstance(fact.value, str) else None
    return StringFact(
        value=value,
        source=source_of(info, fact.source),
        as_of=fact.as_of,
        state=fact.state,
        read_at=_counted_from(fact),
    )


def date_fact(info: Info, fact: Fact) -> DateFact:
    value = fact.value if isinstance(fact.value, date) else None
    return DateFact(
        value=value,
        source=source_of(info, fact.source),
        as_of=fact.as_of,
        state=fact.state,
        read_at=_counted_from(fact),
        precision=fact.precision,
    )


def boolean_fact(info: Info, fact: Fact) -> BooleanFact:
    value = fact.value if isinstance(fact.value, bool) else None
    return BooleanFact(
        value=value,
        source=source_of(info, fact.source),
        as_of=fact.as_of,
        state=fact.state,
        read_at=_counted_from(fact),
    )


def money_fact(info: Info, fact: Fact) -> MoneyFact:
    value = MoneyAmount.of(fact.value) if isinstance(fact.value, Money) else None
    return MoneyFact(
        value=value,
        source=source_of(info, fact.source),
        as_of=fact.as_of,
        state=fact.state,
        read_at=_counted_from(fact),
    )


def name_fact(info: Info, fact: Fact) -> NameFact:
    value = None
    if isinstance(fact.value, dict):
        parts = fact.value
        value = Name(**parts, full=localized(info, full_name(parts)))
    return NameFact(
        value=value,
        source=source_of(info, fact.source),
        as_of=fact.as_of,
        state=fact.state,
        read_at=_counted_from(fact),
    )


def address_fact(info: Info, fact: Fact) -> AddressFact:
    value = None
    if isinstance(fact.value, dict):
        parts = fact.value
        value = Address(
            house_number=parts["house_number"],
            village=parts["village"],
            subdistrict=parts["subdistrict"],
            text=localized(info, Text(th=parts["text_th"], en=parts["text_en"] or parts["text_th"])),
        )
    return AddressFact(
        value=value,
        source=source_of(info, fact.source),
        as_of=fact.as_of,
        state=fact.state,
        read_at=_counted_from(fact),
    )


def _counted_from(fact: Fact) -> datetime | None:
    """The source may have been asked for somebody else: for whoever shares the household, or inquires. When that was is
    not told of a value that is good; of one that is not, its age, by the day (docs/adr/0019)."""
    if fact.read_at is None or fact.state is not FactState.STALE:
        return None
    day = fact.read_at.astimezone(BANGKOK)
    return day.replace(hour=0, minute=0, second=0, microsecond=0)
