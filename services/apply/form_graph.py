"""Forms in the graph, filled with what the state knows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.errors import BadInput, NotFound, ServiceUnavailable
from core.graph import Access, Delegate, Info, localized
from core.graph import field as root_field
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from services.apply.delivery.answers import UnusableForm, harmless
from services.apply.errors import NotOfferedHere
from services.apply.form_rules import Asked, Flaw
from services.apply.forms import About, FieldKind, Form, FormField, Forms, QuestionCounter, Told
from services.exchange.catalogue import Catalogue
from services.exchange.facts import OWN_VIEW, WELFARE_CHECK, Fact, FactState
from services.exchange.graph import KnownFact, Source, load_children, load_facts

SLUG_LENGTH_MAX: Final = 64
CHILDREN: Final = "children"
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_USED_UNSEEN: Final = Text(
    th="ระบบคำนวณจากข้อมูลของหลายคน ใช้พิจารณาโดยไม่แสดงผลรวม",
    en="Worked out from facts of several people: it is used, and the total is shown to nobody.",
)

strawberry.enum(
    FieldKind,
    name="FormFieldKind",
    description="Who says it: the state (KNOWN), the state by adding up what it shows to nobody (COMPUTED), or the "
    "citizen (ASKED).",
)


@strawberry.type(
    name="FormField", description="A field of a form, with what the state fills in and whose word that is."
)
class Field:
    path: str = strawberry.field(description="The key of an answer.")
    title: str
    kind: FieldKind
    attribute: str | None = strawberry.field(description="Its id in the catalogue; null for what no catalogue holds.")
    value: JSON | None = strawberry.field(
        description="A date as YYYY-MM-DD, money as `{satang currency}`, a name or an address as an object of texts."
    )
    text: str | None = strawberry.field(description="The value for people, in the language of the request.")
    source: Source | None
    as_of: datetime | None
    age_seconds: int | None = strawberry.field(description="Since `asOf`, for a value that is STALE.")
    state: str | None = strawberry.field(
        description="FRESH, STALE, UNAVAILABLE or DENIED; null for what is not looked up."
    )
    note: str | None = strawberry.field(
        description="Said beside the value, or in its place: a known field is never blank without a word."
    )
    correctable: bool = strawberry.field(description="Whether `requestCorrection` takes this attribute.")
    schema: JSON | None = strawberry.field(description="JSON Schema 2020-12 of what is asked.")
    applies: bool | None = strawberry.field(
        description="Whether it is asked by now, after the facts and the answers so far; null: it may be answered, and "
        "hangs on a fact that nobody could tell."
    )
    required: bool = strawberry.field(description="Whether it must be answered.")
    waits: bool = strawberry.field(
        description="The state should know it and its agency does not answer: nobody asks the citizen, and what is "
        "applied for waits."
    )


@strawberry.type(description="What is wrong with an answer.")
class FieldProblem:
    path: list[str] = strawberry.field(description="Where it stands in the answers; places in a list count from 0.")
    message: str

    @classmethod
    def of(cls, info: Info, flaw: Flaw) -> FieldProblem:
        return cls(path=[str(step) for step in flaw.place], message=localized(info, flaw.why))


@strawberry.type(name="Form", description="An application's form: only what is ASKED waits for the citizen.")
class FilledForm:
    subject: str = strawberry.field(description="`programme:<slug>` or `service:<slug>`.")
    title: str
    fields: list[Field]
    asked: int = strawberry.field(description="How many questions the citizen answers.")
    not_asked: int = strawberry.field(description="How many the state answers by itself.")
    version: str = strawberry.field(description="Changes when what is asked does.")
    problems: list[FieldProblem] = strawberry.field(
        description="What is wrong with the given answers, but for those still to come."
    )


@strawberry.type
class FormQuery:
    @root_field(
        Access.VIEWER,
        delegate=Delegate.APPLY,
        description="The form of a programme or a service, filled with what the state knows of the viewer, or of a "
        "minor child of theirs. With `answers`, as it is after them. Null for what has none.",
    )
    async def form(
        self,
        info: Info,
        programme: str | None = None,
        service: strawberry.ID | None = None,
        beneficiary: strawberry.ID | None = None,
        answers: JSON | None = None,
    ) -> FilledForm | None:
        form = form_of(info, programme, service)
        if form is None:
            return None
        person = await beneficiary_of(info, form, beneficiary)
        return await filled(info, form, person, harmless(answers))


async def filled(info: Info, form: Form, beneficiary: UUID, answers: Mapping[str, Any]) -> FilledForm:
    """The form with what the state knows by now, for the viewer and that beneficiary; what the answers so far make of
    it. Raises NotOfferedHere."""
    told = await facts_of(info, form, beneficiary)
    try:
        standing = info.context.room(Forms).standing(form, told, answers)  # type: ignore[type-abstract]  # by protocol
        flaws = [flaw for flaw in form.rules.flaws(answers) if not flaw.missing]
    except UnusableForm:
        raise NotOfferedHere(path=("service",)) from None
    info.context.room(QuestionCounter).form_shown(form)  # type: ignore[type-abstract]  # by its protocol
    fields = [
        _field(info, one, told.get((one.about, one.attribute or "")), standing.questions.get(one.path))
        for one in form.fields
    ]
    return FilledForm(
        subject=form.subject,
        title=localized(info, form.title),
        fields=fields,
        asked=sum(one.kind is FieldKind.ASKED and one.applies is not False for one in fields),
        not_asked=form.not_asked,
        version=form.version,
        problems=[FieldProblem.of(info, flaw) for flaw in flaws],
    )


def form_of(info: Info, programme: str | None, service: strawberry.ID | None) -> Form | None:
    """Raises BadInput, MalformedGlobalId."""
    forms = info.context.room(Forms)  # type: ignore[type-abstract]  # known by its protocol alone
    if (programme is None) == (service is None):
        raise BadInput(
            Text(th="ระบุ programme หรือ service อย่างใดอย่างหนึ่ง", en="name either a programme or a service"),
            path=("programme",),
        )
    if service is not None:
        try:
            return forms.of_service(GlobalId.parse(str(service), expected="Service").id)
        except MalformedGlobalId:
            raise MalformedGlobalId(path=("service",)) from None
    assert programme is not None
    if len(programme) > SLUG_LENGTH_MAX or not _SLUG.fullmatch(programme):
        return None
    return forms.of_subject(f"programme:{programme}")


async def beneficiary_of(info: Info, form: Form, given: strawberry.ID | None) -> UUID:
    """The viewer, or a minor child of theirs. Raises NotFound for anybody else, and where a child must be named."""
    viewer = info.context.signed_in().person
    person = viewer if given is None else _person(given)
    if person != viewer:
        children = await load_children(info, viewer, WELFARE_CHECK)
        if children is None:
            catalogue = info.context.room(Catalogue)
            raise ServiceUnavailable(catalogue.agency_title(catalogue.attribute(CHILDREN).steward))
        if person not in children:
            raise NotFound(path=("beneficiary",))
    elif form.for_child:
        raise NotFound(path=("beneficiary",))
    return person


def _person(given: strawberry.ID) -> UUID:
    try:
        found = GlobalId.parse(str(given))
    except MalformedGlobalId:
        raise MalformedGlobalId(path=("beneficiary",)) from None
    if found.type not in {"Person", "Citizen"}:
        raise MalformedGlobalId(path=("beneficiary",))
    return found.id


async def facts_of(info: Info, form: Form, beneficiary: UUID) -> Told:
    """What the form is filled with, through the gate: a look at one's own data, and at a child's for its welfare."""
    applicant = info.context.signed_in().person
    wanted: dict[About, list[str]] = {}
    for one in form.fields:
        if one.kind is FieldKind.KNOWN and one.attribute is not None:
            wanted.setdefault(one.about, []).append(one.attribute)

    async def of(about: About, names: list[str]) -> dict[tuple[About, str], Fact]:
        person = applicant if about is About.APPLICANT else beneficiary
        purpose = OWN_VIEW if person == applicant else WELFARE_CHECK
        return {(about, name): fact for name, fact in (await load_facts(info, person, names, purpose)).items()}

    told = await asyncio.gather(*(of(about, names) for about, names in wanted.items()))
    return {key: fact for group in told for key, fact in group.items()}


def _field(info: Info, field: FormField, fact: Fact | None, asked: Asked | None) -> Field:
    known = KnownFact.of(info, fact) if fact is not None else None
    note = known.note if known is not None else None
    if field.kind is FieldKind.COMPUTED:
        note = localized(info, _USED_UNSEEN)
    elif field.reason is not None:
        note = localized(info, field.reason)
    shown: dict[str, Any] = {name: getattr(known, name) if known is not None else None for name in _OF_A_FACT}
    return Field(
        path=field.path,
        title=localized(info, field.title),
        kind=field.kind,
        attribute=field.attribute,
        note=note,
        correctable=known is not None and known.correctable,
        schema=JSON(dict(field.schema)) if field.schema is not None else None,
        applies=asked.applies if asked is not None else True,
        required=asked is not None and asked.required,
        waits=fact is not None and fact.state is FactState.UNAVAILABLE,
        **shown,
    )


_OF_A_FACT: Final = ("value", "text", "source", "as_of", "age_seconds", "state")
