"""Takes an agency's records to its plugin: each line once, whatever breaks on the way.

The body goes in calls of the operation's `batch`, one after the other. A call's key is made of the sending's key and of
its first line, so that a call which is made again is the same call to the agency, and a call whose answer we have is
not made again. No call is made in an open transaction (docs/adr/0008). What an answer awards is recorded in the
transaction that settles its lines (docs/adr/0044).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound, ServiceUnavailable
from core.ids import new_id
from core.text import Text
from services.plugins.contract import Access, Award, Notice, OperationKind, Reporter, Sender
from services.plugins.contract.kinds import RECORDS_DEFAULT, Taken
from services.plugins.contract.wire import KEY_REPEATED_DAYS_MAX
from services.plugins.plugin import Plugin
from services.plugins.records.awards import Benefits, Refused, are_sound
from services.plugins.records.errors import IngestConflict, IngestExpired, IngestInterrupted, IngestRunning
from services.plugins.records.lines import WORDS, Line, Rejection, Schema, calls_of
from services.plugins.records.models import IngestChunk, IngestRequest
from services.plugins.records.repository import IngestRepository
from services.plugins.records.telling import Telling
from services.plugins.records.telling import are_sound as are_told_soundly
from services.plugins.runner.errors import AgencyDeclined, Trouble
from services.plugins.runner.runner import Runner
from services.plugins.standing import must_be_open

KEPT: Final = timedelta(days=90)
"""How long a key and its answer are remembered."""
GOES_ON: Final = timedelta(days=KEY_REPEATED_DAYS_MAX)
"""How long what was interrupted may be gone on with: calls of it may have arrived, and plugins forget their keys."""
LEASED: Final = timedelta(seconds=60)
"""Longer than any call may take; who was killed is followed by another when it is over."""
RUN_SECONDS: Final = 60.0
"""No call begins later than that after the request: the rest is for the next request under the same key."""
TIME_UP: Final = "TIME_UP"
log = structlog.get_logger(__name__)
_GONE: Final = Text(th="หน่วยงานไม่รับข้อมูลบรรทัดนี้", en="The agency did not take this line.")


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends what to which operation."""

    plugin: Plugin
    operation: str
    client: str
    key: str
    body: bytes
    lines: Sequence[Line]
    reporter: Reporter | None = None
    still: Callable[[], Awaitable[None]] | None = None
    """Asked before each call; raises when the sender may send no more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    taken: int
    rejected: tuple[Rejection, ...]
    interrupted: IngestInterrupted | None = None
    told: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    """What the agency said of lines that it took, in the calls that were made just now: it is kept nowhere."""


@dataclass(slots=True)
class _Answer:
    """Of one call."""

    rejected: list[Rejection]
    told: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    awards: Sequence[Award] = ()
    notices: Sequence[Notice] = ()
    asked: Sequence[int] = ()
    """Numbers of the lines that the agency was asked about, in the order of its records."""

    def refuse(self, records: Mapping[int, Refused]) -> None:
        """What the host does not owe because of them."""
        lines = {self.asked[record]: why for record, why in records.items()}
        refused = [Rejection(line, why.value) for line, why in lines.items()]
        self.rejected = sorted([*self.rejected, *refused], key=lambda one: one.line)
        self.told = [one for one in self.told if one[0] not in lines]
        self.notices = [one for one in self.notices if one.record not in records]


class RecordDesk:
    """`plugins` are those in force; `seconds` is a steady clock."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        runner: Runner,
        plugins: Callable[[], Sequence[Plugin]],
        seconds: Callable[[], float] = time.monotonic,
        benefits: Benefits | None = None,
        telling: Telling | None = None,
    ) -> None:
        """Without `benefits` no answer may award anything, and without `telling` none tells citizens anything."""
        self._benefits, self._telling = benefits, telling
        self._db, self._clock, self._keys, self._runner = db, clock, keys, runner
        self._plugins, self._seconds = plugins, seconds

    def find(self, agency: str | None, slug: str, operation: str) -> Plugin:
        """The agency's own plugin with that operation of kind ingest, about nobody in particular; without an agency,
        one that juristic persons may send to, in whosever register they have to be.

        Raises :class:`NotFound`, and what a service that is not open raises.
        """
        for plugin in self._plugins():
            manifest = plugin.manifest
            spec = manifest.operations.get(operation)
            if (
                manifest.slug == slug
                and agency in (None, manifest.agency.slug)
                and spec is not None
                and (Sender.JURISTIC if agency is None else Sender.AGENCY) in spec.senders
                and spec.kind is OperationKind.INGEST
                and spec.access is Access.PUBLIC
            ):
                must_be_open(plugin.standing, manifest.title.text)
                return plugin
        raise NotFound

    async def take(self, sending: Sending) -> Outcome:
        """What came of it, now or when it was sent first. Raises :class:`IngestConflict`, :class:`IngestRunning` and
        :class:`IngestExpired`."""
        row, said = await self._begin(sending), list[tuple[int, Mapping[str, Any]]]()
        trouble = await self._go_on(sending, row, said) if row.lease is not None else None
        async with self._db.read() as session:
            repository = IngestRepository(session)
            row = await repository.get(row.id)
            rejected = tuple(Rejection(*told) for told in await repository.rejected(row.id))
        places = {line.number: line.line_of(None) for line in sending.lines}
        told = tuple((places[number], answer) for number, answer in said)
        return Outcome(row.taken, *_placed(sending.lines, rejected, trouble), told)

    async def is_settled(self, plugin: Plugin, operation: str, key: str) -> bool:
        """Whether a sending under that key was taken to its end."""
        async with self._db.read() as session:
            manifest, hidden = plugin.manifest, self._hidden(plugin, operation, key)
            row = await IngestRepository(session).find(manifest.agency.slug, manifest.slug, operation, hidden)
        return row is not None and row.settled >= row.lines

    def words(self, plugin: Plugin, code: str) -> Text:
        """Ours, or the manifest's."""
        if (ours := WORDS.get(code)) is not None:
            return ours
        declared = plugin.manifest.errors.get(code)
        return _GONE if declared is None else declared.text

    def _hidden(self, plugin: Plugin, operation: str, key: str, reporter: Reporter | None = None) -> Any:
        if reporter is not None:  # no sender's keys are another's
            given = f"{plugin.slug}/{operation}/{reporter.organisation}/{key}"
            return self._keys.blind_index(given, domain="ingest.key.juristic")
        return self._keys.blind_index(f"{plugin.slug}/{operation}/{key}", domain="ingest.key")

    async def _begin(self, sending: Sending) -> IngestRequest:
        """The sending's row, with a lease of ours unless nothing is left to do."""
        now, manifest = self._clock.now(), sending.plugin.manifest
        digest = hashlib.sha256(sending.body).hexdigest()
        fresh = IngestRequest(
            id=new_id(),
            agency=manifest.agency.slug,
            plugin=manifest.slug,
            operation=sending.operation,
            key=self._hidden(sending.plugin, sending.operation, sending.key, sending.reporter),
            digest=self._keys.blind_index(digest, domain="ingest.body"),
            lines=sending.lines[-1].number,
            size=manifest.operations[sending.operation].batch or RECORDS_DEFAULT,
            settled=0,
            taken=0,
            at=now,
        )
        async with self._db.write() as session:
            repository = IngestRepository(session)
            await repository.forget(now - KEPT)
            row = await repository.enter(fresh)
            if row.digest != fresh.digest:
                raise IngestConflict
            if row.settled < row.lines:
                if now - row.at > GOES_ON:
                    raise IngestExpired(settled=row.settled)
                if row.lease is not None and row.leased_until is not None and now < row.leased_until:
                    raise IngestRunning
                row.lease, row.leased_until = new_id(), now + LEASED
            return row

    async def _go_on(
        self, sending: Sending, row: IngestRequest, said: list[tuple[int, Mapping[str, Any]]]
    ) -> IngestInterrupted | None:
        """From the first line that is not settled. Whatever ends it, the next request need not wait. What the agency
        says of lines that are settled now is added to `said`."""
        assert row.lease is not None, "the row was begun"
        ends, is_ours = self._seconds() + RUN_SECONDS, True
        spec = sending.plugin.manifest.operations[sending.operation]
        assert spec.record is not None, "an ingest says what a record is"
        schema, left = Schema(spec.record), [line for line in sending.lines if line.number > row.settled]
        try:
            for call in calls_of(left, row.size):
                if self._seconds() > ends:
                    return IngestInterrupted(settled=row.settled, uncertain=row.settled, trouble=TIME_UP)
                if sending.still is not None:
                    await sending.still()
                try:
                    answer = await self._call(sending, row, call, schema)
                    is_ours = await self._settle(sending, row, row.lease, call, answer)
                except ServiceUnavailable as silent:
                    reason = str(getattr(silent, "reason", silent.code))
                    return IngestInterrupted(settled=row.settled, uncertain=call[-1].number, trouble=reason)
                if not is_ours:
                    raise IngestRunning
                said += answer.told
            return None
        finally:
            if is_ours:
                async with self._db.write() as session:
                    await IngestRepository(session).hold(row.id, row.lease, {"lease": None, "leased_until": None})

    async def _call(self, sending: Sending, row: IngestRequest, call: Sequence[Line], schema: Schema) -> _Answer:
        """What is settled of these lines. Raises `ServiceUnavailable`."""
        read = [(line.number, schema.read(line)) for line in call]
        rejected = [found for _, found in read if isinstance(found, Rejection)]
        good = [(number, found) for number, found in read if not isinstance(found, Rejection)]
        answer = await self._ask(sending, row, call[0].number, good, schema) if good else _Answer([])
        answer.rejected = sorted(rejected + answer.rejected, key=lambda one: one.line)
        return answer

    async def _ask(
        self, sending: Sending, row: IngestRequest, first: int, good: Sequence[tuple[int, Any]], schema: Schema
    ) -> _Answer:
        """What the agency says of the lines. Raises `ServiceUnavailable`."""
        plugin = sending.plugin
        try:
            told: Taken = await self._runner.run(
                plugin,
                sending.operation,
                asker=sending.client,
                arguments={"records": [record for _, record in good]},
                key=f"{hashlib.sha256(row.key + row.digest).hexdigest()}-{first}",
                reporter=sending.reporter,
            )
        except AgencyDeclined as declined:  # the call as a whole, and so each of its lines
            return _Answer([Rejection(number, str(declined.fields["error"])) for number, _ in good])
        known = {one.record: one for one in reversed(told.rejected)}
        if any(number >= len(good) for number in known) or any(
            one.code not in plugin.manifest.errors for one in told.rejected
        ):
            raise _Malformed(plugin.manifest.agency.title.text)
        kept = set(range(len(good))) - known.keys()
        if (
            not are_sound(plugin.manifest, sending.operation, told.awards, kept)
            or not are_told_soundly(plugin.manifest, sending.operation, told.notices, kept)
            or any(one.record not in kept for one in told.told)
        ):
            raise _Malformed(plugin.manifest.agency.title.text)
        rejected = [
            Rejection(
                good[n][0], one.code, schema.pointer_of(one.path, good[n][1]), computed=one.computed, other=one.other
            )
            for n, one in known.items()
        ]
        said: list[tuple[int, Mapping[str, Any]]] = [(good[one.record][0], one.answer) for one in told.told]
        return _Answer(rejected, said, told.awards, told.notices, [number for number, _ in good])

    async def _settle(
        self, sending: Sending, row: IngestRequest, lease: UUID, call: Sequence[Line], answer: _Answer
    ) -> bool:
        """Whether it was still ours to settle. A line that awards what contradicts an earlier award is rejected, for
        good. Raises `ServiceUnavailable`, and nothing is settled."""
        first, settled, until = call[0].number, call[-1].number, self._clock.now() + LEASED
        taken = row.taken
        async with self._db.write() as session:
            repository = IngestRepository(session)
            is_ours = await repository.hold(row.id, lease, {"settled": settled, "leased_until": until})
            if is_ours:
                answer.refuse(await self._owe(session, sending.plugin, answer.awards))
                await self._tell(session, sending, answer.notices)
                taken += len(call) - len(answer.rejected)
                await repository.hold(row.id, lease, {"taken": taken})
                rejected = [one.as_row() for one in answer.rejected]
                repository.add(IngestChunk(request=row.id, first=first, rejected=rejected))
        row.settled, row.taken = settled, taken
        return is_ours

    async def _owe(self, session: AsyncSession, plugin: Plugin, awards: Sequence[Award]) -> Mapping[int, Refused]:
        """The records that are refused because of what they award."""
        if not awards:
            return {}
        refused = None if self._benefits is None else await self._benefits.owe(session, plugin.manifest, awards)
        if refused is None:
            log.error("award_not_taken", plugin=plugin.slug, count=len(awards))
            raise _Malformed(plugin.manifest.agency.title.text)
        if refused:
            log.warning("award_refused", plugin=plugin.slug, count=len(refused))
        return refused

    async def _tell(self, session: AsyncSession, sending: Sending, notices: Sequence[Notice]) -> None:
        if not notices:
            return
        manifest = sending.plugin.manifest
        if self._telling is None:
            raise _Malformed(manifest.agency.title.text)
        try:
            await self._telling.tell(session, manifest, sending.operation, sending.reporter, notices)
        except ValueError:
            log.exception("notice_not_taken", plugin=manifest.slug)
            raise _Malformed(manifest.agency.title.text) from None


def _placed(
    lines: Sequence[Line], rejected: Sequence[Rejection], trouble: IngestInterrupted | None
) -> tuple[tuple[Rejection, ...], IngestInterrupted | None]:
    """With the lines of the file that was sent; what is kept of a sending are the numbers of its records."""
    by_number = {line.number: line for line in lines}

    def end_of(number: int) -> int:
        return by_number[number].ends or number if number in by_number else number

    told = tuple(
        replace(one, line=by_number[one.line].line_of(one.path)) if one.line in by_number else one for one in rejected
    )
    if trouble is not None:
        trouble = IngestInterrupted(
            settled=end_of(trouble.settled), uncertain=end_of(trouble.uncertain), trouble=trouble.trouble
        )
    return told, trouble


class _Malformed(ServiceUnavailable):
    """The plugin rejects what it was not given, or by a code that its manifest does not declare; or it awards what it
    may not."""

    reason = Trouble.MALFORMED
