"""Which names that go an operation uses: found once for each parsed operation, in its variables each time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    get_operation_ast,
    is_input_type,
    type_from_ast,
    visit,
)

from api.deprecations.index import notices_of
from core.clock import start_of_bangkok_day
from services.plugins.notices.terms import Notice

CHANGES: Final = "/services/changes"
TOLD_MAX: Final = 50
"""Names in one answer; how many more there are is told beside them."""
REMEMBERED_MAX: Final = 128
"""Operations of each schema."""
VALUES_MAX: Final = 2_000
"""Of the variables of one request, as many are looked at."""


class Using:
    """The names that go and that an operation uses; what is told of them is written once."""

    def __init__(self, coordinates: frozenset[str], notices: Mapping[str, Notice]) -> None:
        self.coordinates = coordinates
        self.notices = tuple(
            sorted((notices[one] for one in coordinates), key=lambda one: (one.sunset, one.coordinate))
        )
        """What goes first stands first."""
        self.services = frozenset(one.service for one in self.notices)

    @cached_property
    def extensions(self) -> Mapping[str, Any]:
        """Of the answer."""
        found: dict[str, Any] = {"deprecations": [one.as_json() for one in self.notices[:TOLD_MAX]]}
        if len(self.notices) > TOLD_MAX:
            found["deprecationsNotListed"] = len(self.notices) - TOLD_MAX
        return found

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Of an answer that is alone: since when the first of them is deprecated, and when the first may be gone."""
        since = min(int(one.since.timestamp()) for one in self.notices)
        return {
            "Deprecation": f"@{since}",
            "Sunset": format_datetime(start_of_bangkok_day(self.notices[0].sunset), usegmt=True),
            "Link": f'<{CHANGES}>; rel="deprecation"; type="application/json"',
        }


@dataclass(frozen=True, slots=True)
class _Used:
    using: Using
    variables: tuple[tuple[str, Any], ...]
    """Those whose values may name more, with their types."""


_used: WeakKeyDictionary[GraphQLSchema, OrderedDict[Any, _Used]] = WeakKeyDictionary()
_inputs: WeakKeyDictionary[GraphQLSchema, frozenset[str]] = WeakKeyDictionary()


def using(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any] | None
) -> Using:
    """Of a valid document."""
    used = _remembered(schema, document, operation_name)
    if used.variables and variables:
        more = frozenset(_in_variables(schema, used, variables)) - used.using.coordinates
        if more:
            return Using(used.using.coordinates | more, notices_of(schema))
    return used.using


def _remembered(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> _Used:
    known = _used.setdefault(schema, OrderedDict())
    asked = (document, operation_name)
    found = known.get(asked)
    if found is not None:
        known.move_to_end(asked)
        return found
    found = known[asked] = _found(schema, document, operation_name)
    if len(known) > REMEMBERED_MAX:
        known.popitem(last=False)
    return found


def _found(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> _Used:
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return _Used(Using(frozenset(), {}), ())
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    finder, looked_at = _Finder(schema), set[str]()
    waiting: list[OperationDefinitionNode | FragmentDefinitionNode] = [operation]
    while waiting:
        visit(waiting.pop(), TypeInfoVisitor(finder.types, finder))
        new = finder.spread - looked_at
        looked_at |= new
        waiting += [fragments[name] for name in new if name in fragments]
    watched = _watched(schema)
    declared = [
        (one.variable.name.value, type_from_ast(schema, one.type)) for one in operation.variable_definitions or ()
    ]
    variables = tuple((name, kind) for name, kind in declared if kind and get_named_type(kind).name in watched)
    return _Used(Using(frozenset(finder.found), notices_of(schema)), variables)


class _Finder(Visitor):
    """Goes through each fragment once: what it names is used however often it is spread."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self.types, self._notices = TypeInfo(schema), notices_of(schema)
        self.found: set[str] = set()
        self.spread: set[str] = set()
        self._field = ""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self.types.get_parent_type()
        self._field = f"{parent.name}.{node.name.value}" if parent is not None else ""
        self._note(self._field)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        if self.types.get_directive() is None:
            self._note(f"{self._field}({node.name.value}:)")

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        self._note_in(self.types.get_parent_input_type(), node.name.value)

    def enter_enum_value(self, node: EnumValueNode, *_: Any) -> None:
        self._note_in(self.types.get_input_type(), node.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spread.add(node.name.value)

    def _note_in(self, kind: Any, member: str) -> None:
        if kind is not None:
            self._note(f"{get_named_type(kind).name}.{member}")

    def _note(self, coordinate: str) -> None:
        if coordinate in self._notices:
            self.found.add(coordinate)


def _watched(schema: GraphQLSchema) -> frozenset[str]:
    """Types of input in which a name that goes may be given, however deep."""
    if schema not in _inputs:
        kinds = [one for one in schema.type_map.values() if isinstance(one, GraphQLInputObjectType)]
        found = {one.partition(".")[0] for one in notices_of(schema) if "(" not in one}
        found = {name for name in found if is_input_type(schema.type_map.get(name))}
        holders: dict[str, set[str]] = {}
        for kind in kinds if found else ():
            for field in kind.fields.values():
                holders.setdefault(get_named_type(field.type).name, set()).add(kind.name)
        waiting = list(found)
        while waiting:
            new = holders.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        _inputs[schema] = frozenset(found)
    return _inputs[schema]


def _in_variables(schema: GraphQLSchema, used: _Used, variables: Mapping[str, Any]) -> Iterator[str]:
    notices, watched = notices_of(schema), _watched(schema)
    waiting = [(variables[name], get_named_type(kind)) for name, kind in used.variables if name in variables]
    looked_at = 0
    while waiting and looked_at < VALUES_MAX:
        looked_at += 1
        value, kind = waiting.pop()
        if isinstance(value, list):
            waiting += [(one, kind) for one in value[:VALUES_MAX]]
        elif isinstance(kind, GraphQLEnumType):
            if (coordinate := f"{kind.name}.{value}") in notices:
                yield coordinate
        elif isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
            for name, inner in value.items():
                if (coordinate := f"{kind.name}.{name}") in notices:
                    yield coordinate
                field = kind.fields.get(name)
                if field is not None and get_named_type(field.type).name in watched:
                    waiting.append((inner, get_named_type(field.type)))
