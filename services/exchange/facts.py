"""The words of the exchange: facts, who asks, and why.

This module is what other rooms import; how the gate decides lives beside it and is nobody's business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from uuid import UUID

from sqlalchemy import Select

from core.assurance import Assurance
from core.ids import NationalId
from core.money import Money
from core.text import Text
from core.thai_dates import Precision

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

Value: TypeAlias = bool | int | str | date | Money | Mapping[str, Any] | tuple[Any, ...] | None
"""`None` is the authority's word that there is none. That nobody knows is a state, not a value."""


class FactState(StrEnum):
    FRESH = "FRESH"
    STALE = "STALE"
    """The last known value, older than the catalogue's freshness; the source did not answer."""
    UNAVAILABLE = "UNAVAILABLE"
    """Nobody could say: the source did not answer, or does not know this person's value."""
    DENIED = "DENIED"


ANSWERED: Final = frozenset({"NOT_KNOWN", "NO_SOURCE", "INVALID_ANSWER", "MEMBER_UNKNOWN"})
"""Reasons of what is UNAVAILABLE although whoever could be asked has answered: it will not come by waiting."""


OF_MEMBERS: Final = frozenset({"MEMBER_SILENT", "MEMBER_UNKNOWN", "NO_SOURCE"})
"""Reasons of a household's total that lie in the fact of somebody in the house; it is not said in whose."""


class Lack(StrEnum):
    """Why nobody could say a value."""

    SILENT = "SILENT"
    """A source did not answer: it may know by the next moment."""
    NOT_KNOWN = "NOT_KNOWN"
    """Whoever holds such values has answered, and has none of this person, or of somebody of the house."""
    NO_SOURCE = "NO_SOURCE"
    """No agency that is connected holds such values."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Under what a fact was told or refused: what an agency needs to prove later that it might know it."""

    entry: UUID
    """Of the access log."""
    agreement: tuple[str, int, str] | None = None
    """Id, version and digest of its terms; None where none was needed."""
    consent: UUID | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute of one person, with where it is from and how good it is."""

    attribute: str
    value: Value
    source: str
    """Slug of the agency that owns it."""
    as_of: datetime | None
    state: FactState
    reason: str | None = None
    """A stable code of why it is not FRESH (docs/exchange.md): of the refusal, or of what went wrong at the source."""
    read_at: datetime | None = None
    """When the source was asked for it: the age of a STALE value counts from here. None where nothing was told."""
    precision: Precision = Precision.DAY
    """Of a date: which parts the source knows. Of an unknown part the value holds the first."""
    ground: Ground | None = None
    """For an agency that asks from outside."""

    @property
    def known(self) -> bool:
        return self.state in (FactState.FRESH, FactState.STALE)

    @property
    def lack(self) -> Lack | None:
        """Of what nobody could say; None of what is known, and of what was refused."""
        if self.state is not FactState.UNAVAILABLE:
            return None
        if self.reason not in ANSWERED:
            return Lack.SILENT
        return Lack.NO_SOURCE if self.reason == Lack.NO_SOURCE else Lack.NOT_KNOWN

    @property
    def is_silent(self) -> bool:
        """Whether its source did not answer, so that nobody can say yet whether it knows the value."""
        return self.lack is Lack.SILENT


Facts: TypeAlias = Mapping[str, Fact]
"""By attribute id; holds every attribute that was asked for."""


class AskerKind(StrEnum):
    CITIZEN = "CITIZEN"
    OFFICER = "OFFICER"
    SYSTEM = "SYSTEM"
    DELEGATE = "DELEGATE"


@dataclass(frozen=True, slots=True)
class Assured:
    """How well the edge that let an asker in knows that it is they; a purpose may demand a minimum of it."""

    sign_in: Assurance | None = None
    """Of a person: the levels of the sign-in behind the request."""
    bound_key: bool = False
    """Of a machine: whether its token is bound to a key that it proved to hold (RFC 9449)."""


SERVICE_ASKER: Final = "service:"
"""Begins the id of an asker that is an agency's service, to which the applicant applies here."""


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name a fact is asked for; shown to the citizen as it stands here."""

    kind: AskerKind
    id: str
    """Person id (32 hex digits) of a citizen or officer; a system's name."""
    agency: str | None
    """Slug of the agency it acts for; None for a citizen about themself."""
    label: Text
    request: UUID | None = None
    """The request a citizen's own look belongs to: one request makes one entry of the access log. Given by the server,
    never by the client."""
    applicant: UUID | None = None
    """For whom a system or an officer asks: the applicant of a decision. Facts about the applicant's child need it, to
    prove the tie and to say whether the child lives with the applicant. A citizen asks for themself; for a delegate it
    is the citizen they act for."""
    delegation: UUID | None = None
    """Of a delegate: by what right. The gate finds out whether it holds."""
    client: str | None = None
    """The client whose token an agency's request came with; None for a part of Sitthi. Whoever has one is an agency
    that asks from outside, and `id` is `<client>:<agent>`."""
    agent: str | None = None
    """Of an agency's request: the officer or the system that the agency names as asking."""
    assurance: Assured | None = None
    """None where no edge said: then no demand is met."""


class Basis(StrEnum):
    """The lawful basis, PDPA 2562 s.24 (and s.19 for consent)."""

    OWN_DATA = "OWN_DATA"
    """Access to one's own data, s.30."""
    PUBLIC_TASK = "PUBLIC_TASK"
    """s.24(4)."""
    CONSENT = "CONSENT"
    """s.19."""


YOU: Final = Text(th="คุณ", en="You")
"""How whoever asks about themself is called in their own access log."""
A_DELEGATE: Final = Text(th="ผู้ที่ขอดำเนินการแทนคุณ", en="Somebody who asked to act for you")
"""A delegate as the subject sees them until the gate has found the delegation."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a fact is asked for: a registered purpose with its basis and its words for the citizen."""

    id: str
    basis: Basis
    text: Text


OWN_VIEW: Final = Purpose("own-view", Basis.OWN_DATA, Text(th="เจ้าของข้อมูลเปิดดูเอง", en="You looked at your own data"))
DELEGATE_VIEW: Final = Purpose(
    "delegate-view",
    Basis.OWN_DATA,
    Text(th="ผู้ดำเนินการแทนท่านเปิดดูข้อมูลของท่าน", en="Who acts for you looked at your data"),
)
DELEGATION: Final = Purpose(
    "delegation",
    Basis.PUBLIC_TASK,
    Text(th="ตรวจสอบสิทธิในการดำเนินการแทน", en="Proving who may act for whom"),
)
WELFARE_CHECK: Final = Purpose(
    "welfare-check", Basis.PUBLIC_TASK, Text(th="ตรวจสอบสิทธิสวัสดิการ", en="Checking entitlement to welfare")
)
WELFARE_DECISION: Final = Purpose(
    "welfare-decision", Basis.PUBLIC_TASK, Text(th="พิจารณาคำขอรับสวัสดิการ", en="Deciding an application for welfare")
)
PAYMENT: Final = Purpose("payment", Basis.PUBLIC_TASK, Text(th="จ่ายเงินสวัสดิการ", en="Paying a welfare benefit"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source says of one attribute: its value and since when it is true (or when it was read)."""

    value: Value
    as_of: datetime
    precision: Precision = Precision.DAY
    """Of a date: which parts the source knows. Of an unknown part the value holds the first."""


class AttributeSource(Protocol):
    """An authority for some attributes. `api/app.py` hands the plugins' sources in.

    `read` answers only what it knows: an attribute it leaves out is unknown. It raises
    :class:`core.errors.ServiceUnavailable` (or any error) when it cannot answer at all.
    """

    @property
    def agency(self) -> str: ...

    @property
    def provides(self) -> frozenset[str]: ...

    async def read(self, person: NationalId, attributes: Collection[str]) -> Mapping[str, Reading]: ...


class Gate(Protocol):
    """The only way to a fact of a citizen (design §2). Every call is in the access log before it answers."""

    async def facts(self, subject: UUID, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> Facts:
        """Raises `UnknownAttribute`; a refusal or a silent source is a state of the fact, never an error."""
        ...

    async def facts_of(
        self, subjects: Collection[UUID], attributes: Collection[str], *, asker: Asker, purpose: Purpose
    ) -> Mapping[UUID, Facts]:
        """:meth:`facts` of several people, by person: decided in one commit and concluded in one."""
        ...

    async def children(self, subject: UUID, *, asker: Asker, purpose: Purpose) -> tuple[UUID, ...] | None:
        """Person ids of the subject's children, eldest first; None when nobody could say."""
        ...

    async def look(
        self, subject: UUID, what: str, agency: str, read: LookReader, *, asker: Asker, purpose: Purpose
    ) -> Any:
        """Reads records that are not catalogue attributes (an agency plugin's query operation) under the same log.

        `what` names them as `<agency slug>:<operation>`. `read` gets the subject's national ID. Its error is logged as
        the outcome and raised on.
        """
        ...


@dataclass(frozen=True, slots=True)
class Still:
    """What stands against handing on facts that were told before."""

    barred: str | None
    """Why the citizen has had the use of their data stopped, for this purpose or for all; None where they have not."""
    refused: Mapping[str, str]
    """Of the attributes those that may not be told any more, and why."""


class LookReader(Protocol):
    async def __call__(self, person: NationalId, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Population:
    """Who is asked about in a run over many people."""

    predicate: str
    """In words that a citizen understands, or a lawyer; no person is named."""
    people: Sequence[UUID] | None = None
    """By key; None is everybody whom the register of people knows."""
    without: Select[tuple[UUID]] | None = None
    """Of everybody, a query of the keys of those who are left out."""


@dataclass(frozen=True, slots=True)
class Unused:
    """A person of whom something is to be made use of. Of `changed` nothing stands: only the day is another."""

    person: UUID
    facts: Facts
    changed: frozenset[str]
    """Of facts of children with `child.` before the name."""
    used_on: date | None
    children: Mapping[UUID, Facts] | None = field(default_factory=dict)
    """By child who is not of age, eldest first; None where nobody could say. Empty where nothing was asked of them."""
    house: frozenset[UUID] | None = None
    """Everybody on the house register; None where nobody could say, or nothing was asked of the house."""


@dataclass(frozen=True, slots=True)
class ChildOf:
    """A child of people in a run, with all of them: `child` is None of somebody of whom nobody could say."""

    key: UUID
    is_named: bool
    parents: Sequence[Unused]

    @property
    def child(self) -> UUID | None:
        return self.key if self.is_named else None


class Bulk(Protocol):
    """Runs over many people, as the gate does them (services.exchange.bulk.runs, which says what each raises)."""

    async def check(self, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> frozenset[str]: ...

    async def declare(
        self,
        population: Population,
        attributes: Collection[str],
        *,
        asker: Asker,
        purpose: Purpose,
        delete_at: datetime,
        run: UUID | None = None,
    ) -> UUID: ...

    async def read(self, run: UUID) -> None: ...

    async def again(self, run: UUID, people: Collection[UUID]) -> int: ...

    async def waits(self, run: UUID) -> bool: ...

    async def concerned(
        self, session: AsyncSession, run: UUID, corrected: Mapping[UUID, Collection[str]]
    ) -> set[UUID]: ...

    async def unused(
        self, session: AsyncSession, run: UUID, size: int, day: date, *, houses: bool = False
    ) -> Sequence[Unused]: ...

    async def children(
        self, session: AsyncSession, run: UUID, size: int, after: ChildOf | None
    ) -> Sequence[ChildOf]: ...

    async def use(self, session: AsyncSession, run: UUID, people: Collection[UUID], day: date) -> None: ...

    async def delete(self, run: UUID) -> None: ...
