"""Checks an application form: JSON Schema 2020-12, each property known to the state or the citizen's alone to say.

Once only is enforced here: a question whose meaning the catalogue holds is refused, with the fact to use instead; so is
a copy of a document that the state itself issued (Cabinet, 2 October 2561).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from services.exchange.catalogue.meanings import PPDDSS_DIGITS, Held, Meanings, Question, load_meanings
from services.exchange.catalogue.model import Attribute
from services.exchange.catalogue.values import ADDRESS_PARTS, NAME_PARTS, Kind
from services.exchange.catalogue.wording import foreign_letter
from services.plugins.contract import Fault, Manifest, Rule
from services.plugins.registry.form_lines import Lines, Path
from services.plugins.registry.form_reasons import wrong_with
from services.plugins.registry.form_safety import FAULTS_MAX, broken_in, unsafe_in, unusable_in
from services.plugins.registry.form_walk import Defect, FormWalk, Property, TooLarge

FILE: Final = "form.json"
ATTRIBUTE: Final = "x-attribute"
CITIZEN_ONLY: Final = "x-citizen-only"
"""A property that no agency holds; its value is the reason, in Thai and English."""

JSON_TYPES: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.BOOL: frozenset({"boolean"}),
    Kind.DATE: frozenset({"string"}),
    Kind.INT: frozenset({"integer"}),
    Kind.MONEY: frozenset({"integer", "object"}),
    Kind.CODE: frozenset({"string"}),
    Kind.NAME: frozenset({"string", "object"}),
    Kind.ADDRESS: frozenset({"string", "object"}),
}
"""What a property may be whose value is a fact; money in satang, or as an object of `satang` and `currency`."""
_PARTS: Final = {
    Kind.NAME: frozenset(NAME_PARTS),
    Kind.ADDRESS: frozenset(ADDRESS_PARTS),
    Kind.MONEY: frozenset({"satang", "currency"}),
}
_FILES: Final = frozenset({"binary", "byte", "data-url", "file", "uri-file"})
_SAMPLES: Final = {13: ("1112034563562", 1112034563562), 6: ("100101", 100101)}
_THAI_DIGITS: Final = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
_OF_TEXTS: Final = ("pattern", "minLength", "maxLength")
_OF_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def check_form(
    form: dict[str, Any],
    manifest: Manifest,
    attributes: Collection[str],
    meanings: Meanings | None = None,
    text: str = "",
) -> Iterator[Fault]:
    """`attributes` are those that the registry lets a plugin name; `text` is the file, for the lines of faults."""
    lines = Lines(text)

    def fault(path: Path, why: str, remedy: str) -> Fault:
        return Fault(Rule.FORM, why, remedy, FILE, lines.of(path), ".".join(map(str, path)) or None)

    if defects := [*islice(unsafe_in(form), FAULTS_MAX)] or [*broken_in(form)]:
        yield from (fault(one.path, one.why, one.remedy) for one in defects)
        return
    if form.get("type") != "object" or not isinstance(form.get("properties"), dict):
        yield fault((), "a form is an object with properties", 'Give it "type": "object" and "properties"')
        return
    check = _Check({need.attribute for need in manifest.needs}, attributes, meanings or load_meanings())
    told = False
    try:
        for found in FormWalk(form).all():
            for place, why, remedy in _told(found, check):
                told = True
                yield fault(place, why, remedy)
    except TooLarge:
        told = True
        yield fault((), "the form asks more than anybody would answer", "Ask less, and nest it less deep")
    if not told:  # where the walk did not come to
        yield from (fault(one.path, one.why, one.remedy) for one in unusable_in(form))


def _told(found: Property | Defect, check: _Check) -> Iterator[tuple[Path, str, str]]:
    if isinstance(found, Defect):
        yield found.path, found.why, found.remedy
    else:
        yield from ((found.path, why, remedy) for why, remedy in check.of(found))


class _Check:
    """One property at a time: what is wrong with it, and the remedy."""

    def __init__(self, needed: Collection[str], attributes: Collection[str], meanings: Meanings) -> None:
        self._needed, self._attributes, self._meanings = needed, attributes, meanings

    def of(self, found: Property) -> Iterator[tuple[str, str]]:
        attribute, reason = found.first(ATTRIBUTE), found.first(CITIZEN_ONLY)
        yield from self._script(found)
        if not found.path:  # the form itself: it asks nothing, but what it says may
            yield from self._meaning(replace(found, name="form"), None)
            return
        if attribute is not None and reason is not None:
            yield f"`{found.name}` carries both `{ATTRIBUTE}` and `{CITIZEN_ONLY}`", "Give one of the two"
        elif attribute is not None:
            yield from self._fact(found, attribute)
        elif reason is not None:
            if wrong := wrong_with(reason, (found.name, *found.titles), self._meanings.questions.empty):
                yield f"`{CITIZEN_ONLY}` of `{found.name}` {wrong}", _REASON
        elif found.is_leaf and not found.reasoned and found.fact is None:
            why = f"`{found.name}` carries neither `{ATTRIBUTE}` nor `{CITIZEN_ONLY}`"
            yield why, "No form may ask what the state knows: give one of the two"
        yield from self._meaning(found, attribute or found.fact)

    def _script(self, found: Property) -> Iterator[tuple[str, str]]:
        for text in (found.name, *found.titles, *found.descriptions):
            if (letter := foreign_letter(text)) is not None:
                why = f"`{found.name}` holds the letter U+{ord(letter):04X}, which is neither Latin nor Thai"
                yield why, "Write it in Thai or English"
                return

    def _fact(self, found: Property, name: Any) -> Iterator[tuple[str, str]]:
        """Whether it is a fact that this form may be filled with."""
        if not isinstance(name, str) or name not in self._attributes:
            yield f"the catalogue has no attribute `{name}` for a form", "Take one from the catalogue"
            return
        if name not in self._needed:
            yield f"`{name}` is not among the needs", "Add it to [[needs]] with its purpose and basis"
        attribute = self._meanings.attribute(name)
        if attribute is None:  # a test's own
            return
        if attribute.is_tie:
            yield f"`{name}` ties people to each other, and only the exchange reads it", "Remove the property"
        elif attribute.about.deprecated is not None:
            instead = attribute.about.deprecated.replaced_by
            yield f"`{name}` is deprecated", f'Give it "{ATTRIBUTE}": "{instead}"'
        elif attribute.about.planned is not None:
            yield f"nobody provides `{name}` yet", f"Ask the citizen, and say so in `{CITIZEN_ONLY}`"
        else:
            yield from _fits(found, attribute)

    def _meaning(self, found: Property, attribute: Any) -> Iterator[tuple[str, str]]:
        """Whether it asks for what is held, under whatever name."""
        question = _question(found)
        reason = found.first(CITIZEN_ONLY)
        if isinstance(reason, Mapping):  # it is shown beside the question
            demands = tuple(said for said in reason.values() if isinstance(said, str) and self._meanings.demands(said))
            question = replace(question, descriptions=(*question.descriptions, *demands))
        meanings = self._meanings.of(question)
        if not meanings or attribute in {meaning.id for meaning in meanings}:
            return
        nearest = meanings[0]
        what = f"`{found.name}` asks for {nearest.title.en}"
        if nearest.held is Held.DOCUMENT:
            yield f"{what}, and nobody may ask for one", nearest.instead.en
        elif attribute is not None and nearest.held is Held.ATTRIBUTE:
            yield f"{what}, and carries `{attribute}`", nearest.instead.en
        else:
            yield f"{what}, which the state knows (`{nearest.id}`)", nearest.instead.en


_REASON: Final = 'Say in {"th": "…", "en": "…"} why no agency can know it'


def _fits(found: Property, attribute: Attribute) -> Iterator[tuple[str, str]]:
    """Whether the property can hold a value of the attribute."""
    kind, name = attribute.type.kind, attribute.id
    declared = found.first("type")
    types = set(declared) if isinstance(declared, list) else {declared}
    fitting = JSON_TYPES[kind]
    if not types - {"null"} or not types - {"null"} <= fitting:
        one_of = " or ".join(sorted(fitting))
        yield f"`{found.name}` cannot hold `{name}`, which is of type {kind.value}", f'Give it "type": "{one_of}"'
        return
    if kind is Kind.DATE and found.first("format") not in (None, "date"):
        yield f"`{found.name}` cannot hold `{name}`, which is a date", 'Give it "format": "date"'
    choices = found.first("enum")
    if kind is Kind.CODE and isinstance(choices, list) and not set(attribute.type.codes) <= set(map(str, choices)):
        missing = ", ".join(code for code in attribute.type.codes if code not in choices)
        yield f"`{found.name}` has no place for some codes of `{name}`", f"Add {missing}, or leave `enum` out"
    inside = {key for part in found.parts for key in part.schema.get("properties", ())}
    if not inside <= _PARTS.get(kind, frozenset()):
        strange = ", ".join(sorted(inside - _PARTS.get(kind, frozenset())))
        yield f"`{name}` has no part {strange}", "Ask for it in a property of its own"


def _question(found: Property) -> Question:
    schemas = [part.schema for part in found.parts]
    together = [part.schema for part in found.parts if part.always]
    return Question(
        name=found.name,
        titles=found.titles if found.path else (),
        descriptions=found.descriptions if found.path else (*found.titles, *found.descriptions),
        within=found.within,
        takes_file=any(_takes_file(schema) for schema in schemas),
        digits=next(
            (n for n in (13, PPDDSS_DIGITS) if _is_of(together, n) or any(_is_of([s], n) for s in schemas)), None
        ),
        is_date=any(schema.get("format") == "date" for schema in schemas),
    )


def _takes_file(schema: Mapping[str, Any]) -> bool:
    return (
        "contentEncoding" in schema
        or "contentMediaType" in schema
        or schema.get("format") in _FILES
        or any(
            key.startswith("x-") and ("file" in f"{key} {value}".lower() or "upload" in f"{key} {value}".lower())
            for key, value in schema.items()
            if key not in (ATTRIBUTE, CITIZEN_ONLY)
        )
    )


def _is_of(schemas: Sequence[Mapping[str, Any]], digits: int) -> bool:
    """Whether all of them together take exactly numbers of so many digits: tried out, however it is written."""
    bounds = [{k: schema[k] for k in (*_OF_TEXTS, *_OF_NUMBERS) if k in schema} for schema in schemas]
    if not any(bounds):
        return False
    try:
        takes = jsonschema_rs.validator_for({"allOf": bounds}).is_valid
    except ValueError:
        return False  # a pattern that cannot be read takes nothing
    text, number = _SAMPLES[digits]
    if any(key in bound for bound in bounds for key in _OF_TEXTS):
        others = (text[:-1], text + "1", "x" * digits)
        dashed = f"{text[0]}-{text[1:5]}-{text[5:10]}-{text[10:12]}-{text[12:]}" if digits == 13 else text
        spelt = (text, dashed, text.translate(_THAI_DIGITS))
        return any(map(takes, spelt)) and not any(map(takes, others))
    return takes(number) and not takes(number // 10) and not takes(number * 10)
