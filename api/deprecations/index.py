"""Which names of a composed schema go away: kept with the schema, so that an operation is told by the one it ran on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

from services.plugins.notices.terms import Notice

_Element: TypeAlias = GraphQLField | GraphQLInputField | GraphQLArgument | GraphQLEnumValue
_KEY: Final = "sitthi.notices"
_NONE: Final[Mapping[str, Notice]] = MappingProxyType({})


def announce(schema: GraphQLSchema, notices: Iterable[Notice]) -> None:
    """Marks what they name in a schema that nobody uses yet. Introspection shows our days, whatever was written."""
    found = dict(notices_of(schema))
    for notice in notices:
        element = _element(schema, notice.coordinate)
        if element is not None:
            element.deprecation_reason = notice.written()
            found[notice.coordinate] = notice
    if found:
        schema.extensions = {**schema.extensions, _KEY: MappingProxyType(found)}


def notices_of(schema: GraphQLSchema) -> Mapping[str, Notice]:
    """By coordinate; empty where nothing goes."""
    found: Mapping[str, Notice] = schema.extensions.get(_KEY, _NONE)
    return found


def _element(schema: GraphQLSchema, coordinate: str) -> _Element | None:
    type_name, _, rest = coordinate.partition(".")
    member, _, argument = rest.removesuffix(":)").partition("(")
    kind = schema.type_map.get(type_name)
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        field: GraphQLField | None = kind.fields.get(member)
        return field.args.get(argument) if argument and field is not None else field
    found: _Element | None = None
    if isinstance(kind, GraphQLInputObjectType):
        found = kind.fields.get(member)
    elif isinstance(kind, GraphQLEnumType):
        found = kind.values.get(member)
    return found
