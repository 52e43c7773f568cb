"""Evidence in the graph: what was sent, and what is part of an application."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from core.graph import Info, Node, Nodes, global_id
from services.apply import models
from services.apply.evidence import repository
from services.apply.evidence.models import Evidence as Row
from services.apply.evidence.service import PATH, EvidenceDesk
from services.exchange.graph.fields import described

EVIDENCE: Final = "application.evidence"


@strawberry.type(description="A file that the citizen sent as evidence, to `POST /evidence`.")
class Evidence(Node):
    media_type: str = strawberry.field(description="`application/pdf`, `image/jpeg` or `image/png`, by what it holds.")
    bytes: int = strawberry.field(description="How large it is.")
    path: str = strawberry.field(description="Where the citizen downloads it, with the token that the graph takes.")
    uploaded_at: datetime
    scanned: bool = strawberry.field(description="Whether a scanner passed it; no officer is shown another.")

    @classmethod
    def of(cls, row: Row) -> Evidence:
        return cls(
            id=global_id("Evidence", row.id),
            media_type=row.media_type,
            bytes=row.size,
            path=f"{PATH}/{row.id.hex}",
            uploaded_at=row.uploaded_at,
            scanned=row.scanner is not None,
        )


@strawberry.type
class EvidenceOfApplication:
    """What this room adds to `Application`."""

    row: strawberry.Private[models.Application]

    @described("What the citizen named as evidence, oldest first.")
    async def evidence(self, info: Info) -> list[Evidence]:
        async def batch(keys: list[UUID]) -> Sequence[list[Row]]:
            async with info.context.db.read() as session:
                found = await repository.submitted(session, info.context.signed_in().person, keys)
            return [found[key] for key in keys]

        return [Evidence.of(row) for row in await info.context.loader(EVIDENCE, batch).load(self.row.id)]


async def submit(
    info: Info, session: AsyncSession, application: models.Application, named: list[strawberry.ID] | None
) -> None:
    """Makes what was named part of the application. Raises what :meth:`EvidenceDesk.submit` raises."""
    if named:
        await info.context.room(EvidenceDesk).submit(session, application, named)


async def evidence_node(info: Info, key: UUID) -> Evidence | None:
    """The viewer's; foreign and unknown are alike."""
    viewer = info.context.viewer
    found = None if viewer is None else await info.context.room(EvidenceDesk).own(viewer.person, key)
    return None if found is None else Evidence.of(found)


NODES: Nodes = {"Evidence": evidence_node}
