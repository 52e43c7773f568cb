"""The names of a plugin's graph as coordinates, those that are deprecated in it, and what still leads to a type."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from graphql import (
    DefinitionNode,
    DirectiveNode,
    EnumTypeDefinitionNode,
    InputObjectTypeDefinitionNode,
    Node,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    StringValueNode,
    TypeNode,
)

from services.plugins.notices.terms import Reason, UntilUnreadable, read_reason

DIRECTIVE: Final = "deprecated"
_HOSTS: Final = ("Citizen", "Query")


@dataclass(frozen=True, slots=True)
class Deprecated:
    """As its author wrote it."""

    reason: Reason
    until: date | None
    line: int | None


def names_of(definitions: Iterable[DefinitionNode]) -> frozenset[str]:
    """Every coordinate, those of types as well."""
    found = {coordinate for coordinate, _ in members(definitions)}
    return frozenset(found | {coordinate.partition(".")[0] for coordinate in found} - set(_HOSTS))


def deprecated_in(definitions: Iterable[DefinitionNode]) -> dict[str, Deprecated]:
    """In the order of the file. Of what the checks refuse, as much as can be read."""
    found: dict[str, Deprecated] = {}
    for coordinate, node in members(definitions):
        directive = deprecation_of(node)
        if directive is not None:
            words = reason_of(directive) or ""
            try:
                reason, until = read_reason(words)
            except UntilUnreadable:
                reason, until = Reason.of(words), None
            found[coordinate] = Deprecated(reason, until, node.loc.start_token.line if node.loc else None)
    return found


def deprecation_of(node: Node) -> DirectiveNode | None:
    return next((one for one in getattr(node, "directives", None) or () if one.name.value == DIRECTIVE), None)


def reason_of(directive: DirectiveNode) -> str | None:
    """The words of it, where they are words."""
    for argument in directive.arguments or ():
        if argument.name.value == "reason" and isinstance(argument.value, StringValueNode):
            return argument.value.value
    return None


def members(definitions: Iterable[DefinitionNode]) -> Iterator[tuple[str, Any]]:
    """Fields, arguments, input fields and enum values, each by its coordinate."""
    for node in definitions:
        if isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode):
            for field in node.fields or ():
                place = f"{node.name.value}.{field.name.value}"
                yield place, field
                for argument in field.arguments or ():
                    yield f"{place}({argument.name.value}:)", argument
        elif isinstance(node, InputObjectTypeDefinitionNode):
            for value in node.fields or ():
                yield f"{node.name.value}.{value.name.value}", value
        elif isinstance(node, EnumTypeDefinitionNode):
            for one in node.values or ():
                yield f"{node.name.value}.{one.name.value}", one


def reached(definitions: Iterable[DefinitionNode], without: Collection[str]) -> frozenset[str]:
    """The types that something still leads to from `Citizen` and `Query`, once these names are gone."""
    leads: dict[str, set[str]] = {}
    for coordinate, node in members(definitions):
        owner = coordinate.partition("(")[0]
        kind = getattr(node, "type", None)
        if coordinate not in without and owner not in without and kind is not None:
            leads.setdefault(coordinate.partition(".")[0], set()).add(_named(kind))
    found: set[str] = set()
    waiting = list(_HOSTS)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(leads.get(one, ()))
    return frozenset(found)


def _named(node: TypeNode) -> str:
    inner: Any = node
    while hasattr(inner, "type"):
        inner = inner.type
    return str(inner.name.value)
