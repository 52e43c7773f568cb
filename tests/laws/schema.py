"""The whole graph as the laws look at it: our own rooms with our own agencies' plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

from graphql import GraphQLObjectType, GraphQLSchema, build_schema

from api.schema import base_schema

SDL: Final = (Path(__file__).parents[2] / "schema.graphql").read_text()
WHOLE: Final[GraphQLSchema] = build_schema(SDL)
OURS: Final = base_schema()


def fields_of(type_name: str) -> dict[str, Any]:
    """The GraphQL fields of an object type of the whole graph."""
    return dict(cast("GraphQLObjectType", WHOLE.type_map[type_name]).fields)


def our_fields(root: str) -> list[Any]:
    """The Strawberry fields of a root type."""
    return list(cast("Any", OURS.get_type_by_name(root)).fields)


MUTATIONS: Final = sorted(fields_of("Mutation"))
