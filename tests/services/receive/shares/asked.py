"""A check that waits for a candidate's answer, as it lies in the database once they were asked."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import orjson

from core.graph import global_id
from core.ids import new_id
from core.sealed import bound_to
from services.receive.shares.checks.models import CheckAsked, CheckLine, CheckRequest
from tests.support.app import Served


async def asked(sitthi: Served, person: UUID) -> str:
    """Its id in the graph."""
    now, request, check, keys = sitthi.clock.now(), new_id(), new_id(), sitthi.house.keys
    until = now + timedelta(days=7)
    purpose = orjson.dumps({"th": "พิจารณารับเข้าทำงาน", "en": "Considering you for a job"})
    said = orjson.dumps({"reference": "C-1", "claim": {"level": "MASTER"}})
    async with sitthi.house.db.write() as session:
        session.add(
            CheckRequest(
                id=request,
                juristic=new_id(),
                appointment=new_id(),
                agency="mhesi",
                number="0105500000000",
                title_th="บริษัท",
                title_en="Company",
                reference="list-1",
                digest=b"",
                purpose_sealed=keys.seal(purpose, bound_to=bound_to(CheckRequest.purpose_sealed, request)),
                lines=1,
                asked_at=now,
                until=until,
                people_asked=True,
            )
        )
        await session.flush()
        claim = keys.seal(said, bound_to=bound_to(CheckLine.claim_sealed, request, 1))
        session.add(CheckLine(request=request, line=1, claim_sealed=claim))
        await session.flush()
        session.add(CheckAsked(person=person, id=check, request=request, line=1, asked_at=now, until=until))
    return str(global_id("CheckAsked", check))
