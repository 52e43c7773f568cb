"""Records out of XML 1.0: read from its beginning to its end, without a document type and without entities.

What defusedxml forbids is forbidden here, and where (`xml.parsers.expat`): its readers do not tell on which line an
element stands, and keep the whole tree. Of this one at most a single record is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from xml.parsers import expat

from services.plugins.contract.formats import XmlFormat, XmlList
from services.plugins.records.errors import FileUnreadable, Unreadable
from services.plugins.records.formats.making import Made, counted, items, member, typed
from services.plugins.records.lines import Line

DEPTH_MAX: Final = 16
ELEMENTS_MAX: Final = 200_000
TEXT_LENGTH_MAX: Final = 4_000
ATTRIBUTES_MAX: Final = 8
_SCHEMA_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
"""Its attributes say where a schema is; nobody goes there."""
_BETWEEN: Final = " "


@dataclass(slots=True)
class _Element:
    name: str
    line: int
    text: str = ""
    children: list[_Element] = field(default_factory=list)
    is_bare: bool = True
    """Whether it has no attribute that would say something."""


@dataclass(slots=True)
class _Step:
    """What an element may be: a member, an item of a list, or the way to others."""

    name: str | None = None
    inside: dict[str, _Step] = field(default_factory=dict)
    many: XmlList | None = None
    schema: Mapping[str, Any] = field(default_factory=dict)


def read_xml(body: bytes, spec: XmlFormat, record: Mapping[str, Any]) -> list[Line]:
    """Raises `BadInput` and :class:`FileUnreadable`."""
    reader = _Reader(spec, record)
    parser = expat.ParserCreate("utf-8", namespace_separator=_BETWEEN)
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.XmlDeclHandler = reader.declared
    parser.StartDoctypeDeclHandler = reader.forbidden
    parser.EntityDeclHandler = reader.forbidden
    parser.UnparsedEntityDeclHandler = reader.forbidden
    parser.ExternalEntityRefHandler = reader.forbidden
    parser.ProcessingInstructionHandler = reader.instructed
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    reader.parser = parser
    try:
        parser.Parse(body, True)  # noqa: FBT003 - it takes no names
    except expat.ExpatError as error:
        raise FileUnreadable(error.lineno, Unreadable.SYNTAX) from None
    return counted(reader.lines)


class _Reader:
    def __init__(self, spec: XmlFormat, record: Mapping[str, Any]) -> None:
        self._spec, self._schema = spec, record
        self._root = f"{spec.namespace}{_BETWEEN}"
        self._way = [spec.root, *spec.each.split("/")]
        header = {name: place for name, place in spec.fields.items() if isinstance(place, str) and place[0] == "/"}
        self._header = {(spec.root, *place[1:].split("/")): name for name, place in header.items()}
        self._tree = _tree({name: place for name, place in spec.fields.items() if name not in header}, record)
        self._heads: dict[str, Any] = {}
        self._open: list[_Element] = []
        self._elements = 0
        self.lines: list[Line] = []
        self.parser: expat.XMLParserType

    def declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            self._stop(Unreadable.ENCODING)

    def forbidden(self, *_: Any) -> NoReturn:
        self._stop(Unreadable.FORBIDDEN)

    def instructed(self, _target: str, _data: str) -> NoReturn:
        self._stop(Unreadable.FORBIDDEN)

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX or len(self._open) >= DEPTH_MAX or len(attributes) > ATTRIBUTES_MAX:
            self._stop(Unreadable.TOO_LARGE)
        if not name.startswith(self._root):
            self._stop(Unreadable.OTHER_FORM)
        element = _Element(name[len(self._root) :], self.parser.CurrentLineNumber)
        element.is_bare = all(one.startswith(_SCHEMA_INSTANCE + _BETWEEN) for one in attributes)
        if not self._open and element.name != self._spec.root:
            self._stop(Unreadable.OTHER_FORM)
        if self._open:
            self._open[-1].children.append(element)
        self._open.append(element)

    def text(self, text: str) -> None:
        element = self._open[-1]
        element.text += text
        if len(element.text) > TEXT_LENGTH_MAX:
            # what lies between a thousand records is not kept
            element.text = element.text.strip()
            if len(element.text) > TEXT_LENGTH_MAX:
                self._stop(Unreadable.TOO_LARGE)

    def end(self, _name: str) -> None:
        way = [element.name for element in self._open]
        element = self._open.pop()
        if way == self._way:
            self._open[-1].children.pop()
            made = Made(element.line, dict(self._heads))
            _fill(element, _Step(inside=self._tree), made.content, "", made)
            self.lines.append(made.as_line(len(self.lines) + 1, self.parser.CurrentLineNumber))
        elif (name := self._header.get(tuple(way))) is not None:
            if name in self._heads or self.lines or element.children:
                self._stop(Unreadable.OTHER_FORM)
            if text := element.text.strip():
                self._heads[name] = typed(text, member(self._schema, name))

    def _stop(self, why: Unreadable) -> NoReturn:
        raise FileUnreadable(self.parser.CurrentLineNumber, why)


def _tree(fields: Mapping[str, str | XmlList], schema: Mapping[str, Any]) -> dict[str, _Step]:
    found: dict[str, _Step] = {}
    for name, place in fields.items():
        steps = (place if isinstance(place, str) else place.each).split("/")
        here = found
        for step in steps[:-1]:
            here = here.setdefault(step, _Step()).inside
        told = member(schema, name)
        if isinstance(place, str):
            here[steps[-1]] = _Step(name, schema=told)
        else:
            here[steps[-1]] = _Step(name, _tree(place.fields, items(told)), place, told)
    return found


def _lists(inside: Mapping[str, _Step]) -> list[str]:
    """Members of one object that are lists, wherever on the way to them their elements stand."""
    names = []
    for step in inside.values():
        if step.many is not None:
            names.append(str(step.name))
        elif step.name is None:
            names.extend(_lists(step.inside))
    return names


def _fill(element: _Element, step: _Step, content: dict[str, Any], pointer: str, made: Made) -> None:
    if step.name is None or step.many is not None:
        if element.text.strip() or not element.is_bare:
            made.refuse(element.line, pointer, "additionalProperties")
        if step.many is not None or not pointer:
            for name in _lists(step.inside):
                content.setdefault(name, [])
    for child in element.children:
        known = step.inside.get(child.name)
        if known is None:  # its name is the sender's, and is told to nobody
            made.refuse(child.line, f"{pointer}/?", "additionalProperties")
        elif known.many is not None:
            place = f"{pointer}/{known.name}/{len(content[str(known.name)])}"
            made.places[place] = child.line
            item: dict[str, Any] = {}
            content[str(known.name)].append(item)
            _fill(child, known, item, place, made)
        elif known.name is None:
            _fill(child, known, content, pointer, made)
        else:
            _set(child, known, content, pointer, made)


def _set(element: _Element, step: _Step, content: dict[str, Any], pointer: str, made: Made) -> None:
    name, text = str(step.name), element.text.strip()
    if name in content or element.children or not element.is_bare:
        made.refuse(element.line, f"{pointer}/{name}", "additionalProperties")
    elif text:  # an element without content says that there is none
        content[name] = typed(text, step.schema)
        made.places[f"{pointer}/{name}"] = element.line
