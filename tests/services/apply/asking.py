"""A graph of the rooms that a test is about, asked as a citizen asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig

from core.clock import Clock
from core.database import Database
from core.graph import Context, Rooms, Viewer
from core.graph.types import SATANG_SCALAR, Satang
from core.ids import new_id
from core.text import Language
from core.viewer import Acting


def schema_of(query: type[Any], mutation: type[Any] | None = None) -> strawberry.Schema:
    return strawberry.Schema(query, mutation, config=StrawberryConfig(scalar_map={Satang: SATANG_SCALAR}))


@dataclass
class Asking:
    schema: strawberry.Schema
    database: Database
    clock: Clock
    rooms: Rooms = field(default_factory=Rooms)

    async def __call__(
        self,
        document: str,
        viewer: UUID | None,
        *,
        language: Language = Language.TH,
        acting: Acting | None = None,
        acr: str = "ial2.3",
        **variables: Any,
    ) -> Any:
        """The data. Raises the first error that there is."""
        until = datetime(2100, 1, 1, tzinfo=UTC)
        who = None
        if viewer is not None:
            who = Viewer(viewer, "test-app", frozenset(), acr, until, self.clock.now(), acting=acting)
        context = Context(self.database, self.clock, self.rooms, who, language, new_id())
        result = await self.schema.execute(document, variable_values=variables, context_value=context)
        if result.errors:
            raise result.errors[0].original_error or result.errors[0]
        return result.data
