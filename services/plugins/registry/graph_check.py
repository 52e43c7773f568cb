"""Checks a plugin's SDL: its own names alone, small, shallow and plain, every look bound to an operation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    GraphQLSyntaxError,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    NameNode,
    Node,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    Visitor,
    build_schema,
    extend_schema,
    parse,
    validate_schema,
    visit,
)
from graphql.validation.validate import validate_sdl

from services.plugins.contract import Access, Fault, Manifest, OperationKind, PluginRefused, Rule
from services.plugins.plugin import CITIZEN, QUERY, SHARED_TYPES, HostNames, PluginGraph, named_type

FILE: Final = "graph.graphql"
BYTES_MAX: Final = 100_000
TOKENS_MAX: Final = 20_000
TYPES_MAX: Final = 100
FIELDS_MAX: Final = 1_000
DEPTH_MAX: Final = 8
STUB: Final = build_schema(
    "type Query { host: Int } type Citizen { host: Int } scalar Date scalar DateTime type Money { satang: Int }"
    " extend type Query { citizen: Citizen money: Money date: Date at: DateTime }"
)
"""As much of the host's graph as a plugin may lean on."""
_FIELD_NAME: Final = re.compile(r"[a-z][A-Za-z0-9]*")
_VALUE_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def check_graph(sdl: str, manifest: Manifest, host: HostNames) -> PluginGraph:
    """Parses and checks. Raises :class:`PluginRefused` with every fault found, each with its line."""
    document = _parsed(sdl, manifest.slug)
    graph = _collected(document)
    faults = [*_check_definitions(document, manifest, host)]
    if not faults:  # what follows reads the definitions as plain ones
        faults = [
            *_check_size(graph),
            *_check_types(document, graph),
            *_check_namespaces(document, graph, manifest, host),
        ]
    if not faults:
        faults = [*_check_by_the_book(document), *_check_depth(graph), *_check_bindings(graph, manifest)]
    if faults:
        raise PluginRefused(manifest.slug, faults)
    return graph


def check_without_graph(manifest: Manifest) -> PluginGraph:
    """The graph of a plugin that has none. Raises :class:`PluginRefused` when its manifest promises one."""
    faults = [
        Fault(
            Rule.BINDING,
            f"`{name}` is a query, and there is no {FILE} to show it",
            f"Write {FILE}",
            field=f"operations.{name}",
        )
        for name in manifest.operations_of(OperationKind.QUERY)
    ]
    if faults:
        raise PluginRefused(manifest.slug, faults)
    return PluginGraph()


def _parsed(sdl: str, slug: str) -> DocumentNode:
    if len(sdl.encode()) > BYTES_MAX:
        raise PluginRefused(slug, [_too_large(f"it is larger than {BYTES_MAX} bytes")])
    try:
        return parse(sdl, max_tokens=TOKENS_MAX)
    except GraphQLSyntaxError as error:
        line = error.locations[0].line if error.locations else None
        if "tokens" in error.message:
            fault = _too_large(f"it holds more than {TOKENS_MAX} words and signs")
        elif "too deeply" in error.message:
            fault = Fault(Rule.GRAPH_TOO_DEEP, "it is nested too deeply", "Flatten it", FILE, line)
        else:
            fault = Fault(Rule.GRAPH_SYNTAX, error.message, "Write it in GraphQL's schema language", FILE, line)
        raise PluginRefused(slug, [fault]) from None


def _too_large(why: str) -> Fault:
    return Fault(Rule.GRAPH_TOO_LARGE, why, "Show less, or split the service", FILE)


def _collected(document: DocumentNode) -> PluginGraph:
    kinds = document.definitions
    return PluginGraph(
        definitions=tuple(kinds),
        objects={node.name.value: node for node in kinds if isinstance(node, ObjectTypeDefinitionNode)},
        enums={
            node.name.value: frozenset(value.name.value for value in node.values or ())
            for node in kinds
            if isinstance(node, EnumTypeDefinitionNode)
        },
        inputs={node.name.value: node for node in kinds if isinstance(node, InputObjectTypeDefinitionNode)},
        namespaces={
            node.name.value: named_type(node.fields[0].type)
            for node in kinds
            if isinstance(node, ObjectTypeExtensionNode) and node.fields
        },
    )


def _check_definitions(document: DocumentNode, manifest: Manifest, host: HostNames) -> Iterator[Fault]:
    """Only plain kinds of definition, and only names that are the plugin's."""
    seen: set[str] = set()
    for node in document.definitions:
        if isinstance(node, ObjectTypeExtensionNode):
            if node.name.value not in (CITIZEN, QUERY):
                yield _fault(
                    Rule.OWNERSHIP,
                    node,
                    f"`{node.name.value}` is not this plugin's to extend",
                    "Extend Citizen or Query",
                )
        elif isinstance(node, ObjectTypeDefinitionNode | EnumTypeDefinitionNode | InputObjectTypeDefinitionNode):
            yield from _check_type_name(node.name, seen, manifest, host)
        else:
            kind = node.kind.replace("_", " ")
            yield _fault(
                Rule.DEFINITION, node, f"a {kind} has no place in a plugin", "Use types, enums and inputs alone"
            )
        if isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode) and node.interfaces:
            yield _fault(Rule.DEFINITION, node, "a plugin's type implements no interface", "Remove `implements`")
    yield from _NameCheck.faults_of(document)


def _check_type_name(name: NameNode, seen: set[str], manifest: Manifest, host: HostNames) -> Iterator[Fault]:
    if name.value in seen:
        yield _fault(Rule.NAME, name, f"`{name.value}` is declared twice", "Keep one")
    seen.add(name.value)
    if name.value in host.types | SHARED_TYPES:
        yield _fault(Rule.OWNERSHIP, name, f"`{name.value}` is a type of the host", "Name it under your prefix")
    elif manifest.prefix is None:
        yield _fault(Rule.PREFIX, name, "the manifest declares no prefix", 'Add `prefix = "…"` to the manifest')
    elif not name.value.startswith(manifest.prefix):
        yield _fault(
            Rule.PREFIX, name, f"`{name.value}` does not begin with `{manifest.prefix}`", "Name it under your prefix"
        )


class _NameCheck(Visitor):
    """Names that GraphQL keeps for itself, names out of form, and directives, wherever they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Fault] = []

    @classmethod
    def faults_of(cls, document: DocumentNode) -> list[Fault]:
        check = cls()
        visit(document, check)
        return check.faults

    def enter_name(self, node: NameNode, *_: object) -> None:
        if node.value.startswith("__"):
            why = f"`{node.value}` begins with two underscores, which GraphQL keeps for itself"
            self.faults.append(_fault(Rule.NAME, node, why, "Choose another name"))

    def enter_field_definition(self, node: FieldDefinitionNode, *_: object) -> None:
        self._in_form(node.name, _FIELD_NAME, "camelCase")

    def enter_input_value_definition(self, node: InputValueDefinitionNode, *_: object) -> None:
        self._in_form(node.name, _FIELD_NAME, "camelCase")

    def enter_enum_value_definition(self, node: Node, *_: object) -> None:
        self._in_form(node.name, _VALUE_NAME, "CAPITALS")  # type: ignore[attr-defined]

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        if node.name.value != "deprecated":
            why = f"the directive `@{node.name.value}` has no place in a plugin"
            self.faults.append(_fault(Rule.DIRECTIVE, node, why, "Remove it; only @deprecated may stand"))

    def _in_form(self, name: NameNode, form: re.Pattern[str], called: str) -> None:
        if not form.fullmatch(name.value) and not name.value.startswith("__"):
            self.faults.append(_fault(Rule.NAME, name, f"`{name.value}` is not in {called}", f"Write it in {called}"))


def _check_size(graph: PluginGraph) -> Iterator[Fault]:
    if len(graph.types) > TYPES_MAX:
        yield _too_large(f"it declares {len(graph.types)} types, more than {TYPES_MAX}")
    fields = sum(len(node.fields or ()) for node in graph.objects.values())
    fields += sum(len(node.fields or ()) for node in graph.inputs.values())
    if fields > FIELDS_MAX:
        yield _too_large(f"it declares {fields} fields, more than {FIELDS_MAX}")


def _check_types(document: DocumentNode, graph: PluginGraph) -> Iterator[Fault]:
    """Every type that is used is the plugin's own or shared, and of the side (in or out) on which it stands."""
    scalars = SHARED_TYPES - {"Money"}
    outputs = SHARED_TYPES | frozenset(graph.objects) | frozenset(graph.enums)
    inputs = scalars | frozenset(graph.inputs) | frozenset(graph.enums)
    for node in document.definitions:
        if isinstance(node, InputObjectTypeDefinitionNode):
            for value in node.fields or ():
                yield from _check_type(value, inputs, f"{node.name.value}.{value.name.value}")
        elif isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode):
            for field in node.fields or ():
                place = f"{node.name.value}.{field.name.value}"
                yield from _check_type(field, outputs, place)
                for argument in field.arguments or ():
                    yield from _check_type(argument, inputs, place)


def _check_type(
    node: FieldDefinitionNode | InputValueDefinitionNode, known: frozenset[str], place: str
) -> Iterator[Fault]:
    if (name := named_type(node.type)) not in known:
        remedy = f"Declare it under your prefix, or use one of {', '.join(sorted(SHARED_TYPES))}"
        yield _fault(Rule.UNKNOWN_TYPE, node, f"`{name}` cannot stand here", remedy, place)


def _check_namespaces(
    document: DocumentNode, graph: PluginGraph, manifest: Manifest, host: HostNames
) -> Iterator[Fault]:
    extensions = [node for node in document.definitions if isinstance(node, ObjectTypeExtensionNode)]
    parents = [node.name.value for node in extensions]
    if len(set(parents)) != len(parents):
        yield Fault(Rule.NAMESPACE, "a type is extended twice", "Extend Citizen and Query once each", FILE)
    if not extensions:
        yield Fault(Rule.NAMESPACE, "nothing leads to its types", "Extend Citizen or Query by your namespace", FILE)
    for node in extensions:
        yield from _check_namespace(node, graph, manifest, host)
    if len(set(graph.namespaces.values())) != len(graph.namespaces):
        yield Fault(Rule.NAMESPACE, "Citizen and Query lead to one type", "Give each a type of its own", FILE)


def _check_namespace(
    node: ObjectTypeExtensionNode, graph: PluginGraph, manifest: Manifest, host: HostNames
) -> Iterator[Fault]:
    parent = node.name.value
    if len(node.fields or ()) != 1:
        yield _fault(
            Rule.NAMESPACE, node, f"`{parent}` is extended by other than one field", "Add one field, your namespace"
        )
        return
    (field,) = node.fields or ()
    name, place = field.name.value, f"{parent}.{field.name.value}"
    if name in host.fields_of(parent):
        yield _fault(Rule.OWNERSHIP, field, f"`{place}` is the host's", "Choose another namespace", place)
    elif name != manifest.namespace:
        remedy = (
            f"Name it `{manifest.namespace}`" if manifest.namespace else f'Add `namespace = "{name}"` to the manifest'
        )
        yield _fault(Rule.NAMESPACE, field, f"`{name}` is not the namespace of the manifest", remedy, place)
    if isinstance(field.type, NonNullTypeNode):
        yield _fault(Rule.NULLABILITY, field, "a namespace must be nullable", "Remove the exclamation mark", place)
    if named_type(field.type) not in graph.objects or field.type.kind != "named_type":
        yield _fault(
            Rule.NAMESPACE, field, "a namespace is one object type of the plugin", "Declare it as a type", place
        )
    if field.arguments:
        yield _fault(Rule.BINDING, field, "a namespace takes no arguments", "Move them to its fields", place)


def _check_depth(graph: PluginGraph) -> Iterator[Fault]:
    """Answers are trees of known depth: no type contains itself, and none lies deeper than the limit."""
    namespaces = frozenset(graph.namespaces.values())
    heights: dict[str, int] = {}
    faults: list[Fault] = []

    def height(type_name: str, above: frozenset[str]) -> int:
        if type_name not in heights:
            inside = above | {type_name}
            heights[type_name] = 1 + max(
                (below(type_name, inside, field) for field in graph.fields(type_name).values()), default=0
            )
        return heights[type_name]

    def below(type_name: str, inside: frozenset[str], field: FieldDefinitionNode) -> int:
        inner, place = named_type(field.type), f"{type_name}.{field.name.value}"
        if inner in namespaces:
            faults.append(
                _fault(Rule.NAMESPACE, field, f"`{inner}` is a namespace", "Reach it by its own field alone", place)
            )
        elif inner in inside:
            faults.append(_fault(Rule.GRAPH_TOO_DEEP, field, f"`{inner}` contains itself", "Break the circle", place))
        elif inner in graph.objects:
            return height(inner, inside)
        return 0

    for root in namespaces:
        if height(root, frozenset()) > DEPTH_MAX:
            why = f"below `{root}` it is more than {DEPTH_MAX} types deep"
            faults.append(_fault(Rule.GRAPH_TOO_DEEP, graph.objects[root], why, "Flatten it", root))
    yield from faults


def _check_by_the_book(document: DocumentNode) -> Iterator[Fault]:
    """What the GraphQL specification itself asks of a schema: no empty types, no field twice, defaults that fit."""
    errors = validate_sdl(document, STUB) or validate_schema(extend_schema(STUB, document, assume_valid_sdl=True))
    for found in errors:
        line = found.locations[0].line if found.locations else None
        yield Fault(Rule.GRAPH_SYNTAX, found.message, "Correct it", FILE, line)


def _check_bindings(graph: PluginGraph, manifest: Manifest) -> Iterator[Fault]:
    """Each field of a namespace is an operation of kind query, each query such a field; only they take arguments."""
    queries = manifest.operations_of(OperationKind.QUERY)
    bound: set[str] = set()
    for parent, type_name in graph.namespaces.items():
        access = Access.CITIZEN if parent == CITIZEN else Access.PUBLIC
        for name, field in graph.fields(type_name).items():
            place = f"{type_name}.{name}"
            bound.add(name)
            if name not in queries:
                remedy = f'Add [operations.{name}] with kind = "query" to the manifest'
                yield _fault(Rule.BINDING, field, "no query of the manifest answers it", remedy, place)
            elif queries[name].access is not access:
                remedy = f'Set access = "{access}" in [operations.{name}]'
                yield _fault(Rule.BINDING, field, f"a field below `{parent}` must be {access}", remedy, place)
            if isinstance(field.type, NonNullTypeNode):
                yield _fault(
                    Rule.NULLABILITY,
                    field,
                    "an operation can fail, so its field is nullable",
                    "Remove the last !",
                    place,
                )
    for type_name in graph.objects.keys() - set(graph.namespaces.values()):
        for name, field in graph.fields(type_name).items():
            if field.arguments:
                remedy = "Move it to the namespace type, and bind it to an operation"
                yield _fault(Rule.BINDING, field, "an argument that no operation gets", remedy, f"{type_name}.{name}")
    for name in queries.keys() - bound:
        yield Fault(
            Rule.BINDING,
            f"no field shows `{name}`",
            "Add a field of that name to your namespace type",
            field=f"operations.{name}",
        )


def _fault(rule: Rule, node: Node, why: str, remedy: str, field: str | None = None) -> Fault:
    line = node.loc.start_token.line if node.loc else None
    return Fault(rule, why, remedy, FILE, line, field)
