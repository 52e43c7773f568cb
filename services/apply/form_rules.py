"""A service's form against what the state knows and what was answered: which questions apply, and what is wrong.

A form is JSON Schema 2020-12. Its conditions (`if`, `dependentRequired`, `dependentSchemas`, `anyOf`, `oneOf`) are
judged over one document: the facts at their places, and the answers. A condition on a fact that nobody could tell is
neither met nor unmet: what it asks for may be answered, and need not be.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import jsonschema_rs

from core.errors import BadInput
from core.text import Text
from services.apply.delivery.answers import MISSING, NOT_ASKED, Path, UnusableForm, validator_of, words_of

Place: TypeAlias = tuple[str | int, ...]
"""Where in the answers: names of properties and places in lists."""
_LISTS: Final = ("allOf", "anyOf", "oneOf")
_CHOICES: Final = ("anyOf", "oneOf")
_CONDITION: Final = ("if", "then", "else")
_ELEMENTS: Final = ("items", "contains")
_JUDGED: Final = frozenset({"if", "not", *_CHOICES})
"""In these a schema asks whether something is so; in the others it says that it must be."""
_CLOSED: Final = frozenset({"additionalProperties", "unevaluatedProperties", "falseSchema"})


@dataclass(frozen=True, slots=True)
class Asked:
    """How one question stands."""

    applies: bool | None
    """None: it hangs on a fact that nobody could tell, or on one of which there is no value yet."""
    required: bool


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with an answer: its place, and why, in words that do not repeat it."""

    place: Place
    why: Text
    missing: bool = False
    """Nothing stands there yet."""
    unasked: bool = False
    """The form has no such question."""


class FormRules:
    """One form, made ready. `held` are the places that the state fills in; nobody answers them.

    Raises :class:`UnusableForm` for a schema that does not stand by itself.
    """

    def __init__(self, form: Mapping[str, Any], held: Collection[Path] = ()) -> None:
        try:
            self._form = jsonschema_rs.dereference(copy.deepcopy(dict(form)), offline=True)
            validator_of(self._form)
        except (jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError, ValueError):
            raise UnusableForm from None
        self._held = frozenset(held)
        self._names = frozenset(_property_names(self._form))

    def questions(self, answers: Mapping[str, Any], known: Mapping[Path, Any] | None = None) -> Mapping[Path, Asked]:
        """How each question of the form stands, by its path; `known` are the held places whose value is known.

        A property that the form names in the `required` of a condition, or that stands in a condition alone, applies
        when that condition is met; every other applies always.
        """
        known = self._told(known)
        found = _Collected(self._held - set(known))
        found.schema(self._form, _merged(answers, known), (), certain=True, conditional=False)
        return {path: found.verdict(path) for path in found.marks if path not in self._held}

    def settled(
        self, answers: Mapping[str, Any], known: Mapping[Path, Any] | None = None
    ) -> tuple[Mapping[Path, Asked], dict[str, Any]]:
        """How each question stands once answers to questions that do not apply are left out, which may make others not
        apply; and the answers that are left."""
        left = copy.deepcopy(dict(answers))
        while True:
            found = self.questions(left, known)
            silent = (path for path, asked in found.items() if asked.applies is False and _stands(left, path))
            first = next(silent, None)
            if first is None:
                return found, left
            left = self.without(left, [first])

    def flaws(self, answers: Mapping[str, Any], known: Mapping[Path, Any] | None = None) -> Sequence[Flaw]:
        """What keeps the answers from being as the form asks, at each place once; empty where nothing does."""
        known = self._told(known)
        unknown = self._held - set(known)
        whole = copy.deepcopy(self._form)
        _strip(whole, (), unknown, frozenset(known), always=True)
        seen: dict[Place, Flaw] = {}
        for error in validator_of(whole).iter_errors(_merged(answers, known)):
            for flaw in _flaws_of(error):
                if _plain(flaw.place) not in self._held:
                    seen.setdefault(flaw.place, flaw)
        return tuple(seen.values())

    def check(self, answers: Mapping[str, Any], known: Mapping[Path, Any] | None = None) -> None:
        """Raises :class:`BadInput` with the place of the first answer that is not as the form asks; a name that the
        form does not have is not said again."""
        for flaw in self.flaws(answers, known):
            strange = flaw.unasked and not self.names(flaw.place)
            raise BadInput(flaw.why, path=("answers", *(flaw.place[:-1] if strange else flaw.place)))

    def names(self, place: Place) -> bool:
        """Whether the form has a question of that name, under whatever condition."""
        return str(place[-1]) in self._names

    def without(self, answers: Mapping[str, Any], paths: Collection[Path]) -> dict[str, Any]:
        """A copy of the answers without those at these places; an object that is empty for it goes, too."""
        left: dict[str, Any] = copy.deepcopy(dict(answers))
        for path in paths:
            _drop(left, path)
        return left

    def _told(self, known: Mapping[Path, Any] | None) -> dict[Path, Any]:
        """Those that can be put into the document: an element of a list has no place of its own."""
        return {path: value for path, value in (known or {}).items() if path in self._held and "[]" not in path}


def _property_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        yield from _object(schema, "properties")
        for _, inner, _ in _inside(schema, ()):
            yield from _property_names(inner)


def _flaws_of(error: Any) -> Iterator[Flaw]:
    kind, place = error.kind, tuple(error.instance_path)
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        yield Flaw((*place, str(kind.property)), MISSING, missing=True)
    elif kind.name in ("additionalProperties", "unevaluatedProperties"):
        for name in kind.unexpected:
            yield Flaw((*place, str(name)), NOT_ASKED, unasked=True)
    else:
        yield Flaw(place, words_of(kind.name), unasked=kind.name in _CLOSED)


@dataclass(slots=True)
class _Marks:
    """How the form speaks of one property, over all its parts."""

    declared: bool = False
    required: bool = False
    called: bool = False
    """A condition that is met asks for it."""
    maybe: bool = False
    """A condition of which nobody knows asks for it."""
    dormant: bool = False
    """A condition that is not met would ask for it."""
    shut: bool = False
    """A condition that is met forbids it."""


@dataclass(slots=True)
class _Collected:
    unknown: frozenset[Path]
    marks: dict[Path, _Marks] = field(default_factory=dict)
    must: set[Path] = field(default_factory=set)

    def verdict(self, path: Path) -> Asked:
        """A question inside another one applies if both do."""
        applies: bool | None = True
        for length in range(1, len(path) + 1):
            if path[length - 1] == "[]":
                continue
            own = self._own(self.marks.get(path[:length], _Marks(declared=True)))
            applies = False if own is False or applies is False else None if own is None or applies is None else True
        return Asked(applies, applies is True and path in self.must)

    @staticmethod
    def _own(marks: _Marks) -> bool | None:
        if marks.shut:
            return False
        if marks.required or marks.called:
            return True
        if marks.maybe:
            return None
        return not marks.dormant and marks.declared

    def schema(self, schema: Any, value: Any, here: Path, *, certain: bool, conditional: bool) -> None:
        """One schema that applies at `here`; not `certain` where nobody knows whether it does."""
        if not isinstance(schema, Mapping):
            return
        for name, inner in _object(schema, "properties").items():
            path = (*here, name)
            marks = self.marks.setdefault(path, _Marks())
            if inner is False:
                marks.shut |= certain
                continue
            marks.declared |= not conditional
            marks.called |= conditional and certain and not marks.declared
            marks.maybe |= conditional and not certain and not marks.declared
            below = value.get(name) if isinstance(value, Mapping) else None
            self.schema(inner, below, path, certain=certain, conditional=conditional)
        self._require(schema.get("required"), here, certain=certain, conditional=conditional)
        for keyword in _ELEMENTS:
            if isinstance(schema.get(keyword), Mapping):
                for element in value if isinstance(value, list) and value else [None]:
                    self.schema(schema[keyword], element, (*here, "[]"), certain=certain, conditional=conditional)
        for inner in schema.get("allOf") or ():
            self.schema(inner, value, here, certain=certain, conditional=conditional)
        for keyword in _CHOICES:
            self._choice(schema.get(keyword), value, here, certain=certain)
        self._condition(schema, value, here, certain=certain)
        self._dependents(schema, value, here, certain=certain)

    def _require(self, names: Any, here: Path, *, certain: bool, conditional: bool) -> None:
        for name in names if isinstance(names, list) else ():
            path = (*here, str(name))
            marks = self.marks.setdefault(path, _Marks())
            marks.required |= certain and not conditional
            marks.called |= certain and conditional
            marks.maybe |= not certain
            if certain:
                self.must.add(path)

    def _choice(self, members: Any, value: Any, here: Path, *, certain: bool) -> None:
        """Of several ways to answer, those that what is answered so far leaves open."""
        members = members if isinstance(members, list) else []
        left = [one for one in members if _possible(one, value)]
        for member in members:
            if member not in left:
                self._sleep(member, here)
            elif len(left) == 1:
                self.schema(member, value, here, certain=certain, conditional=True)
            else:
                free = {k: v for k, v in member.items() if k != "required"} if isinstance(member, Mapping) else member
                self.schema(free, value, here, certain=certain, conditional=True)

    def _condition(self, schema: Mapping[str, Any], value: Any, here: Path, *, certain: bool) -> None:
        if "if" not in schema:
            return
        met = None if _names(schema["if"], here, self.unknown) else _valid(schema["if"], {} if value is None else value)
        for keyword, when in (("then", True), ("else", False)):
            if keyword not in schema:
                continue
            if met is None or met is when:
                self.schema(schema[keyword], value, here, certain=certain and met is not None, conditional=True)
            else:
                self._sleep(schema[keyword], here)

    def _dependents(self, schema: Mapping[str, Any], value: Any, here: Path, *, certain: bool) -> None:
        there = value if isinstance(value, Mapping) else {}
        for name, inner in _object(schema, "dependentSchemas").items():
            if (*here, name) in self.unknown:
                self.schema(inner, value, here, certain=False, conditional=True)
            elif name in there:
                self.schema(inner, value, here, certain=certain, conditional=True)
            else:
                self._sleep(inner, here)
        for name, names in _object(schema, "dependentRequired").items():
            if (*here, name) in self.unknown:
                self._require(names, here, certain=False, conditional=True)
            elif name in there:
                self._require(names, here, certain=certain, conditional=True)
            else:
                self._sleep({"required": names}, here)

    def _sleep(self, schema: Any, here: Path) -> None:
        """What it would ask for, if it applied."""
        if not isinstance(schema, Mapping):
            return
        required = {str(name) for name in schema.get("required") or ()}
        for name, inner in _object(schema, "properties").items():
            marks = self.marks.setdefault((*here, name), _Marks())
            marks.dormant |= name in required
            self._sleep(inner, (*here, name))
        for name in required:
            self.marks.setdefault((*here, name), _Marks()).dormant = True
        for inner in (*(schema.get("allOf") or ()), *(schema.get(one) for one in ("then", "else"))):
            self._sleep(inner, here)


def _possible(member: Any, value: Any) -> bool:
    """Whether a way to answer is still open."""
    if not isinstance(member, Mapping) or not isinstance(value, Mapping):
        return member is not False
    fixed = _object(member, "properties")
    return all(_valid(inner, value[name]) for name, inner in fixed.items() if name in value)


def _names(schema: Any, here: Path, unknown: frozenset[Path]) -> bool:
    """Whether a condition asks about a fact that nobody could tell."""
    if not isinstance(schema, Mapping):
        return False
    names = {*_object(schema, "properties"), *(str(name) for name in schema.get("required") or ())}
    return any((*here, name) in unknown for name in names) or any(
        _names(inner, path, unknown) for _, inner, path in _inside(schema, here)
    )


def _inside(schema: Mapping[str, Any], here: Path) -> Iterator[tuple[str, Any, Path]]:
    """Every schema in a schema: under which keyword, and of what place of the answers it speaks."""
    for name, inner in _object(schema, "properties").items():
        yield "properties", inner, (*here, name)
    for keyword in _ELEMENTS:
        yield keyword, schema.get(keyword), (*here, "[]")
    for keyword in _LISTS:
        for inner in schema.get(keyword) or ():
            yield keyword, inner, here
    for keyword in (*_CONDITION, "not"):
        yield keyword, schema.get(keyword), here
    for inner in _object(schema, "dependentSchemas").values():
        yield "dependentSchemas", inner, here


def _strip(schema: Any, here: Path, unknown: frozenset[Path], known: frozenset[Path], *, always: bool) -> None:
    """Takes out, in place, what the citizen cannot answer for: facts that nobody told with all that hangs on them, and
    the form that a fact must have."""
    if not isinstance(schema, dict):
        return
    _strip_conditions(schema, here, unknown)
    gone = {path[-1] for path in unknown if path[:-1] == here}
    if isinstance(schema.get("required"), list):
        schema["required"] = [name for name in schema["required"] if name not in gone]
    if isinstance(properties := schema.get("properties"), dict):
        for name in gone & set(properties):
            del properties[name]
        for path in known:
            if always and path[:-1] == here and path[-1] in properties:
                properties[path[-1]] = True
    for keyword, inner, path in _inside(schema, here):
        _strip(inner, path, unknown, known, always=always and keyword not in _JUDGED)


def _strip_conditions(schema: dict[str, Any], here: Path, unknown: frozenset[Path]) -> None:
    """Conditions on what nobody told."""
    if _names(schema.get("if"), here, unknown):
        for keyword in _CONDITION:
            schema.pop(keyword, None)
    for keyword in _CHOICES:
        if any(_names(one, here, unknown) for one in schema.get(keyword) or ()):
            del schema[keyword]
    if _names(schema.get("not"), here, unknown):
        del schema["not"]
    gone = {path[-1] for path in unknown if path[:-1] == here}
    for keyword in ("dependentRequired", "dependentSchemas"):
        for name in gone & set(_object(schema, keyword)):
            del schema[keyword][name]
    for name, names in _object(schema, "dependentRequired").items():
        schema["dependentRequired"][name] = [one for one in names if one not in gone]


def _merged(answers: Mapping[str, Any], known: Mapping[Path, Any]) -> dict[str, Any]:
    """One document of both. Where an answer stands in the way of a fact's place, the answer is wrong, and stays."""
    whole: dict[str, Any] = copy.deepcopy(dict(answers))
    for path, value in known.items():
        at: Any = whole
        for name in path[:-1]:
            at = at.setdefault(name, {}) if isinstance(at, dict) else None
        if isinstance(at, dict):
            at[path[-1]] = value
    return whole


def _stands(value: Any, path: Path) -> bool:
    if not path:
        return True
    if path[0] == "[]":
        return isinstance(value, list) and any(_stands(element, path[1:]) for element in value)
    return isinstance(value, Mapping) and path[0] in value and _stands(value[path[0]], path[1:])


def _drop(value: Any, path: Path) -> None:
    if path[0] == "[]":
        for element in value if isinstance(value, list) and len(path) > 1 else ():
            _drop(element, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        if len(path) == 1:
            del value[path[0]]
        else:
            _drop(value[path[0]], path[1:])
            if value[path[0]] == {}:
                del value[path[0]]


def _valid(schema: Any, value: Any) -> bool:
    return bool(validator_of(schema).is_valid(value))


def _plain(place: Place) -> Path:
    return tuple("[]" if isinstance(step, int) else step for step in place)


def _object(schema: Mapping[str, Any], keyword: str) -> Mapping[str, Any]:
    found = schema.get(keyword)
    return found if isinstance(found, Mapping) else {}
