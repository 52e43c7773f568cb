"""Extends the graph of our own rooms with the plugins' SDL (docs/adr/0006).

The base schema is never touched: what comes back is a copy of the Strawberry schema around a new GraphQL schema, so
that requests in flight finish on the schema they began with.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final, cast

from graphql import GraphQLEnumType, GraphQLObjectType, GraphQLSchema, extend_schema, validate_schema
from strawberry import Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from api.composer.binding import bind
from api.deprecations import announce, our_names
from core.graph import MoneyAmount
from services.plugins.contract import Fault, PluginRefused, Rule
from services.plugins.plugin import CITIZEN, QUERY, SHARED_TYPES, HostNames, Plugin, documents
from services.plugins.runner import Runner

SHARED: Final[tuple[type, ...]] = (date, datetime, MoneyAmount)
"""Handed to the base schema's `types`, because plugins' SDL may name them though no field of ours did."""


def host_names(base: Schema) -> HostNames:
    """The names of the base schema, which no plugin may take."""
    schema = _graphql(base)
    return HostNames(
        types=frozenset(schema.type_map) - SHARED_TYPES,
        citizen=_fields(schema, CITIZEN),
        query=_fields(schema, QUERY),
    )


def compose(base: Schema, plugins: Iterable[Plugin], runner: Runner) -> Schema:
    """A schema of base and plugins. Takes seconds for thousands of plugins: off the event loop, please.

    Raises :class:`PluginRefused` naming the plugin that does not fit, although the registry let it in.
    """
    chosen = sorted(plugins, key=lambda plugin: plugin.slug)
    shown = [plugin for plugin in chosen if plugin.graph.definitions]
    _check_names(host_names(base), shown)
    extended = _extended(_graphql(base), shown)
    _keep_enums(_graphql(base), extended)
    for plugin in shown:
        bind(extended, plugin, runner)
    told = [notice for plugin in shown for notice in plugin.notices.values()]
    announce(extended, [*our_names().standing.values(), *told])
    return _copy_around(base, extended)


def _extended(base: GraphQLSchema, plugins: list[Plugin]) -> GraphQLSchema:
    # One document for all, parsed when they were registered. Each was checked by itself then; here the whole is.
    if not plugins:
        return GraphQLSchema(**base.to_kwargs())
    try:
        extended = extend_schema(base, documents(plugins), assume_valid_sdl=True)
        if not (errors := [error.message for error in validate_schema(extended)]):
            return extended
    except TypeError as error:
        errors = [str(error)]
    if len(plugins) > 1:
        for plugin in plugins:
            _extended(base, [plugin])  # raises for the one that does not fit by itself
    why = f"the graph does not hold together with it: {errors[0]}"
    raise PluginRefused(plugins[-1].slug, [Fault(Rule.COMPOSITION, why, "Correct the SDL", "graph.graphql")])


def _check_names(host: HostNames, plugins: Sequence[Plugin]) -> None:
    """The composer's own look at who owns what: it does not take the registry's word for it."""
    types: dict[str, str] = {}
    fields: dict[tuple[str, str], str] = {}
    for plugin in plugins:
        namespace = plugin.manifest.namespace or ""
        claims = [(types, name, name in host.types | SHARED_TYPES) for name in sorted(plugin.graph.types)]
        claimed_fields = [
            (fields, (parent, namespace), namespace in host.fields_of(parent)) for parent in plugin.graph.namespaces
        ]
        for taken, name, is_hosts in [*claims, *claimed_fields]:
            owner = "the host" if is_hosts else cast("dict[Any, str]", taken).setdefault(name, plugin.slug)
            if owner != plugin.slug:
                why = f"`{name if isinstance(name, str) else '.'.join(name)}` belongs to {owner}"
                raise PluginRefused(plugin.slug, [Fault(Rule.OWNERSHIP, why, "Choose another name", "graph.graphql")])


def _keep_enums(base: GraphQLSchema, extended: GraphQLSchema) -> None:
    """Extending turns Strawberry's enum types into plain ones, which cannot write a member of a Python enum."""
    for name, before in base.type_map.items():
        if isinstance(before, GraphQLEnumType) and hasattr(before, "wrapped_cls"):
            after = cast("Any", extended.type_map[name])
            after.__class__, after.wrapped_cls = type(before), before.wrapped_cls


def _copy_around(base: Schema, extended: GraphQLSchema) -> Schema:
    schema = copy.copy(base)
    schema._schema = extended  # noqa: SLF001 - Strawberry has no way to extend a schema; the copy is not yet shared
    extended._strawberry_schema = schema  # type: ignore[attr-defined]  # noqa: SLF001 - what `info.schema` reads
    extended.extensions = {**extended.extensions, GraphQLCoreConverter.DEFINITION_BACKREF: schema}
    return schema


def _graphql(schema: Schema) -> GraphQLSchema:
    return schema._schema  # noqa: SLF001 - Strawberry shows its GraphQL schema nowhere else


def _fields(schema: GraphQLSchema, type_name: str) -> frozenset[str]:
    return frozenset(cast("GraphQLObjectType", schema.type_map[type_name]).fields)
