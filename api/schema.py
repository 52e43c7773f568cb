"""The schema of our own rooms, and the whole of it with the agencies' plugins."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import strawberry
from graphql import print_schema
from strawberry.extensions import AddValidationRules, MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types.graphql import OperationType

from api import citizen
from api.composer import SHARED, SchemaHolder, compose, host_names
from api.errors import as_graphql
from api.graphql import CachedDocuments, TypedErrors, ValidatedDocuments
from api.limits import TOKENS_MAX, WithinLimits
from core.graph import Node
from core.graph.plain import PlainValues
from core.graph.rights import guard
from core.graph.types import SATANG_SCALAR, Satang
from core.text import Language
from services import agencies
from services.exchange.catalogue import Catalogue, load_catalogue
from services.exchange.graph.proofs import LOG_NUMBER_SCALAR, LogNumber
from services.plugins.contract import Manifest
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.registry.operation_check import consents_of
from services.plugins.runner import Runner

AGENCIES: Final = Path(agencies.__file__).parent
"""Our own agencies' plugins, checked and composed exactly as a stranger's would be."""
OURS: Final = ("api.", "identity.", "services.", "welfare.")


class SitthiSchema(strawberry.Schema):
    """The library's schema; errors are logged once, where they get their codes (`api/errors.py`)."""

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        root_value: Any = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> Any:
        """One answer to one question. A subscription, which has many, goes by :meth:`stream`."""
        allowed = frozenset(allowed_operation_types or OperationType) - {OperationType.SUBSCRIPTION}
        return await super().execute(
            query, variable_values, context_value, root_value, operation_name, allowed, operation_extensions
        )

    def process_errors(self, errors: list[Any], execution_context: Any = None) -> None:
        """Types the errors in place: those of a document that cannot be read pass by the extensions of the schema.

        The library's own way would print the trace of every refusal.
        """
        context = getattr(execution_context, "context", None)
        errors[:] = [as_graphql(error, context.language if context else Language.TH) for error in errors]


@cache
def base_schema() -> SitthiSchema:
    """The graph of our own rooms, every field guarded by what it declares (core/graph/rights).

    Made once and never changed: plugins extend a copy of it.
    """
    schema = SitthiSchema(
        query=citizen.Query,
        mutation=citizen.Mutation,
        subscription=citizen.Subscription,
        types=[*SHARED, *_nodes()],
        extensions=[
            TypedErrors,
            lambda: MaxTokensLimiter(max_token_count=TOKENS_MAX),
            lambda: AddValidationRules([WithinLimits]),
            CachedDocuments,
            ValidatedDocuments,
        ],
        execution_context_class=PlainValues,
        config=StrawberryConfig(scalar_map={Satang: SATANG_SCALAR, LogNumber: LOG_NUMBER_SCALAR}),
    )
    guard(schema._schema)  # noqa: SLF001 - Strawberry shows its GraphQL schema nowhere else
    return schema


def registry_of(schema: strawberry.Schema, catalogue: Catalogue) -> Registry:
    """A registry that keeps the names of this schema and the facts of this catalogue, with our own agencies in it.

    Raises :class:`PluginRefused` when one of ours does not pass the checks that a stranger's must.
    """
    if schema is not base_schema() or catalogue.attributes is not load_catalogue().attributes:
        return _registry(schema, catalogue, ())
    return _registry(schema, catalogue, _own_plugins())


@cache
def _own_plugins() -> tuple[Plugin, ...]:
    return _registry(base_schema(), load_catalogue(), ()).plugins


def _registry(schema: strawberry.Schema, catalogue: Catalogue, checked: tuple[Plugin, ...]) -> Registry:
    """With our own agencies, as `checked` over this schema and catalogue before; without such, checked now."""
    stewards = {a.id: a.steward for a in catalogue.attributes.values() if a.derived is None}
    registry = Registry(host_names(schema), stewards, consents_of(catalogue))
    for plugin in checked:
        registry.add(plugin)
    if not checked:
        registry.load_all(AGENCIES)
    return registry


def printed_schema() -> str:
    """SDL of the whole graph with our own agencies' plugins, as it is committed in `schema.graphql`."""
    base = base_schema()
    whole = compose(base, registry_of(base, load_catalogue()).plugins, Runner(_no_host))
    return print_schema(whole._schema) + "\n"  # noqa: SLF001 - Strawberry shows its GraphQL schema nowhere else


def _no_host(manifest: Manifest) -> Any:
    raise RuntimeError(f"{manifest.slug} is only printed here")


def _nodes() -> list[type[Any]]:
    """Every type that `node` can answer, so that the interface knows them though no field names them."""
    found: list[type[Any]] = []
    todo: list[type[Any]] = [Node]
    while todo:
        for kind in todo.pop().__subclasses__():
            todo.append(kind)
            if "__strawberry_definition__" in vars(kind) and kind.__module__.startswith(OURS):
                found.append(kind)
    return sorted(found, key=lambda kind: kind.__name__)


__all__ = ["Plugin", "SchemaHolder", "SitthiSchema", "base_schema", "printed_schema", "registry_of"]
