"""Asking a source: about one person, or about as many as it takes at once; where that failed, about half of them.

One file that a steward's system cannot read must not make a hundred people's facts unavailable. So a batch that ended
in trouble which one person may have caused is asked again in halves, all within the time limit of the one call.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, cast
from uuid import UUID

import structlog

from core.errors import SitthiError
from core.ids import NationalId
from services.exchange.answers import SOURCE_FAILED, TIMEOUT, WRONG_SUBJECT, Answer, reason_of
from services.exchange.cache import in_groups
from services.exchange.catalogue import Attribute
from services.exchange.errors import SourceSilent
from services.exchange.facts import AttributeSource, Reading

NOT_OF_ONE: Final = frozenset(
    {
        TIMEOUT,
        WRONG_SUBJECT,
        "ADDRESS_REFUSED",
        "ANSWER_UNSIGNED",
        "SOURCE_BROKE_OFF",
        "SOURCE_BUSY",
        "SOURCE_LIMITED",
        "SOURCE_PAUSED",
        "SOURCE_UNREACHABLE",
    }
)
"""Troubles that no single person's file causes, by their codes (docs/exchange.md): asking again would make them worse.
A source that mixes people up is believed for none of them."""

Key: TypeAlias = tuple[UUID, str]
"""Person and attribute id."""

log = structlog.get_logger(__name__)


class BatchSource(AttributeSource, Protocol):
    """A source that can be asked about several people in one call."""

    @property
    def batch(self) -> int:
        """How many people one call may be about."""
        ...

    async def read_many(
        self, people: Collection[NationalId], attributes: Collection[str]
    ) -> Mapping[NationalId, Mapping[str, Reading]]:
        """By person what :meth:`read` answers. Whoever is left out is not known; nobody else may be in it."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One call of a source: the same attributes of one person, or of as many as the source takes at once."""

    source: AttributeSource
    people: Sequence[UUID]
    attributes: Sequence[Attribute]

    @property
    def keys(self) -> Iterator[Key]:
        return ((person, attribute.id) for person in self.people for attribute in self.attributes)

    def all_are(self, answer: Answer) -> dict[Key, Answer]:
        return dict.fromkeys(self.keys, answer)

    def failed(self, code: str, people: int, error: Exception) -> None:
        """Notes it. Only the kind of the error: its message may hold what the source said about a person."""
        log.warning("source_failed", agency=self.source.agency, code=code, people=people, error=type(error).__name__)


@dataclass(slots=True)
class Said:
    """What a source said, by person."""

    told: dict[NationalId, Mapping[str, Reading]] = field(default_factory=dict)
    failed: dict[NationalId, str] = field(default_factory=dict)
    """Of whom it said nothing that can be used, and the code of why."""


def parts_of(source: AttributeSource, group: Mapping[UUID, list[Attribute]]) -> list[Part]:
    batch: int = getattr(source, "batch", 0)
    if batch < 1 or len(group) == 1:
        return [Part(source, [person], attributes) for person, attributes in group.items()]
    alike: dict[tuple[str, ...], list[UUID]] = defaultdict(list)
    for person, attributes in group.items():
        alike[tuple(attribute.id for attribute in attributes)].append(person)
    return [Part(source, some, group[people[0]]) for people in alike.values() for some in in_groups(people, batch)]


async def ask(part: Part, people: Sequence[NationalId], limit_seconds: float) -> Said:
    """What the source says of each, within the limit. Never raises: trouble is in :attr:`Said.failed`.

    Both halves are asked before either is halved again, so that a breaker that counts failures in a row sees the good
    half beside the bad one.
    """
    said, waiting = Said(), deque([people] if people else [])
    deadline = asyncio.get_running_loop().time() + limit_seconds
    while waiting:
        some = waiting.popleft()
        try:
            async with asyncio.timeout_at(deadline):
                said.told |= await _call(part, some)
        except Exception as error:  # noqa: BLE001 - a source may fail in any way, and takes nobody down with it
            code = _code_of(error)
            part.failed(code, len(some), error)
            if len(some) > 1 and _may_be_of_one(error, code):
                middle = (len(some) + 1) // 2
                waiting += (some[:middle], some[middle:])
            else:
                said.failed |= dict.fromkeys(some, code)
    return said


async def _call(part: Part, people: Sequence[NationalId]) -> Mapping[NationalId, Mapping[str, Reading]]:
    """One call. Raises :class:`SourceSilent` where the source speaks of anybody else."""
    names = [attribute.id for attribute in part.attributes]
    if len(people) == 1:
        return {people[0]: await part.source.read(people[0], names)}
    source = cast("BatchSource", part.source)  # only such a one has parts of several people
    told = await source.read_many(people, names)
    if not set(told) <= set(people):
        raise SourceSilent(source.agency, WRONG_SUBJECT)
    return told


def _code_of(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return TIMEOUT
    return reason_of(error) if isinstance(error, SitthiError) else SOURCE_FAILED


def _may_be_of_one(error: Exception, code: str) -> bool:
    """A source that says of itself that it is away is not asked again."""
    return code not in NOT_OF_ONE and (isinstance(error, SourceSilent) or not isinstance(error, SitthiError))
