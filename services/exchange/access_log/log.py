"""Writing the access log. It commits by itself: an entry is durable before anybody reads on its strength (ADR 0005)."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.text import Text
from services.exchange.access_log.canonical import BLIND_BYTES, SALT_BYTES
from services.exchange.access_log.commits import Commits
from services.exchange.access_log.disclosure import HOUSEHOLD, DisclosureClass, class_of, disclosure_classes
from services.exchange.access_log.households import household_id, veiled
from services.exchange.access_log.records import AccessEntry, AccessOutcome, Prolongation
from services.exchange.facts import Asker, AskerKind, FactState, Purpose

REQUESTS_MAX: Final = 20_000
"""Entries of requests under way that one process remembers; forgetting one costs a second entry, nothing else."""
REQUEST_LASTS: Final = timedelta(minutes=2)

PARENT: Final = Text(th="บิดาหรือมารดาของคุณ", en="Your parent")
FOR_PARENT: Final = Text(th="ผู้ที่ขอดูในนามของบิดาหรือมารดาของคุณ", en="Somebody who asked in the place of your parent")
CLAIMS_TO_BE_PARENT: Final = Text(th="ผู้ที่ขอดูในฐานะบิดาหรือมารดาของคุณ", en="Somebody who asked as your parent")


class Decision(StrEnum):
    ALLOWED = "ALLOWED"
    DENIED = "DENIED"


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a draft for one purpose: states and error codes by attribute."""

    purpose: Purpose
    states: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)


ASKED: Final = "ASKED"
APPROVED: Final = "APPROVED"


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision to be entered."""

    subject: UUID
    attributes: frozenset[str]
    asker: Asker
    purpose: Purpose
    decision: Decision = Decision.ALLOWED
    reason: str | None = None
    consent: UUID | None = None
    agreements: frozenset[str] = frozenset()
    """Between the agencies, that it rests on: `<id>:<version>` each."""
    caused_by: UUID | None = None
    disclosure: str | None = None
    """The class by which the subject learns of it later (`disclosure.py`); None: at once."""
    came: tuple[Came, ...] = ()
    """What came of it, where that is known already, and so is committed with it: nobody outside has to be asked."""

    @property
    def key(self) -> Hashable:
        """Equal for all batches that share an entry; a citizen's own look is one, whatever its purposes."""
        own = self.asker.kind in (AskerKind.CITIZEN, AskerKind.DELEGATE)
        purpose = None if own else self.purpose.id
        asker = (self.asker.request, self.asker.kind, self.asker.id)
        return (*asker, self.subject, self.decision, self.reason, purpose, self.disclosure, self.agreements)


@dataclass(frozen=True, slots=True)
class Entry:
    """A committed decision, to which outcomes are appended."""

    subject: UUID
    id: UUID
    purpose: Purpose
    disclosed_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an entry: states and error codes by attribute."""

    entry: Entry
    states: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Remembered:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    entry: UUID | None = None
    at: datetime | None = None
    named: set[str] = field(default_factory=set)
    disclosed_from: datetime | None = None


_Step: TypeAlias = tuple[Draft, _Remembered]


class AccessLog:
    """One per process: it remembers the entries of the requests under way."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keys: KeyRing,
        classes: Mapping[str, DisclosureClass] | None = None,
    ) -> None:
        """`classes` of later disclosure are those of the catalogue's data, if none are given."""
        self._commits, self._clock = Commits(database, keys), clock
        self._classes = disclosure_classes() if classes is None else classes
        self._requests: OrderedDict[Hashable, _Remembered] = OrderedDict()

    def coming(self) -> AbstractContextManager[None]:
        """See :meth:`Commits.coming`."""
        return self._commits.coming()

    async def decide(self, drafts: Collection[Draft]) -> Sequence[Entry]:
        """Commits the decisions, all or none, and answers them in the order of the drafts.

        A batch of a request that has its entry already adds to it only what it does not name yet. Drafts of one call
        have keys of their own. What came of a draft already is committed with it, and needs no :meth:`conclude`.
        Raises whatever the database raises; then nothing was decided.
        """
        drafts = [self._classed(veiled(draft)) for draft in drafts]
        steps: list[_Step] = [(draft, _Remembered()) for draft in drafts]
        async with AsyncExitStack() as held:
            if any(draft.asker.request is not None for draft in drafts):
                steps = await self._held(held, drafts)
            made = [self._records(draft, memory) for draft, memory in steps]
            await self._commits.commit([record for records in made for record in records])
            # After the commit: what was not committed is not remembered.
            return [_entered(*step, records) for step, records in zip(steps, made, strict=True)]

    async def conclude(self, results: Sequence[Result]) -> None:
        """Commits what came of the entries, all or none. Nothing may be answered before this returns."""
        if results:
            await self._commits.commit([self._outcome(r.entry, r.states, r.errors) for r in results])

    async def prolong(
        self, entry: AccessEntry, step: str, until: datetime, law: str, agency: str, officer: UUID
    ) -> None:
        """Commits that somebody asked for a later disclosure of the decision, or approved it; who may, is asked before
        (`prolonging.py`)."""
        record = Prolongation(
            subject=entry.subject,
            entry=entry.id,
            id=new_id(),
            at=self._clock.now(),
            step=step,
            until=until.astimezone(UTC),
            law=law,
            agency=agency,
            officer=officer.hex,
            salt=secrets.token_bytes(SALT_BYTES),
            blind=secrets.token_bytes(BLIND_BYTES),
            disclosed_from=until if step == APPROVED else entry.disclosed_from,
        )
        await self._commits.commit([record])

    async def _held(self, held: AsyncExitStack, drafts: Sequence[Draft]) -> list[_Step]:
        """The drafts with what is remembered of their requests, held from others of the same request."""
        memories: dict[int, _Remembered] = {}
        keys = [draft.key for draft in drafts]
        for n in sorted(range(len(drafts)), key=lambda n: str(keys[n])):  # so that two calls cannot wait crosswise
            memories[n] = _Remembered()
            if drafts[n].asker.request is not None:
                memories[n] = self._requests.setdefault(keys[n], memories[n])
                self._requests.move_to_end(keys[n])
                while len(self._requests) > REQUESTS_MAX:
                    self._requests.popitem(last=False)
                await held.enter_async_context(memories[n].lock)
        return [(draft, memories[n]) for n, draft in enumerate(drafts)]

    def _records(self, draft: Draft, memory: _Remembered) -> list[AccessEntry | AccessOutcome]:
        """What must be committed before the draft's attributes are read, or told where they are known."""
        records: list[AccessEntry | AccessOutcome] = []
        if memory.entry is None or memory.at is None or self._clock.now() - memory.at > REQUEST_LASTS:
            made = self._entry(draft)
            records.append(made)
            if made.settled is not None:
                return records
            entry = Entry(draft.subject, made.id, draft.purpose, made.disclosed_from)
            unnamed: frozenset[str] = frozenset()
        else:
            entry = Entry(draft.subject, memory.entry, draft.purpose, memory.disclosed_from)
            unnamed = draft.attributes - memory.named
        unnamed = unnamed.difference(*(came.states for came in draft.came))
        if unnamed and draft.decision is Decision.DENIED:  # nothing follows it: this is the outcome
            why = dict.fromkeys(unnamed, str(draft.reason))
            records.append(self._outcome(entry, dict.fromkeys(sorted(unnamed), FactState.DENIED), why))
        elif unnamed:
            records.append(self._outcome(entry, dict.fromkeys(sorted(unnamed), ASKED), {}))
        came = (self._outcome(replace(entry, purpose=one.purpose), one.states, one.errors) for one in draft.came)
        return [*records, *came]

    def _classed(self, draft: Draft) -> Draft:
        """With the class that its purpose has by the data, unless it has one: no caller can forget it."""
        of_purpose = None if draft.disclosure else class_of(draft.purpose.id, self._classes)
        return replace(draft, disclosure=of_purpose) if of_purpose is not None else draft

    def _entry(self, draft: Draft) -> AccessEntry:
        asker, label, now = draft.asker, _label(draft), self._clock.now()
        disclosed_from = self._classes[draft.disclosure].disclosed_from(now) if draft.disclosure else None
        return AccessEntry(
            subject=draft.subject,
            id=household_id(disclosed_from) if disclosed_from and draft.disclosure == HOUSEHOLD else new_id(),
            at=now,
            asker_kind=asker.kind,
            asker_id=asker.id,
            asker_agency=asker.agency,
            asker_label={"th": label.th, "en": label.en},
            request=None if draft.disclosure == HOUSEHOLD else asker.request,
            caused_by=draft.caused_by,
            purpose=draft.purpose.id,
            basis=draft.purpose.basis,
            consent=draft.consent,
            agreements=sorted(draft.agreements),
            attributes=sorted(draft.attributes),
            decision=draft.decision,
            reason=draft.reason,
            settled=_settled(draft),
            salt=secrets.token_bytes(SALT_BYTES),
            blind=secrets.token_bytes(BLIND_BYTES),
            disclosed_from=disclosed_from,
        )

    def _outcome(self, entry: Entry, states: Mapping[str, str], errors: Mapping[str, str]) -> AccessOutcome:
        return AccessOutcome(
            subject=entry.subject,
            entry=entry.id,
            id=new_id(),
            at=self._clock.now(),
            purpose=entry.purpose.id,
            states=dict(states),
            errors=dict(errors),
            salt=secrets.token_bytes(SALT_BYTES),
            disclosed_from=entry.disclosed_from,
        )


def _settled(draft: Draft) -> str | None:
    """The one state in which all of it was answered, for its own purpose."""
    states = {state for came in draft.came for state in came.states.values()}
    named = frozenset[str]().union(*(came.states for came in draft.came))
    is_plain = all(came.purpose.id == draft.purpose.id and not came.errors for came in draft.came)
    return states.pop() if len(states) == 1 and is_plain and named == draft.attributes else None


def _entered(draft: Draft, memory: _Remembered, records: Sequence[AccessEntry | AccessOutcome]) -> Entry:
    """The entry that a draft shares or has, once its records are committed."""
    if records and isinstance(records[0], AccessEntry):
        memory.entry, memory.at, memory.named = records[0].id, records[0].at, set()
        memory.disclosed_from = records[0].disclosed_from
    memory.named |= draft.attributes
    assert memory.entry is not None
    return Entry(draft.subject, memory.entry, draft.purpose, memory.disclosed_from)


def _label(draft: Draft) -> Text:
    """The asker as the subject sees it. A citizen calls themself "you", which in another's log would be that other."""
    if draft.asker.kind is AskerKind.DELEGATE:
        return draft.asker.label if draft.asker.applicant == draft.subject else FOR_PARENT
    if draft.asker.kind is not AskerKind.CITIZEN or draft.asker.id == draft.subject.hex:
        return draft.asker.label
    return PARENT if draft.decision is Decision.ALLOWED else CLAIMS_TO_BE_PARENT
