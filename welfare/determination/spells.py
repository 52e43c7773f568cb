"""Spells of entitlement: when somebody hears of a programme, and that they hear of it once.

A spell begins when the rules say yes, and ends when they say no; what is unknown ends nothing. Whoever loses an
entitlement and regains it soon is in the same spell, so that a fact which comes and goes does not fill an inbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from welfare.determination import repository
from welfare.determination.deciding import Decided
from welfare.determination.models import EntitlementSpell
from welfare.programmes import Outcome

SAME_SPELL: Final = timedelta(days=180)
"""Regained earlier than so long after it was lost, it is the same spell."""


async def follow(
    session: AsyncSession,
    purpose: str,
    programme: str,
    found: Decided,
    alive: Mapping[UUID, bool | None],
    on: date,
) -> None:
    """Begins and ends spells by all that was found of these people. `alive` is what the civil register says of each:
    nobody has a spell who is dead, and none begins where nobody can say. Of a child that is not theirs any more, or is
    of age, nothing was found, and its spell ends; not where nobody could say whom they have."""
    outcomes = {
        (one.person, one.beneficiary): Outcome.UNMET if alive[one.person] is False else one.outcome
        for one in found.answers
        if one.is_named
    }
    last = await repository.last_spells(session, programme, found.people)
    silent = {one.person for one in found.answers if not one.is_named and one.outcome is not Outcome.UNMET}
    for key, before in last.items():
        if key not in outcomes and before.ended_on is None and key[0] not in silent:
            before.ended_on = on
    new = []
    for (person, beneficiary), outcome in outcomes.items():
        spell = last.get((person, beneficiary))
        if outcome is Outcome.UNMET and spell is not None and spell.ended_on is None:
            spell.ended_on = on
        elif outcome is Outcome.MET and alive[person]:
            if spell is None or (spell.ended_on is not None and on - spell.ended_on >= SAME_SPELL):
                number = 1 if spell is None else spell.number + 1
                new.append(
                    EntitlementSpell(
                        person=person,
                        programme=programme,
                        beneficiary=beneficiary,
                        number=number,
                        began_on=on,
                        purpose=purpose,
                    )
                )
            elif spell.ended_on is not None:
                spell.ended_on = None
    await session.flush()
    if new:  # another run may have found the same at this moment
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        rows = [one.model_dump() for one in sorted(new, key=lambda one: (one.person, one.beneficiary))]
        for at in range(0, len(rows), 1_000):
            await session.execute(
                dialect.insert(EntitlementSpell).values(rows[at : at + 1_000]).on_conflict_do_nothing()
            )
