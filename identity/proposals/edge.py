"""Approving at the edge: the transaction, and what has to happen outside it. Page and command both use this."""

from __future__ import annotations

from uuid import UUID

import structlog

from core.database import Database
from core.errors import ServiceUnavailable
from identity.officers.register import Officer
from identity.people.correction import KnownFacts
from identity.proposals.service import Done, Proposals

log = structlog.get_logger(__name__)


async def approve(
    db: Database, proposals: Proposals, facts: KnownFacts | None, officer: Officer, proposal: UUID, reason: str
) -> Done:
    """Approves in a transaction of its own; see :meth:`Proposals.approve`.

    When it corrects a number, what is remembered of the person is forgotten before and after: before, so that a crash
    in between leaves nothing of the former number's; after, for what was read while it was being corrected. While the
    cache cannot be told, nothing is corrected: raises :class:`ServiceUnavailable`.
    """
    async with db.read() as session:
        person = await proposals.person_corrected_by(session, proposal)
    if person is not None and facts is not None:
        await facts.forget(person)
    async with db.write() as session:
        done = await proposals.approve(session, officer, proposal, reason)
    if person is not None and facts is not None:
        try:
            await facts.forget(person)
        except ServiceUnavailable as error:  # it is done, and the mark from before holds unless it took very long
            log.warning("corrected_facts_not_forgotten_again", code=error.code)
    return done
