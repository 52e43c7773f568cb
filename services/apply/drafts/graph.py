"""Drafts in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.clock import bangkok_day
from core.errors import BadInput, NotFound, SitthiError
from core.graph import Delegate, Info, Node, Nodes, Problem, global_id, localized, mutation, rights, work_of
from core.graph.mutations import problem_of
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from services.apply.delivery.decider import Services
from services.apply.delivery.graph import subject_of
from services.apply.drafts import models
from services.apply.drafts.errors import DraftChanged, DraftGone, DraftUnfit
from services.apply.drafts.service import KEPT, Content, DraftDesk, Seen
from services.apply.form_graph import FieldProblem, FilledForm, beneficiary_of, facts_of, filled, form_of
from services.apply.forms import Forms
from services.exchange.graph import Person
from services.exchange.graph.fields import described

CONTENT: Final = "application.draft"
_BOTH: Final = Text(th="ระบุ draft คู่กับ revision ที่เห็น", en="name the draft with the revision that was seen")
_ALONE: Final = Text(
    th="แบบร่างบอกอยู่แล้วว่ายื่นเรื่องใดและตอบว่าอย่างไร จึงไม่ต้องระบุซ้ำ",
    en="the draft says what is applied for and answered; leave it out here",
)


@strawberry.type(description="A form that is begun and not yet sent. Facts are not in it; `form` fills them in anew.")
class Draft(Node):
    row: strawberry.Private[models.Draft]
    subject: str = strawberry.field(description="`programme:<slug>` or `service:<slug>`.")
    revision: int = strawberry.field(description="One more each time that it is saved, on whatever device.")
    saved_at: datetime
    expires_on: date = strawberry.field(description="When it is deleted, unless it is saved again.")

    @classmethod
    def of(cls, row: models.Draft) -> Draft:
        return cls(
            id=global_id("Draft", row.id),
            row=row,
            subject=row.subject,
            revision=row.revision,
            saved_at=row.saved_at,
            expires_on=bangkok_day(row.saved_at + KEPT),
        )

    @described("In the language of the request.")
    def title(self, info: Info) -> str:
        return localized(info, Text(**self.row.title))

    @described("The viewer, or the child that it is for.")
    def beneficiary(self) -> Person:
        return Person.of(self.row.beneficiary)

    @described("What was answered so far.")
    async def answers(self, info: Info) -> JSON:
        return JSON(dict((await _content(info, self.row)).answers))

    @described("Answers that are not as the form asks; they are kept, and nothing is sent before they are mended.")
    async def problems(self, info: Info) -> list[FieldProblem]:
        return [FieldProblem.of(info, flaw) for flaw in (await _content(info, self.row)).flaws]

    @described("Places of answers to questions that the form does not have any more; they are not sent.")
    async def gone(self, info: Info) -> list[list[str]]:
        return [[str(step) for step in place] for place in (await _content(info, self.row)).gone]

    @described("Whether the form is another one than when this was saved.")
    async def form_changed(self, info: Info) -> bool:
        form = (await _content(info, self.row)).form
        return form is None or form.version != self.row.form_version

    @described("The form as it is now, after these answers; null while it is not offered.")
    async def form(self, info: Info) -> FilledForm | None:
        content = await _content(info, self.row)
        if content.form is None:
            return None
        person = await _still_theirs(info, self.row)
        return await filled(info, content.form, person, content.answers)


async def _content(info: Info, row: models.Draft) -> Content:
    async def batch(keys: list[tuple[UUID, int]]) -> Sequence[Content]:
        return [await info.context.room(DraftDesk).content(row) for _ in keys]

    # A loader for each row: what it loads is this row's, however many fields ask for it.
    return await info.context.loader(f"{CONTENT}:{row.id.hex}:{row.revision}", batch).load((row.id, row.revision))


async def _still_theirs(info: Info, row: models.Draft) -> UUID:
    """Whom it is for. Raises NotFound where that child is not the viewer's any more, or is grown up."""
    form = info.context.room(Forms).of_subject(row.subject)  # type: ignore[type-abstract]  # known by its protocol
    if form is None:
        raise NotFound(path=("draft",))
    return await beneficiary_of(info, form, global_id("Person", row.beneficiary))


@strawberry.type
class DraftsOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described("The one that was saved last comes first.", **rights(Delegate.APPLY))
    async def drafts(self, info: Info) -> list[Draft] | None:
        rows = await info.context.room(DraftDesk).of_person(self.person)
        return [Draft.of(row) for row in rows if _may_see(info, row.subject)]


@strawberry.input(
    description="A new draft: `programme` (its slug) or `service` (its id). The next revision of one: `draft`, and the "
    "`revision` that was seen."
)
class SaveDraftInput:
    answers: JSON = strawberry.field(description="All of them so far: an object. What is left out is not kept.")
    idempotency_key: str
    programme: str | None = None
    service: strawberry.ID | None = None
    beneficiary: strawberry.ID | None = strawberry.field(default=None, description="The viewer, if left out.")
    draft: strawberry.ID | None = None
    revision: int | None = None


@strawberry.input
class DiscardDraftInput:
    draft: strawberry.ID
    revision: int = strawberry.field(description="The one that was seen.")
    idempotency_key: str


@strawberry.type(
    description="Two devices wrote to one draft. Nothing was written: show both, and save what the citizen chooses."
)
class DraftConflict:
    given: int = strawberry.field(description="The revision that the caller had seen; 0: none.")
    current: Draft = strawberry.field(description="The draft as it is now.")


@strawberry.type
class SaveDraftPayload:
    draft: Draft | None = None
    revision: int | None = strawberry.field(
        default=None,
        description="The one that this save made. If `draft` has a later one, another device was faster.",
    )
    conflict: DraftConflict | None = strawberry.field(default=None, description="With DRAFT_CHANGED.")
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(draft=await draft_node(info, UUID(hex=kept["draft"])), revision=kept["revision"])


@strawberry.type(description="A draft that is not there any more.")
class DiscardedDraft:
    id: strawberry.ID
    revision: int


@strawberry.type
class DiscardDraftPayload:
    discarded: DiscardedDraft | None = None
    conflict: DraftConflict | None = strawberry.field(default=None, description="With DRAFT_CHANGED.")
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, _info: Info, kept: dict[str, Any]) -> Self:
        return cls(discarded=_discarded(Seen(UUID(hex=kept["draft"]), kept["revision"])))


@strawberry.type
class DraftMutation:
    @mutation(
        SaveDraftPayload,
        delegate=Delegate.APPLY,
        keyed=True,
        description="Keeps what was answered so far; of an answer that is not as the form asks, the draft says so.",
    )
    async def save_draft(self, info: Info, input: SaveDraftInput) -> SaveDraftPayload:
        desk, work = info.context.room(DraftDesk), work_of(info)
        seen = seen_of(input.draft, input.revision)
        subject, person = ("", work.viewer.person)
        if seen is None:
            subject, person = await _begun(info, input)
        elif (input.programme, input.service, input.beneficiary) != (None, None, None):
            raise BadInput(_ALONE, path=("draft",))
        else:
            await _refuse_hidden(info, seen)
        try:
            async with work.transaction() as session:
                if seen is None:
                    row = await desk.begin(
                        session, work.viewer.person, subject, person, input.answers, acted_by=work.acted_by
                    )
                else:
                    row = await desk.save(session, work.viewer.person, seen, input.answers, acted_by=work.acted_by)
                work.keep(draft=row.id.hex, revision=row.revision)
        except DraftChanged as error:
            standing = await _standing(info, seen, subject, person)
            return SaveDraftPayload(conflict=_conflict(seen, standing), problems=[problem_of(error, info.context)])
        return SaveDraftPayload(draft=Draft.of(row), revision=row.revision)

    @mutation(
        DiscardDraftPayload,
        delegate=Delegate.APPLY,
        description="Throws a draft away, if nobody has saved it since.",
    )
    async def discard_draft(self, info: Info, input: DiscardDraftInput) -> DiscardDraftPayload:
        desk, work = info.context.room(DraftDesk), work_of(info)
        seen = Seen(_key(input.draft), input.revision)
        await _refuse_hidden(info, seen)
        try:
            async with work.transaction() as session:
                await desk.discard(session, work.viewer.person, seen)
                work.keep(draft=seen.draft.hex, revision=seen.revision)
        except DraftChanged as error:
            standing = await _standing(info, seen, "", work.viewer.person)
            return DiscardDraftPayload(conflict=_conflict(seen, standing), problems=[problem_of(error, info.context)])
        return DiscardDraftPayload(discarded=_discarded(seen))


async def to_send(info: Info, seen: Seen) -> tuple[str, UUID, dict[str, Any]]:
    """What is applied for with a draft: subject, beneficiary, and the answers to what is asked by now.

    Left out is what the draft showed as not sent: answers whose question is gone, or does not apply. Raises DraftGone,
    DraftChanged, NotFound, NotDelegated, StepUpRequired, and DraftUnfit for an answer that is not as the form asks.
    """
    desk = info.context.room(DraftDesk)
    await _refuse_hidden(info, seen)
    row = await desk.seen(info.context.signed_in().person, seen)
    content = await desk.content(row)
    if content.form is None:
        raise NotFound(path=("draft",))
    _may_apply(info, row.subject)
    person = await _still_theirs(info, row)
    told = await facts_of(info, content.form, person)
    forms = info.context.room(Forms)  # type: ignore[type-abstract]  # known by its protocol alone
    gone = [tuple("[]" if isinstance(step, int) else step for step in place) for place in content.gone]
    kept = content.form.rules.without(content.answers, gone)
    answers = dict(forms.standing(content.form, told, kept).answers)
    for flaw in content.form.rules.flaws(answers):
        if not flaw.missing:
            raise DraftUnfit(why=flaw.why, path=("answers", *flaw.place))
    return row.subject, row.beneficiary, answers


def seen_of(draft: strawberry.ID | None, revision: int | None) -> Seen | None:
    """Raises MalformedGlobalId, and BadInput for one without the other."""
    if draft is None and revision is None:
        return None
    if draft is None or revision is None:
        raise BadInput(_BOTH, path=("draft" if draft is None else "revision",))
    return Seen(_key(draft), revision)


def refuse_beside_draft(*given: object) -> None:
    """Raises BadInput where something is given that the draft says."""
    if any(one is not None for one in given):
        raise BadInput(_ALONE, path=("draft",))


async def draft_conflict(info: Info, seen: Seen) -> DraftConflict | None:
    """With DraftChanged: both sides."""
    return _conflict(seen, await _standing(info, seen, "", info.context.signed_in().person))


async def _begun(info: Info, given: SaveDraftInput) -> tuple[str, UUID]:
    """What a new draft is for. Raises BadInput, MalformedGlobalId, NotFound, NotOfferedHere and NotDelegated."""
    form = form_of(info, given.programme, given.service)
    if form is None:
        raise NotFound(path=("programme" if given.service is None else "service",))
    _may_apply(info, form.subject)
    return form.subject, await beneficiary_of(info, form, given.beneficiary)


def _may_apply(info: Info, subject: str) -> None:
    """Raises NotOfferedHere, StepUpRequired and NotDelegated: nobody drafts for another what they may not send."""
    entry = info.context.room(Forms).service_of(subject)  # type: ignore[type-abstract]  # known by its protocol alone
    if entry is not None:
        subject_of(info, global_id("Service", entry))


def _may_see(info: Info, subject: str) -> bool:
    """Whether the caller is the citizen, or may send it for them: what a service lets nobody do for another, nobody
    reads for them either."""
    if info.context.signed_in().acting is None:
        return True
    entry = info.context.room(Forms).service_of(subject)  # type: ignore[type-abstract]  # known by its protocol alone
    offer = None if entry is None else info.context.room(Services).offer(entry)
    return entry is None or (offer is not None and offer.delegates)


async def _refuse_hidden(info: Info, seen: Seen) -> None:
    """Raises DraftGone for one that the caller may not see, before anything is told of it."""
    row = await info.context.room(DraftDesk).own(info.context.signed_in().person, seen.draft)
    if row is not None and not _may_see(info, row.subject):
        raise DraftGone(path=("draft",))


async def _standing(info: Info, seen: Seen | None, subject: str, beneficiary: UUID) -> models.Draft | None:
    desk, person = info.context.room(DraftDesk), info.context.signed_in().person
    return await (desk.standing(person, subject, beneficiary) if seen is None else desk.own(person, seen.draft))


def _conflict(seen: Seen | None, standing: models.Draft | None) -> DraftConflict | None:
    """None where it went in the meantime."""
    if standing is None:
        return None
    return DraftConflict(given=0 if seen is None else seen.revision, current=Draft.of(standing))


def _discarded(seen: Seen) -> DiscardedDraft:
    return DiscardedDraft(id=global_id("Draft", seen.draft), revision=seen.revision)


def _key(given: strawberry.ID) -> UUID:
    try:
        return GlobalId.parse(str(given), expected="Draft").id
    except SitthiError:
        raise MalformedGlobalId(path=("draft",)) from None


async def draft_node(info: Info, key: UUID) -> Draft | None:
    """The viewer's; foreign and unknown are alike."""
    viewer = info.context.viewer
    found = None if viewer is None else await info.context.room(DraftDesk).own(viewer.person, key)
    return None if found is None or not _may_see(info, found.subject) else Draft.of(found)


NODES: Nodes = {"Draft": draft_node}
