"""The forms of programmes and services: one list, whoever offers a thing (`services.apply.forms.Forms`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from core.clock import Clock
from core.money import CURRENCY
from core.text import Text
from core.thai_dates import Precision
from services.apply.form_rules import Asked
from services.apply.forms import About, FieldKind, Form, FormField, Standing, Told
from services.exchange.catalogue import Attribute, Catalogue, InvalidAnswer, Subject
from services.exchange.catalogue.values import ADDRESS_PARTS, NAME_PARTS, TEXT_LENGTH_MAX, Kind, ValueType
from services.exchange.facts import Fact, FactState
from services.exchange.words import plain_of
from services.know.entries import service_id
from services.plugins.contract import Manifest
from welfare.entitlements.assessment import PROGRAMME, assess
from welfare.programmes import Channel, ForEach, Programme, ProgrammeCatalogue, Version

if TYPE_CHECKING:
    from services.plugins.registry.form_walk import Property

ATTRIBUTE: Final = "x-attribute"
CITIZEN_ONLY: Final = "x-citizen-only"
CHILD: Final = "child."
CITIZEN: Final = "citizen"
"""The steward of what only the citizen says."""
_NOBODY: Final = UUID(int=0)
"""Whom an assessment is about that is thrown away."""


class AllForms:
    """`manifests` answers the plugins that are published now."""

    def __init__(
        self,
        catalogue: Catalogue,
        programmes: ProgrammeCatalogue,
        manifests: Callable[[], Iterable[Manifest]],
        clock: Clock,
    ) -> None:
        self._catalogue, self._programmes, self._manifests, self._clock = catalogue, programmes, manifests, clock

    def of_subject(self, subject: str) -> Form | None:
        kind, _, slug = subject.partition(":")
        if kind == "programme":
            programme = self._programmes.get(slug)
            if programme is None or programme.channel is not Channel.HERE:
                return None
            version = programme.version_on(self._clock.today())
            return self._of_programme(programme, version) if version is not None else None
        if kind == "service":
            found = next((one for one in self._manifests() if one.slug == slug), None)
            return self._of_manifest(found) if found is not None else None
        return None

    def of_service(self, service: UUID) -> Form | None:
        for programme in self._programmes:
            if service_id(f"programme:{programme.slug}") == service:
                return self.of_subject(f"programme:{programme.slug}")
        found = next((one for one in self._manifests() if service_id(f"service:{one.slug}") == service), None)
        return self._of_manifest(found) if found is not None else None

    def service_of(self, subject: str) -> UUID | None:
        return None if subject.startswith(PROGRAMME) else service_id(subject)

    def standing(self, form: Form, told: Told, answers: Mapping[str, Any]) -> Standing:
        asked = [one for one in form.fields if not one.is_held]
        if form.subject.startswith(PROGRAMME):
            return self._standing_of_programme(form, asked, told, answers)
        known = {
            one.place: plain_of(fact)
            for one in form.fields
            if one.is_held and (fact := told.get((one.about, one.attribute or ""))) is not None and _whole(fact)
        }
        found, left = form.rules.settled(answers, known)
        always = Asked(applies=True, required=False)
        return Standing({one.path: found.get(_named(one.place), always) for one in asked}, left)

    def _standing_of_programme(
        self, form: Form, asked: Sequence[FormField], told: Told, answers: Mapping[str, Any]
    ) -> Standing:
        """A question applies as long as an answer to it could change the decision, the other answers given."""
        programme = self._programmes[form.subject.removeprefix(PROGRAMME)]
        read = {one.path: self._said(one, answers) for one in asked}
        found: dict[str, Asked] = {}
        for one in asked:
            others = [fact for path, fact in read.items() if path != one.path and fact is not None]
            needed = one.path in self._missing(programme, told, others)
            found[one.path] = Asked(applies=needed, required=needed)
        left = {name: value for name, value in answers.items() if name not in found or found[name].applies}
        return Standing(found, left)

    def _said(self, field: FormField, answers: Mapping[str, Any]) -> tuple[About, str, Fact] | None:
        """An answer as a fact; None where there is none, or one that is not of the attribute's type."""
        if field.path not in answers or field.attribute is None:
            return None
        try:
            value = self._catalogue.attribute(field.attribute).type.accept(answers[field.path])
        except InvalidAnswer:
            return None
        return field.about, field.attribute, Fact(field.attribute, value, CITIZEN, self._clock.now(), FactState.FRESH)

    def _missing(self, programme: Programme, told: Told, said: Iterable[tuple[About, str, Fact]]) -> frozenset[str]:
        for_child = programme.for_each is ForEach.CHILD
        facts: dict[About, dict[str, Fact]] = {About.APPLICANT: {}, About.BENEFICIARY: {}}
        for (about, name), fact in told.items():
            facts[about][name] = fact
        for about, name, fact in said:
            facts[about][name] = fact
        own, child = (
            (facts[About.APPLICANT], facts[About.BENEFICIARY]) if for_child else (facts[About.BENEFICIARY], None)
        )
        found = assess(self._catalogue, programme, self._clock.today(), _NOBODY, own, child)
        return frozenset(one.attribute for one in found.missing) if found is not None else frozenset()

    def _of_programme(self, programme: Programme, version: Version) -> Form:
        for_child = version.for_each is ForEach.CHILD
        fields = tuple(self._of_need(name, for_child=for_child) for name in version.needs)
        schemas = {name: schema_of(self._catalogue.attribute(name.removeprefix(CHILD)).type) for name in version.needs}
        whole = {"type": "object", "properties": schemas, "additionalProperties": False}
        return Form(f"programme:{programme.slug}", programme.title, fields, for_child, whole)

    def _of_need(self, name: str, *, for_child: bool) -> FormField:
        """By the rules: a plain name is the person's, who is the applicant only where the programme is for a child."""
        attribute = self._catalogue.attribute(name.removeprefix(CHILD))
        own = for_child and not name.startswith(CHILD)
        about = About.APPLICANT if own else About.BENEFICIARY
        kind = _kind_of(attribute)
        schema = schema_of(attribute.type) if kind is FieldKind.ASKED else None
        return FormField(name, attribute.title, kind, attribute.id, about, schema=schema)

    def _of_manifest(self, manifest: Manifest) -> Form | None:
        if manifest.form is None:
            return None
        fields = tuple(self._of_properties(manifest.form))
        return Form(f"service:{manifest.slug}", manifest.title.text, fields, schema=manifest.form)

    def _of_properties(self, form: Mapping[str, Any]) -> Iterator[FormField]:
        from services.plugins.registry.form_walk import FormWalk, Property  # noqa: PLC0415 - few commands show a form

        for one in FormWalk(form).all():
            if not isinstance(one, Property):
                continue  # the registry has refused such a form
            if one.fact is not None:
                continue  # a part of what the state fills in
            path, name = _answer_path(one), one.first(ATTRIBUTE)
            if isinstance(name, str) and name in self._catalogue.attributes:
                attribute = self._catalogue.attributes[name]
                yield FormField(path, attribute.title, _kind_of(attribute), attribute.id, at=_place(path))
            elif one.is_leaf:
                words = one.first("title") or one.name
                given = one.first(CITIZEN_ONLY)
                reason = Text(th=given["th"], en=given["en"]) if isinstance(given, Mapping) else None
                yield FormField(
                    path,
                    _titled(words),
                    FieldKind.ASKED,
                    reason=reason,
                    schema=one.parts[0].schema if one.parts else None,
                    at=_place(path),
                )


def schema_of(kind: ValueType) -> Mapping[str, Any]:
    """JSON Schema 2020-12 of an answer that is a value of this type."""
    match kind.kind:
        case Kind.BOOL:
            return {"type": "boolean"}
        case Kind.DATE:
            return {"type": "string", "format": "date"}
        case Kind.INT:
            return {"type": "integer", "minimum": kind.minimum, "maximum": kind.maximum}
        case Kind.CODE:
            return {"type": "string", "enum": list(kind.codes)}
        case Kind.MONEY:
            satang = {"type": "integer", "minimum": kind.minimum, "maximum": kind.maximum}
            parts = {"satang": satang, "currency": {"const": CURRENCY}}
        case _:
            names = NAME_PARTS if kind.kind is Kind.NAME else ADDRESS_PARTS
            parts = {name: {"type": "string", "maxLength": TEXT_LENGTH_MAX} for name in names}
    return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}


def _whole(fact: Fact) -> bool:
    """Whether a condition can be put to it: of a date of which only the year is known, none can."""
    return fact.known and fact.precision is Precision.DAY


def _place(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _named(place: tuple[str, ...]) -> tuple[str, ...]:
    """An element of a list is asked for with its list."""
    return place[:-1] if place[-1] == "[]" else place


def _kind_of(attribute: Attribute) -> FieldKind:
    if attribute.subject is Subject.HOUSEHOLD:
        return FieldKind.COMPUTED
    return FieldKind.ASKED if attribute.steward == CITIZEN else FieldKind.KNOWN


def _titled(words: Any) -> Text:
    """JSON Schema's `title` is one text; ours may be one in each language."""
    if isinstance(words, Mapping):
        return Text(th=str(words.get("th", "")), en=str(words.get("en", "")))
    return Text(th=str(words), en=str(words))


def _answer_path(one: Property) -> str:
    """`car.plate` for the schema's `properties.car.properties.plate`; `[]` for an element of a list."""
    names, steps = [], list(one.path)
    while steps:
        step = steps.pop(0)
        if step == "properties" and steps:
            names.append(str(steps.pop(0)))
        elif step == "items":
            names.append("[]")
    return ".".join(names)
