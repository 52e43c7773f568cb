"""Relay's `Node`, and how the edge finds one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from uuid import UUID

import strawberry

from core.graph.context import Info
from core.ids import GlobalId


@strawberry.interface
class Node:
    """Something with a global id."""

    id: strawberry.ID


NodeLoader: TypeAlias = Callable[[Info, UUID], Awaitable[Node | None]]
"""Answers the node if it exists and is the viewer's to see, else None: foreign and unknown are alike."""

Nodes: TypeAlias = Mapping[str, NodeLoader]
"""What a room's `graph.py` exports as `NODES`: GraphQL type name → loader."""


def global_id(type_name: str, key: UUID) -> strawberry.ID:
    return strawberry.ID(str(GlobalId(type_name, key)))
