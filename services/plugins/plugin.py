"""A plugin that passed every check, as the registry hands it to the runner and the composer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    TypeNode,
)

from services.plugins.contract import Manifest, Operation, Reporter
from services.plugins.notices.terms import Notice
from services.plugins.standing import Standing
from services.plugins.store.migrations import Migration

CITIZEN: Final = "Citizen"
QUERY: Final = "Query"
SHARED_TYPES: Final = frozenset({"Boolean", "Date", "DateTime", "Float", "ID", "Int", "Money", "String"})
"""What a plugin's SDL may use without declaring it. Everything else that it uses it declares, under its prefix."""


@dataclass(frozen=True, slots=True)
class HostNames:
    """The names of the graph that are the host's own, and closed to plugins."""

    types: frozenset[str]
    citizen: frozenset[str]
    """Fields of `Citizen`."""
    query: frozenset[str]
    """Fields of `Query`."""

    def fields_of(self, parent: str) -> frozenset[str]:
        return self.citizen if parent == CITIZEN else self.query


@dataclass(frozen=True, slots=True)
class PluginGraph:
    """A plugin's SDL, parsed once; composing and checking answers use the tree, never the text."""

    definitions: tuple[DefinitionNode, ...] = ()
    objects: Mapping[str, ObjectTypeDefinitionNode] = field(default_factory=dict)
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inputs: Mapping[str, InputObjectTypeDefinitionNode] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)
    """`Citizen` or `Query` → the object type behind the namespace field."""

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self.objects) | frozenset(self.enums) | frozenset(self.inputs)

    def fields(self, type_name: str) -> Mapping[str, FieldDefinitionNode]:
        return {node.name.value: node for node in self.objects[type_name].fields or ()}

    def answer_type(self, operation: str) -> TypeNode | None:
        """The type of the field that shows the operation; None when no field does."""
        for type_name in self.namespaces.values():
            if node := self.fields(type_name).get(operation):
                return node.type
        return None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to the agency and its answer, in an example."""

    path: str
    request: Mapping[str, Any]
    answer: Any
    status: int = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """A call of an operation of kind `ingest` before an example's own, of which every record is taken."""

    operation: str
    arguments: Mapping[str, Any]
    reporter: Reporter | None = None


@dataclass(frozen=True, slots=True)
class RegisterTold:
    """What another agency's register is asked and tells, in an example."""

    service: str
    operation: str
    arguments: Mapping[str, Any]
    answer: Any
    trouble: str | None = None
    """`REFUSED` or `SILENT`, instead of an answer."""


@dataclass(frozen=True, slots=True)
class Example:
    """What an operation answers when the agency says this; run by the conformance check."""

    name: str
    """File name, without folder."""
    operation: str
    person: str | None
    arguments: Mapping[str, Any]
    now: str
    """The instant at which it holds, ISO 8601 with an offset."""
    agency: tuple[Exchange, ...]
    answer: Any = None
    error: str | None = None
    before: tuple[Sent, ...] = ()
    """What was sent before, so that a system of record has something to answer from."""
    reporter: Reporter | None = None
    """Of an `ingest`: the juristic person that sends."""
    registers: tuple[RegisterTold, ...] = ()


class Origin(StrEnum):
    """Where the code of a plugin runs."""

    TREE = "tree"
    """In this process: our own reviewed code."""
    PACKAGE = "package"
    """In a host process of its own on this machine, found by the entry point `sitthi.plugins`."""
    REMOTE = "remote"
    """At the agency."""


@dataclass(frozen=True, slots=True)
class Plugin:
    manifest: Manifest
    graph: PluginGraph
    functions: Mapping[str, Operation]
    """By operation. Those of a package or a remote plugin speak `services.plugins.contract.wire`."""
    examples: tuple[Example, ...] = ()
    origin: Origin = Origin.TREE
    standing: Standing = Standing.OPEN
    """What is not open is in the graph, and asked nothing."""
    migrations: tuple[Migration, ...] = ()
    """Of its `store/`; none, where it has no tables of its own."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """Of its `documents/`, by name: the typst by which papers are laid out."""
    notices: Mapping[str, Notice] = field(default_factory=dict)
    """By coordinate: what of its graph goes away, as the registry stamped it."""

    @property
    def slug(self) -> str:
        return self.manifest.slug


def named_type(node: TypeNode) -> str:
    """The name inside lists and exclamation marks."""
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        node = node.type
    assert isinstance(node, NamedTypeNode)
    return node.name.value


def documents(plugins: list[Plugin]) -> DocumentNode:
    """All plugins' SDL as one document: extending once costs a fraction of extending for each."""
    return DocumentNode(definitions=tuple(node for plugin in plugins for node in plugin.graph.definitions))


__all__ = [
    "CITIZEN",
    "QUERY",
    "SHARED_TYPES",
    "Example",
    "Exchange",
    "HostNames",
    "Origin",
    "Plugin",
    "PluginGraph",
    "documents",
    "named_type",
]
