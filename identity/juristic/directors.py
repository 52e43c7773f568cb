"""Who directs a juristic person: entered by officers of the agency, or followed from the register of companies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.crypto import KeyRing
from core.sealed import bound_to
from core.text import Text
from identity.juristic.models import JuristicDirector


@dataclass(frozen=True, slots=True)
class Directing:
    """How somebody directs a juristic person."""

    signs: bool = True
    name_sealed: bytes | None = None


async def directors_of(session: AsyncSession, juristic: UUID) -> Mapping[UUID, JuristicDirector]:
    """Those who direct it now."""
    query = (
        select(JuristicDirector)
        .where(col(JuristicDirector.juristic) == juristic, col(JuristicDirector.ended_at).is_(None))
        .order_by(col(JuristicDirector.since), col(JuristicDirector.person))
        .execution_options(populate_existing=True)
    )
    return {one.person: one for one in await session.scalars(query)}


def name_of(keys: KeyRing, row: JuristicDirector) -> Text | None:
    """As the register of companies has it."""
    if row.name_sealed is None:
        return None
    bound = bound_to(JuristicDirector.name_sealed, row.juristic, row.person)
    return Text(**orjson.loads(keys.open(row.name_sealed, bound_to=bound)))


def sealed_name(keys: KeyRing, juristic: UUID, person: UUID, name: Text) -> bytes:
    bound = bound_to(JuristicDirector.name_sealed, juristic, person)
    return keys.seal(orjson.dumps({"th": name.th, "en": name.en}), bound_to=bound)
