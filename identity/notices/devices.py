"""Devices that get pushes as long as the sign-in lasts in which they asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, delete, update
from sqlalchemy.orm import Session
from sqlmodel import col

from identity.notices.models import NoticeChannel, NoticeOutgoing
from identity.notices.outbox import Outcome

_BATCH: Final = 500


def forget_devices(session: Session, families: Sequence[UUID] | Select[tuple[UUID]], now: datetime) -> None:
    """Nothing goes any more to the devices of these token families, which have ended; what was owed to them is closed.

    In the transaction in which they end.
    """
    gone = session.scalars(
        delete(NoticeChannel)
        .where(col(NoticeChannel.family).in_(families))
        .returning(col(NoticeChannel.id))
        .execution_options(synchronize_session=False)
    ).all()
    for start in range(0, len(gone), _BATCH):
        session.execute(
            update(NoticeOutgoing)
            .where(
                col(NoticeOutgoing.channel).in_(gone[start : start + _BATCH]), col(NoticeOutgoing.closed_at).is_(None)
            )
            .values(closed_at=now, outcome=Outcome.GONE.value)
            .execution_options(synchronize_session=False)
        )
