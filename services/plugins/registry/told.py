"""What a publication or an end of a service changes in the graph, put down for everybody to read."""

from __future__ import annotations

from datetime import datetime

from graphql import parse
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Conflict
from services.plugins.notices.history import History, Whose, standing_notices
from services.plugins.registry.documents import GRAPH
from services.plugins.registry.examined import Examined
from services.plugins.registry.graph_check import TOKENS_MAX
from services.plugins.registry.models import ServiceVersion


async def tell_publication(session: AsyncSession, now: datetime, examined: Examined) -> None:
    """In the transaction that puts it in force, under the lock of publications."""
    manifest = examined.plugin.manifest
    former = None if examined.former_graph is None else examined.former_graph.definitions
    whose = Whose(manifest.slug, manifest.agency.slug, manifest.version)
    await History(session, now).publish(whose, former, examined.plugin.graph.definitions)


async def must_be_told_still(session: AsyncSession, examined: Examined) -> None:
    """Under the lock of publications. Raises Conflict where clients were told of other days since it was compared: a
    service that went back and forth has the same version as before, and its year has begun anew."""
    slug = examined.plugin.slug
    if (await standing_notices(session, slug)).get(slug, {}) != examined.notices:
        raise Conflict


async def tell_end(session: AsyncSession, now: datetime, row: ServiceVersion) -> None:
    """In the transaction that retires it."""
    sdl = row.files.get(GRAPH)
    definitions = () if sdl is None else parse(sdl, no_location=True, max_tokens=TOKENS_MAX).definitions
    whose = Whose(row.slug, row.agency, row.version)
    await History(session, now).retire(whose, definitions)
