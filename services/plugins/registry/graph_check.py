"""Checks a plugin's SDL: its own names alone, small, shallow and plain, every look bound to an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from graphql import (
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
    build_schema,
    extend_schema,
    parse,
    validate_schema,
)
from graphql.validation.validate import validate_sdl

from services.plugins.contract import Access, Fault, Manifest, OperationKind, OperationSpec, PluginRefused, Rule
from services.plugins.plugin import CITIZEN, QUERY, SHARED_TYPES, HostNames, PluginGraph, named_type
from services.plugins.registry.deprecation_check import deprecation_faults
from services.plugins.registry.graph_words import FAULTS_MAX, FILE, fault_at, line_of, text_fault, word_faults

BYTES_MAX: Final = 100_000
TOKENS_MAX: Final = 20_000
TYPES_MAX: Final = 100
FIELDS_MAX: Final = 1_000
ARGUMENTS_MAX: Final = 500
"""Of all fields together."""
VALUES_MAX: Final = 1_000
"""Of all enums together."""
DEPTH_MAX: Final = 8
COUNTED_MAX: Final = 100_000
"""Lines times fields up to which finding each one's line takes next to nothing."""
STUB: Final = build_schema(
    "type Query { host: Int } type Citizen { host: Int } scalar Date scalar DateTime type Money { satang: Int }"
    " extend type Query { citizen: Citizen money: Money date: Date at: DateTime }"
)
"""As much of the host's graph as a plugin may lean on."""


def check_graph(sdl: str, manifest: Manifest, host: HostNames) -> PluginGraph:
    """Parses and checks. Raises :class:`PluginRefused` with every fault found, each with its line."""
    document = _parsed(sdl, manifest.slug)
    graph = _collected(document)
    steps: tuple[Callable[[], Iterable[Fault]], ...] = (
        lambda: chain(_check_size(document), _check_definitions(document, manifest, host)),
        # what follows reads the definitions as plain ones
        lambda: chain(_check_types(document, graph), _check_namespaces(document, graph, manifest, host)),
        lambda: chain(_check_by_the_book(sdl, document), _check_depth(graph), _check_bindings(graph, manifest)),
    )
    faults: list[Fault] = []
    for step in steps:
        faults = faults or [*islice(step(), FAULTS_MAX)]
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
        for name in _shown(manifest)
    ]
    if faults:
        raise PluginRefused(manifest.slug, faults)
    return PluginGraph()


def _parsed(sdl: str, slug: str) -> DocumentNode:
    if len(sdl) > BYTES_MAX or len(sdl.encode(errors="replace")) > BYTES_MAX:
        raise PluginRefused(slug, [_too_large(f"it is larger than {BYTES_MAX} bytes")])
    if (fault := text_fault(sdl)) is not None:
        raise PluginRefused(slug, [fault])
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
                yield fault_at(
                    Rule.OWNERSHIP,
                    node,
                    f"`{node.name.value}` is not this plugin's to extend",
                    "Extend Citizen or Query",
                )
        elif isinstance(node, ObjectTypeDefinitionNode | EnumTypeDefinitionNode | InputObjectTypeDefinitionNode):
            yield from _check_type_name(node.name, seen, manifest, host)
        else:
            kind = node.kind.replace("_", " ")
            yield fault_at(
                Rule.DEFINITION, node, f"a {kind} has no place in a plugin", "Use types, enums and inputs alone"
            )
        if isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode) and node.interfaces:
            yield fault_at(Rule.DEFINITION, node, "a plugin's type implements no interface", "Remove `implements`")
    yield from word_faults(document)
    yield from deprecation_faults(document)


def _check_type_name(name: NameNode, seen: set[str], manifest: Manifest, host: HostNames) -> Iterator[Fault]:
    if name.value in seen:
        yield fault_at(Rule.NAME, name, f"`{name.value}` is declared twice", "Keep one")
    seen.add(name.value)
    if name.value in host.types | SHARED_TYPES:
        yield fault_at(Rule.OWNERSHIP, name, f"`{name.value}` is a type of the host", "Name it under your prefix")
    elif manifest.prefix is None:
        yield fault_at(Rule.PREFIX, name, "the manifest declares no prefix", 'Add `prefix = "…"` to the manifest')
    elif not name.value.startswith(manifest.prefix):
        yield fault_at(
            Rule.PREFIX, name, f"`{name.value}` does not begin with `{manifest.prefix}`", "Name it under your prefix"
        )


def _check_size(document: DocumentNode) -> Iterator[Fault]:
    """Before anything that costs more for each of them."""
    types = [node for node in document.definitions if not isinstance(node, ObjectTypeExtensionNode)]
    if len(types) > TYPES_MAX:
        yield _too_large(f"it declares {len(types)} types, more than {TYPES_MAX}")
    fields = [field for node in types for field in getattr(node, "fields", None) or ()]
    if len(fields) > FIELDS_MAX:
        yield _too_large(f"it declares {len(fields)} fields, more than {FIELDS_MAX}")
    if (arguments := sum(len(getattr(field, "arguments", None) or ()) for field in fields)) > ARGUMENTS_MAX:
        yield _too_large(f"its fields take {arguments} arguments, more than {ARGUMENTS_MAX}")
    if (values := sum(len(getattr(node, "values", None) or ()) for node in types)) > VALUES_MAX:
        yield _too_large(f"its enums have {values} values, more than {VALUES_MAX}")


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
        yield fault_at(Rule.UNKNOWN_TYPE, node, f"`{name}` cannot stand here", remedy, place)


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
        yield fault_at(
            Rule.NAMESPACE, node, f"`{parent}` is extended by other than one field", "Add one field, your namespace"
        )
        return
    (field,) = node.fields or ()
    name, place = field.name.value, f"{parent}.{field.name.value}"
    if name in host.fields_of(parent):
        yield fault_at(Rule.OWNERSHIP, field, f"`{place}` is the host's", "Choose another namespace", place)
    elif name != manifest.namespace:
        remedy = (
            f"Name it `{manifest.namespace}`" if manifest.namespace else f'Add `namespace = "{name}"` to the manifest'
        )
        yield fault_at(Rule.NAMESPACE, field, f"`{name}` is not the namespace of the manifest", remedy, place)
    if isinstance(field.type, NonNullTypeNode):
        yield fault_at(Rule.NULLABILITY, field, "a namespace must be nullable", "Remove the exclamation mark", place)
    if named_type(field.type) not in graph.objects or field.type.kind != "named_type":
        yield fault_at(
            Rule.NAMESPACE, field, "a namespace is one object type of the plugin", "Declare it as a type", place
        )
    if field.arguments:
        yield fault_at(Rule.BINDING, field, "a namespace takes no arguments", "Move them to its fields", place)


def _check_depth(graph: PluginGraph) -> Iterator[Fault]:
    """Answers are trees of known depth: no type contains itself, and none lies deeper than the limit; nor do inputs."""
    namespaces = frozenset(graph.namespaces.values())
    inputs = {name: {field.name.value: field for field in node.fields or ()} for name, node in graph.inputs.items()}
    fields_of = {name: graph.fields(name) for name in graph.objects} | inputs
    heights: dict[str, int] = {}
    faults: list[Fault] = []

    def height(type_name: str, above: frozenset[str]) -> int:
        if type_name not in heights:
            inside = above | {type_name}
            heights[type_name] = 1 + max(
                (below(type_name, inside, field) for field in fields_of[type_name].values()), default=0
            )
        return heights[type_name]

    def below(type_name: str, inside: frozenset[str], field: FieldDefinitionNode | InputValueDefinitionNode) -> int:
        inner, place = named_type(field.type), f"{type_name}.{field.name.value}"
        if inner in namespaces:
            faults.append(
                fault_at(Rule.NAMESPACE, field, f"`{inner}` is a namespace", "Reach it by its own field alone", place)
            )
        elif inner in inside:
            faults.append(fault_at(Rule.GRAPH_TOO_DEEP, field, f"`{inner}` contains itself", "Break the circle", place))
        elif inner in fields_of:
            return height(inner, inside)
        return 0

    for root in fields_of:  # those that nothing leads to as well: an app's tools walk them all
        if height(root, frozenset()) > DEPTH_MAX:
            node = graph.objects.get(root) or graph.inputs[root]
            why = f"below `{root}` it is more than {DEPTH_MAX} types deep"
            faults.append(fault_at(Rule.GRAPH_TOO_DEEP, node, why, "Flatten it", root))
    yield from faults


def _check_by_the_book(sdl: str, document: DocumentNode) -> Iterator[Fault]:
    """What the GraphQL specification itself asks of a schema: no empty types, no field twice, defaults that fit.

    The library counts lines from the top for each error that it finds; where that would take long it is given a copy
    without places.
    """
    is_long = sdl.count("\n") * sdl.count(":") > COUNTED_MAX
    checked = parse(sdl, no_location=True, max_tokens=TOKENS_MAX) if is_long else document
    errors = validate_sdl(checked, STUB) or validate_schema(extend_schema(STUB, checked, assume_valid_sdl=True))
    lines = (
        {id(one): line_of(other) for one, other in zip(_nodes(checked), _nodes(document), strict=True)}
        if errors
        else {}
    )
    for found in errors[:FAULTS_MAX]:
        line = next((lines[id(node)] for node in found.nodes or () if id(node) in lines), None)
        yield Fault(Rule.GRAPH_SYNTAX, found.message, "Correct it", FILE, line)


def _nodes(node: Node) -> Iterator[Node]:
    waiting: list[Any] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Node):
            yield one
            waiting.extend(getattr(one, key) for key in one.keys if key != "loc")
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def _shown(manifest: Manifest) -> Mapping[str, OperationSpec]:
    """The queries that a field shows: not those that other agencies ask."""
    queries = manifest.operations_of(OperationKind.QUERY)
    return {name: spec for name, spec in queries.items() if spec.access is not Access.AGENCY}


def _check_bindings(graph: PluginGraph, manifest: Manifest) -> Iterator[Fault]:
    """Each field of a namespace is an operation of kind query, each query such a field; only they take arguments."""
    queries = _shown(manifest)
    bound: set[str] = set()
    for parent, type_name in graph.namespaces.items():
        access = Access.CITIZEN if parent == CITIZEN else Access.PUBLIC
        for name, field in graph.fields(type_name).items():
            place = f"{type_name}.{name}"
            bound.add(name)
            if name not in queries:
                remedy = f'Add [operations.{name}] with kind = "query" to the manifest'
                yield fault_at(Rule.BINDING, field, "no query of the manifest answers it", remedy, place)
            elif queries[name].access is not access:
                remedy = f'Set access = "{access}" in [operations.{name}]'
                yield fault_at(Rule.BINDING, field, f"a field below `{parent}` must be {access}", remedy, place)
            if isinstance(field.type, NonNullTypeNode):
                yield fault_at(
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
                yield fault_at(Rule.BINDING, field, "an argument that no operation gets", remedy, f"{type_name}.{name}")
    for name in queries.keys() - bound:
        yield Fault(
            Rule.BINDING,
            f"no field shows `{name}`",
            "Add a field of that name to your namespace type",
            field=f"operations.{name}",
        )
