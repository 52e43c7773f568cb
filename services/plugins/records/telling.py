"""Tells citizens of records about them, as the agency's answer says and in the words of its manifest: of each once, by
plugin and reference, in the transaction that settles the record's line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.ids import NationalId
from core.text import Text
from identity.inbox import MessageTemplate
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import JuristicRegister
from services.plugins.contract import Manifest, Notice, Reporter
from services.plugins.records.messages import NOTICE
from services.plugins.records.repository import IngestRepository


class People(Protocol):
    """`identity.people.register.PeopleRegister` is one."""

    async def resolve(self, session: AsyncSession, national_ids: Collection[NationalId]) -> Mapping[str, UUID]: ...


class Inbox(Protocol):
    async def send(self, session: AsyncSession, person: UUID, template: MessageTemplate, **values: Any) -> UUID: ...


def are_sound(manifest: Manifest, operation: str, notices: Sequence[Notice], taken: Collection[int]) -> bool:
    """Whether each is one of the operation's, of one of the records that were `taken`, and has the day that its words
    want."""
    known = manifest.operations[operation].notices
    return all(
        one.record in taken and one.notice in known and (one.day is not None or not known[one.notice].has_day)
        for one in notices
    )


class Telling:
    def __init__(self, clock: Clock, keys: KeyRing, people: People, register: JuristicRegister, inbox: Inbox) -> None:
        self._clock, self._keys, self._people = clock, keys, people
        self._register, self._inbox = register, inbox

    async def tell(
        self,
        session: AsyncSession,
        manifest: Manifest,
        operation: str,
        reporter: Reporter | None,
        notices: Sequence[Notice],
    ) -> None:
        """Of what was told before, by its reference, nobody hears again. Whoever it is of need not have signed in ever.

        Raises ValueError for words that would carry a number by which somebody is known.
        """
        repository, now = IngestRepository(session), self._clock.now()
        people = await self._people.resolve(session, [NationalId(one.pid) for one in notices])
        by, agency = await self._sender(session, manifest, reporter), manifest.agency.title.text
        for one in sorted(notices, key=lambda one: one.reference):  # two at once never wait crosswise
            key = self._keys.blind_index(f"{manifest.slug}/{one.notice}/{one.reference}", domain="ingest.notice")
            if not await repository.first_told(key, now):
                continue
            spec = manifest.operations[operation].notices[one.notice]
            title, body = (words.text.filled(by=by, day=one.day) for words in (spec.title, spec.body))
            await self._inbox.send(session, people[one.pid], NOTICE, agency=agency, title=title, body=body)

    async def _sender(self, session: AsyncSession, manifest: Manifest, reporter: Reporter | None) -> Text:
        if reporter is None:
            return manifest.agency.title.text
        row = await self._register.find(session, manifest.agency.slug, JuristicNumber(reporter.organisation))
        return manifest.agency.title.text if row is None else Text(th=row.title_th, en=row.title_en)
