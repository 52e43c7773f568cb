"""Law that is over with none after it: the months of awards are held, and their payees told, on the day it is over."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from sqlalchemy import exists, select
from sqlmodel import col

from core.database import Database
from services.pay.awards import Awards
from services.pay.models import Award, HeldMonth, Instalment
from services.pay.turns import take_turn_for

PAGE: Final = 200


async def hold_what_ran_out(database: Database, awards: Awards, subjects: Collection[str], period: date) -> int:
    """Holds the month of the subjects' running awards that have neither a payment nor a held month in it; a transaction
    for each page. Answers how many awards those were."""
    of_month = (col(Instalment.award) == col(Award.id)) & (col(Instalment.period) == period)
    is_held = (col(HeldMonth.award) == col(Award.id)) & (col(HeldMonth.period) == period)
    query = (
        select(Award)
        .where(
            col(Award.subject).in_(sorted(subjects)),
            col(Award.starts_on) <= period,
            col(Award.ends_on).is_(None),
            ~exists(select(1).where(of_month)),
            ~exists(select(1).where(is_held, col(HeldMonth.released_at).is_(None))),
        )
        .order_by(col(Award.id))
    )
    held, last = 0, None
    while subjects:
        async with database.write() as session:
            later = query if last is None else query.where(col(Award.id) > last)
            seen = (await session.scalars(later.limit(PAGE))).all()
            await take_turn_for(session, [one.beneficiary for one in seen if awards.hangs_on_others(one, period)])
            unheld = later.where(col(Award.id).in_([one.id for one in seen]))
            page = (await session.scalars(unheld.with_for_update(read=True))).all()
            await awards.schedule(session, list(page), period)
            held, last = held + len(page), seen[-1].id if seen else last
        if len(seen) < PAGE:
            break
    return held
