"""The forms of programmes and services: one list, whoever offers a thing (`services.apply.forms.Forms`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from core.clock import Clock
from core.text import Text
from services.apply.forms import About, FieldKind, Form, FormField
from services.exchange.catalogue import Attribute, Catalogue, Subject
from services.know.entries import service_id
from services.plugins.contract import Manifest
from welfare.programmes import Channel, ForEach, Programme, ProgrammeCatalogue, Version

if TYPE_CHECKING:
    from services.plugins.registry.form_walk import Property

ATTRIBUTE: Final = "x-attribute"
CITIZEN_ONLY: Final = "x-citizen-only"
CHILD: Final = "child."
CITIZEN: Final = "citizen"
"""The steward of what only the citizen says."""


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

    def _of_programme(self, programme: Programme, version: Version) -> Form:
        for_child = version.for_each is ForEach.CHILD
        fields = tuple(self._of_need(name, for_child=for_child) for name in version.needs)
        return Form(f"programme:{programme.slug}", programme.title, fields, for_child)

    def _of_need(self, name: str, *, for_child: bool) -> FormField:
        """By the rules: a plain name is the person's, who is the applicant only where the programme is for a child."""
        attribute = self._catalogue.attribute(name.removeprefix(CHILD))
        own = for_child and not name.startswith(CHILD)
        about = About.APPLICANT if own else About.BENEFICIARY
        return FormField(name, attribute.title, _kind_of(attribute), attribute.id, about)

    def _of_manifest(self, manifest: Manifest) -> Form | None:
        if manifest.form is None:
            return None
        fields = tuple(self._of_properties(manifest.form))
        return Form(f"service:{manifest.slug}", manifest.title.text, fields)

    def _of_properties(self, form: Mapping[str, Any]) -> Iterator[FormField]:
        from services.plugins.registry.form_walk import FormWalk, Property  # noqa: PLC0415 - few commands show a form

        for one in FormWalk(form).all():
            if not isinstance(one, Property):
                continue  # the registry has refused such a form
            path, name = _answer_path(one), one.first(ATTRIBUTE)
            if isinstance(name, str) and name in self._catalogue.attributes:
                attribute = self._catalogue.attributes[name]
                yield FormField(path, attribute.title, _kind_of(attribute), attribute.id)
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
                )


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
