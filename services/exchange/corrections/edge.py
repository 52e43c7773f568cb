"""Deciding at the edge: the transaction, and what has to happen outside it. Command and REST both use this."""

from __future__ import annotations

from uuid import UUID

import structlog

from core.database import Database
from core.errors import ServiceUnavailable
from identity.people.correction import KnownFacts
from services.exchange.corrections.models import Correction
from services.exchange.corrections.service import CorrectionService, Handler, Outcome

log = structlog.get_logger(__name__)


async def decide(
    db: Database,
    corrections: CorrectionService,
    facts: KnownFacts | None,
    handler: Handler,
    correction: UUID,
    outcome: Outcome,
    note: str,
    *,
    seen: int | None = None,
) -> Correction:
    """Decides in a transaction of its own; see :meth:`CorrectionService.decide`.

    When something was put right, what is remembered of the person is forgotten before and after: before, so that a
    crash in between leaves no former value; after, for what was read meanwhile. While the cache cannot be told, nothing
    is decided: raises `ServiceUnavailable`. `facts` is None where the cache is in another process, which follows by
    itself (:class:`services.exchange.corrections.tasks.Forgetting`).
    """
    person = None
    if outcome is Outcome.CORRECTED and facts is not None:
        async with db.read() as session:
            person = (await corrections.of_agency(session, handler.agency, correction)).person
        await facts.forget(person)
    async with db.write() as session:
        decided = await corrections.decide(session, handler, correction, outcome, note, seen=seen)
    if person is not None and facts is not None:
        try:
            await facts.forget(person)
        except ServiceUnavailable as error:  # it is done, and the mark from before holds unless it took very long
            log.warning("corrected_facts_not_forgotten_again", code=error.code)
    return decided
