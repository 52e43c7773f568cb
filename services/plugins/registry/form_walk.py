"""Every property of a form, wherever it hides: in objects, arrays, references, alternatives and conditions.

A form is closed: it takes the properties that it names and no others, so that nothing is asked that nobody checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.plugins.registry.form_lines import Path

PROPERTIES_MAX: Final = 300
SCHEMAS_MAX: Final = 5_000
DEPTH_MAX: Final = 12

_IN_PLACE_LISTS: Final = ("allOf", "anyOf", "oneOf")
_IN_PLACE: Final = ("if", "then", "else", "not")
_ELEMENTS: Final = ("items", "contains", "unevaluatedItems", "additionalItems")
_OPEN: Final = ("additionalProperties", "unevaluatedProperties")
_OF_OBJECTS: Final = ("required", "propertyNames", "minProperties", "dependentRequired")
_MACHINES: Final = frozenset(
    {
        "$anchor", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "$vocabulary",
        "additionalItems", "additionalProperties", "allOf", "anyOf", "const", "contains", "contentEncoding",
        "contentMediaType", "contentSchema", "definitions", "dependencies", "dependentRequired", "dependentSchemas",
        "deprecated", "else", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxContains",
        "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties",
        "minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties", "prefixItems", "properties",
        "propertyNames", "readOnly", "required", "then", "type", "unevaluatedItems", "unevaluatedProperties",
        "uniqueItems", "writeOnly", "x-attribute", "x-citizen-only",
    }
)  # fmt: skip
"""Keywords that say how an answer is checked. Of every other, an app may show the citizen what stands in it."""
_CLOSE: Final = 'Write "additionalProperties": false'
_REFUSED: Final = {
    "patternProperties": "a pattern of names can ask for anything",
    "$dynamicRef": "a reference that is resolved later cannot be checked now",
    "$recursiveRef": "a reference that is resolved later cannot be checked now",
    "$dynamicAnchor": "a reference that is resolved later cannot be checked now",
    "$anchor": "a reference names its place",
    "contentSchema": "a document inside a text cannot be checked",
    "dependencies": "JSON Schema 2020-12 has `dependentSchemas`",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A schema that applies to one place of the answers; a property often has several."""

    schema: Mapping[str, Any]
    path: Path
    always: bool
    """Whether it applies whatever the answers are."""


@dataclass(frozen=True, slots=True)
class Property:
    """One question of the form, or an object of questions."""

    name: str
    path: Path
    parts: tuple[Part, ...]
    within: tuple[str, ...]
    """What stands above it: titles of the objects it is in, or their names."""
    is_leaf: bool
    reasoned: bool
    """Whether an object that it is in gives the reason for all in it."""
    fact: str | None = None
    """The attribute of which it is a part, because an object that it is in is that fact."""
    listed: tuple[str, ...] = ()
    """Of an element of a list: the titles of the list, which are all that is read where it has none of its own."""

    @property
    def titles(self) -> tuple[str, ...]:
        own = tuple(text for part in self.parts for text in _texts(part.schema, titles=True))
        return own or self.listed

    @property
    def descriptions(self) -> tuple[str, ...]:
        return tuple(text for part in self.parts for text in _texts(part.schema, titles=False))

    def first(self, keyword: str) -> Any:
        """The keyword's value in the first part that has it and always applies; None in none."""
        return next((part.schema[keyword] for part in self.parts if part.always and keyword in part.schema), None)


@dataclass(frozen=True, slots=True)
class Defect:
    """Something that cannot be checked, and so is not allowed."""

    path: Path
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Here:
    """Where in the answers the walk stands; the root has no name."""

    path: Path
    name: str | None
    within: tuple[str, ...]
    reasoned: bool = False
    fact: str | None = None
    listed: tuple[str, ...] = ()


class TooLarge(Exception):
    """More than anyone would fill in, or check."""


class FormWalk:
    """Walks one form; `all` yields what it finds in the order of the form."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self._form = form
        self._schemas = 0
        self._properties = 0

    def all(self) -> Iterator[Property | Defect]:
        """The form itself comes first, without a name. Raises :class:`TooLarge`."""
        yield from self._place(self._form, _Here((), None, ()))

    def _place(self, schema: Any, here: _Here) -> Iterator[Property | Defect]:
        """One place of the answers: the root, a property, or an element of a list."""
        parts, defects = self._parts(schema, here.path)
        yield from defects
        names = {key: None for part in parts for key in _mapping(part.schema, "properties")}
        elements = list(self._elements(parts))
        is_leaf = not names and not elements
        one = Property(here.name or "", here.path, parts, here.within, is_leaf, here.reasoned, here.fact, here.listed)
        self._properties += 1
        if self._properties > PROPERTIES_MAX + 1 or len(here.within) > DEPTH_MAX:
            raise TooLarge
        yield one
        attribute = one.first("x-attribute")
        if (names or (attribute is None and _is_object(parts))) and not _is_closed(parts):
            yield Defect(here.path, "an object takes properties that it does not name", _CLOSE)
        fact = attribute if isinstance(attribute, str) and here.name is not None else here.fact
        within = here.within if here.name is None else (*here.within, *(one.titles or (here.name,)))
        reasoned = here.reasoned or one.first("x-citizen-only") is not None
        for key in names:
            at = [(p.schema["properties"][key], (*p.path, "properties", key)) for p in parts if _has(p.schema, key)]
            merged = at[0][0] if len(at) == 1 else {"allOf": [schema for schema, _ in at]}
            yield from self._place(merged, _Here(at[0][1], key, within, reasoned, fact))
        for element, path in elements:
            # An element is asked under the name of its list, which gives the reason for it.
            yield from self._place(element, _Here(path, here.name or "", here.within, reasoned, fact, one.titles))

    def _parts(self, schema: Any, path: Path) -> tuple[tuple[Part, ...], list[Defect]]:
        found = list(self._in_place(schema, path, always=True, via=()))
        return tuple(one for one in found if isinstance(one, Part)), [one for one in found if isinstance(one, Defect)]

    def _in_place(self, schema: Any, path: Path, *, always: bool, via: tuple[str, ...]) -> Iterator[Part | Defect]:
        """The schema and those that apply to the same place."""
        self._schemas += 1
        if self._schemas > SCHEMAS_MAX or len(path) > 4 * DEPTH_MAX:
            raise TooLarge
        if not isinstance(schema, Mapping):
            return
        yield Part(schema, path, always)
        yield from _refusals(schema, path)
        if "$ref" in schema:
            yield from self._referred(schema["$ref"], path, always=always, via=via)
        for keyword in _IN_PLACE_LISTS:
            for place, member in enumerate(_list(schema, keyword)):
                if keyword == "allOf" or not _is_option(member):
                    inside = always and keyword == "allOf"
                    yield from self._in_place(member, (*path, keyword, place), always=inside, via=via)
        for keyword in _IN_PLACE:
            yield from self._in_place(schema.get(keyword), (*path, keyword), always=False, via=via)
        for key, member in _mapping(schema, "dependentSchemas").items():
            yield from self._in_place(member, (*path, "dependentSchemas", key), always=False, via=via)

    def _referred(self, ref: Any, path: Path, *, always: bool, via: tuple[str, ...]) -> Iterator[Part | Defect]:
        at = (*path, "$ref")
        if not isinstance(ref, str) or not ref.startswith("#/"):
            yield Defect(at, "a reference leads out of the form", "Write it as #/$defs/name")
            return
        if ref in via:
            yield Defect(at, "a reference leads to itself", "Write out what is asked")
            return
        target: Any = self._form
        steps = [step.replace("~1", "/").replace("~0", "~") for step in ref[2:].split("/")]
        for step in steps:
            target = target.get(step) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping):
            yield Defect(at, f"there is nothing at `{ref}`", "Write it as #/$defs/name")
            return
        yield from self._in_place(target, tuple(steps), always=always, via=(*via, ref))

    def _elements(self, parts: tuple[Part, ...]) -> Iterator[tuple[Any, Path]]:
        for part in parts:
            for keyword in _ELEMENTS:
                if isinstance(part.schema.get(keyword), Mapping):
                    yield part.schema[keyword], (*part.path, keyword)
            for place, member in enumerate(_list(part.schema, "prefixItems")):
                yield member, (*part.path, "prefixItems", place)


def _refusals(schema: Mapping[str, Any], path: Path) -> Iterator[Defect]:
    for keyword, why in _REFUSED.items():
        if keyword in schema:
            yield Defect((*path, keyword), f"`{keyword}`: {why}", f"Remove `{keyword}`, and name each property")
    if path and "$id" in schema:
        yield Defect((*path, "$id"), "`$id` changes where references lead", "Remove `$id`")
    for keyword in _OPEN:
        if schema.get(keyword, False) is not False:
            why = f"`{keyword}` lets in properties that the form does not name"
            yield Defect((*path, keyword), why, f'Write "{keyword}": false')


def _is_closed(parts: tuple[Part, ...]) -> bool:
    return any(part.always and part.schema.get(keyword) is False for part in parts for keyword in _OPEN)


def _is_object(parts: tuple[Part, ...]) -> bool:
    """Whether it takes objects, or says what one must have: what it does not name, an app may ask for all the same."""
    return any(
        "object" in (declared if isinstance(declared := part.schema.get("type"), list) else [declared])
        or any(keyword in part.schema for keyword in _OF_OBJECTS)
        for part in parts
        if part.always
    )


def _is_option(member: Any) -> bool:
    """One of the answers to choose from, whose title is no question."""
    return isinstance(member, Mapping) and "const" in member and "properties" not in member


def _texts(schema: Mapping[str, Any], *, titles: bool) -> Iterator[str]:
    """What the citizen reads: titles and labels, or descriptions, hints and the answers to choose from; of keywords of
    the author's own, too."""
    if not titles:
        yield from _strings(schema.get("enum"))
        for option in (one for keyword in _IN_PLACE_LISTS for one in _list(schema, keyword) if _is_option(one)):
            yield from (*_texts(option, titles=True), *_texts(option, titles=False))
    for keyword, value in schema.items():
        if keyword in _MACHINES:
            continue
        described = keyword in ("description", "$comment", "examples", "default") or keyword.endswith(
            ("-description", "-help", "-hint", "Text", "Message")
        )
        if described != titles:
            yield from _strings(value)


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, Mapping | list) and depth < DEPTH_MAX:
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(inner, depth + 1)


def _mapping(schema: Mapping[str, Any], keyword: str) -> Mapping[str, Any]:
    found = schema.get(keyword)
    return found if isinstance(found, Mapping) else {}


def _list(schema: Mapping[str, Any], keyword: str) -> list[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []


def _has(schema: Mapping[str, Any], name: str) -> bool:
    return name in _mapping(schema, "properties")
