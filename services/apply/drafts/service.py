"""Keeps what a citizen has answered so far, and never writes over what they have not seen (docs/adr/0038).

Every save names the revision that the device had seen. Answers are held to the form leniently: one that is not as the
form asks is kept, and its flaw is told; a question that the state answers itself, or that the form does not have, is
refused. Facts are never kept: a draft is filled with them anew whenever it is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.inbox.models import ChangeKind
from identity.inbox.service import Inbox
from services.apply.delivery.answers import NOT_ASKED, UnusableForm, harmless, refuse_held
from services.apply.drafts import repository
from services.apply.drafts.errors import DraftChanged, DraftGone, TooManyDrafts
from services.apply.drafts.models import Draft
from services.apply.errors import NotOfferedHere
from services.apply.form_rules import Flaw, Place
from services.apply.forms import Form, Forms
from services.apply.messages import MESSAGES

DRAFTS_MAX: Final = 20
"""Of one person."""
SIZE_BYTES_MAX: Final = 16_384
KEPT: Final = timedelta(days=90)
"""After it was saved last."""
WARNED_BEFORE: Final = timedelta(days=14)
BATCH: Final = 200

EXPIRING: Final = MESSAGES["apply.draft-expiring"]
_TOO_MUCH: Final = Text(th="คำตอบมากหรือยาวเกินไป", en="too many answers, or too long")


class People(Protocol):
    """The register of people, as far as this room asks it."""

    async def keep_there(self, session: AsyncSession, person: UUID) -> bool:
        """Whether the person is registered. Who is, cannot leave before `session`, a write session, ends."""
        ...


class Keepers(Protocol):
    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        """Whose drafts a legal hold keeps now; None stands for everybody's."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """The draft and the revision that somebody looked at."""

    draft: UUID
    revision: int


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """What a draft holds, as the form of this moment sees it."""

    answers: Mapping[str, Any]
    flaws: Sequence[Flaw]
    """Answers that are not as the form asks."""
    gone: Sequence[Place]
    """Answers to questions that the form does not have any more."""
    form: Form | None
    """None: it is not offered now."""


class DraftDesk:
    def __init__(self, db: Database, clock: Clock, keys: KeyRing, forms: Forms, inbox: Inbox, people: People) -> None:
        self._db, self._clock, self._subjects = db, clock, SubjectKeys(keys)
        self._forms, self._inbox, self._people = forms, inbox, people
        self.keepers: Keepers | None = None
        """Set when that room stands."""

    async def begin(
        self,
        session: AsyncSession,
        person: UUID,
        subject: str,
        beneficiary: UUID,
        answers: object,
        *,
        acted_by: UUID | None = None,
    ) -> Draft:
        """A new draft. Raises DraftChanged where there is one, TooManyDrafts, NotOfferedHere, BadInput."""
        form = self._form(subject)
        content = self._checked(form, answers, {})
        await repository.one_at_a_time(session, person)
        if not await self._people.keep_there(session, person):
            raise NotFound
        standing = await repository.of_subject(session, person, subject, beneficiary)
        if standing is not None:
            raise DraftChanged(given=0, current=standing.revision)
        if await repository.count(session, person) >= DRAFTS_MAX:
            raise TooManyDrafts(most=DRAFTS_MAX)
        key = new_id()
        row = Draft(
            person=person,
            id=key,
            subject=subject,
            beneficiary=beneficiary,
            title={"th": form.title.th, "en": form.title.en},
            revision=1,
            form_version=form.version,
            answers_sealed=await self._sealed(session, person, key, content),
            saved_at=self._clock.now(),
            saved_by=acted_by,
        )
        session.add(row)
        await session.flush()
        await self._inbox.announce(session, person, ChangeKind.DRAFT, key)
        return row

    async def save(
        self, session: AsyncSession, person: UUID, seen: Seen, answers: object, *, acted_by: UUID | None = None
    ) -> Draft:
        """The next revision, in place of the one that was seen. Raises DraftGone, DraftChanged, NotOfferedHere,
        BadInput."""
        row = await self._seen(session, person, seen)
        form = self._form(row.subject)
        content = self._checked(form, answers, await self._opened(session, row))
        changes = {
            "revision": seen.revision + 1,
            "title": {"th": form.title.th, "en": form.title.en},
            "form_version": form.version,
            "answers_sealed": await self._sealed(session, person, row.id, content),
            "saved_at": self._clock.now(),
            "saved_by": acted_by,
            "warned_at": None,
        }
        if not await repository.store(session, person, row.id, seen.revision, changes):
            raise await self._changed(session, person, seen)
        await self._inbox.announce(session, person, ChangeKind.DRAFT, row.id)
        saved = await repository.own(session, person, row.id)
        assert saved is not None, "it was written just now"
        return saved

    async def discard(self, session: AsyncSession, person: UUID, seen: Seen) -> None:
        """Raises DraftGone, and DraftChanged: what was saved elsewhere is not thrown away unseen."""
        if not await repository.delete_own(session, person, seen.draft, seen.revision):
            raise await self._changed(session, person, seen)
        await self._inbox.announce(session, person, ChangeKind.DRAFT, seen.draft)

    async def spend(
        self, session: AsyncSession, person: UUID, subject: str, beneficiary: UUID, seen: Seen | None
    ) -> None:
        """An application was made of it, or beside it: the draft goes, in the application's transaction. What was sent
        is what was `seen`: raises DraftGone, DraftChanged."""
        if seen is not None:
            await self.discard(session, person, seen)
            return
        row = await repository.of_subject(session, person, subject, beneficiary)
        if row is not None and await repository.delete_own(session, person, row.id):
            await self._inbox.announce(session, person, ChangeKind.DRAFT, row.id)

    async def own(self, person: UUID, draft: UUID) -> Draft | None:
        """The person's; foreign and unknown are alike."""
        async with self._db.read() as session:
            return await repository.own(session, person, draft)

    async def standing(self, person: UUID, subject: str, beneficiary: UUID) -> Draft | None:
        async with self._db.read() as session:
            return await repository.of_subject(session, person, subject, beneficiary)

    async def of_person(self, person: UUID) -> Sequence[Draft]:
        async with self._db.read() as session:
            return await repository.of_person(session, person)

    async def seen(self, person: UUID, seen: Seen) -> Draft:
        """Raises DraftGone, DraftChanged."""
        async with self._db.read() as session:
            return await self._seen(session, person, seen)

    async def content(self, row: Draft) -> Content:
        """Raises SealBroken for what was changed."""
        async with self._db.read() as session:
            answers = await self._opened(session, row)
        form = self._forms.of_subject(row.subject)
        try:
            flaws = () if form is None else form.rules.flaws(answers)
            gone = tuple(one.place for one in flaws if form is not None and _is_strange(form, one))
        except UnusableForm:
            flaws, gone, form = (), (), None
        wrong = tuple(one for one in flaws if not one.missing and not one.unasked)
        return Content(answers, wrong, gone, form)

    async def expire(self) -> tuple[int, int]:
        """The job: tells whose draft will go, and deletes those whose time is over. Answers how many of each."""
        now = self._clock.now()
        async with self._db.write() as session:
            due = await repository.unwarned(session, now - KEPT + WARNED_BEFORE, BATCH)
            for row in due:
                goes = max(row.saved_at + KEPT, now + WARNED_BEFORE)
                await self._inbox.send(session, row.person, EXPIRING, title=Text(**row.title), on=bangkok_day(goes))
                row.warned_at = now
        async with self._db.write() as session:
            held = await self.keepers.held(session) if self.keepers is not None else ()
            over = await repository.over(session, now - KEPT, now - WARNED_BEFORE, held, BATCH)
            for row in over:
                await repository.delete_own(session, row.person, row.id, row.revision)
                await self._inbox.announce(session, row.person, ChangeKind.DRAFT, row.id)
        return len(due), len(over)

    def _form(self, subject: str) -> Form:
        form = self._forms.of_subject(subject)
        if form is None:
            raise NotOfferedHere
        return form

    def _checked(self, form: Form, answers: object, before: Mapping[str, Any]) -> dict[str, Any]:
        """What can be kept. An answer whose question went since it was saved stays, until the citizen takes it out."""
        given = harmless(answers)
        if len(orjson.dumps(given)) > SIZE_BYTES_MAX:
            raise BadInput(_TOO_MUCH, path=("answers",))
        refuse_held(given, form.held)
        try:
            for flaw in form.rules.flaws(given):
                if _is_strange(form, flaw) and not _stands(before, flaw.place):
                    raise BadInput(NOT_ASKED, path=("answers", *flaw.place[:-1]))
        except UnusableForm:
            raise NotOfferedHere from None
        return given

    async def _seen(self, session: AsyncSession, person: UUID, seen: Seen) -> Draft:
        row = await repository.own(session, person, seen.draft)
        if row is None:
            raise DraftGone(path=("draft",))
        if row.revision != seen.revision:
            raise DraftChanged(given=seen.revision, current=row.revision)
        return row

    async def _changed(self, session: AsyncSession, person: UUID, seen: Seen) -> DraftChanged | DraftGone:
        row = await repository.own(session, person, seen.draft)
        if row is None:
            return DraftGone(path=("draft",))
        return DraftChanged(given=seen.revision, current=row.revision)

    async def _sealed(self, session: AsyncSession, person: UUID, draft: UUID, answers: Mapping[str, Any]) -> bytes:
        key = await self._subjects.for_sealing(session, person)
        return key.seal(orjson.dumps(answers), bound_to=bound_to(Draft.answers_sealed, draft))

    async def _opened(self, session: AsyncSession, row: Draft) -> dict[str, Any]:
        place = bound_to(Draft.answers_sealed, row.id)
        plain = await self._subjects.open(session, row.person, row.answers_sealed, bound_to=place)
        return orjson.loads(plain)  # type: ignore[no-any-return]  # an object: `_checked` made it


def _is_strange(form: Form, flaw: Flaw) -> bool:
    """Whether it is an answer to a question that the form does not have, under no condition."""
    return flaw.unasked and not form.rules.names(flaw.place)


def _stands(answers: Any, place: Place) -> bool:
    for step in place:
        in_list = isinstance(answers, list) and isinstance(step, int) and step < len(answers)
        if not in_list and not (isinstance(answers, Mapping) and step in answers):
            return False
        answers = answers[step]
    return True
