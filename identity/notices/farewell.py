"""The last notice to an e-mail address: that it is its person's no more. Nobody changes it unseen."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.crypto import KeyRing
from core.ids import new_id
from core.sealed import bound_to
from identity.notices.channels import ChannelKind
from identity.notices.models import NoticeChannel, NoticeOutgoing
from identity.notices.outbox import OutboxRows, Outcome
from identity.notices.repository import NoticeRows
from identity.notices.topics import LEFT, NoticeTopic, is_urgent


async def tell_former(
    session: AsyncSession, keys: KeyRing, person: UUID, *, index: bytes, address: str, now: datetime
) -> None:
    """Owes one notice to the address, and nothing else any more; after it the channel is gone.

    Only where the address was confirmed as the person's: to others nothing is written. `index` is of the contact that
    it was. Called in the transaction in which it ceases to be that, after the message about it.
    """
    row = await NoticeRows(session).at(person, ChannelKind.EMAIL.value, index)
    if row is None or row.verified_at is None or row.left_at is not None:
        return
    await OutboxRows(session).close_all(row.id, Outcome.GONE, now)
    row.left_at = now
    row.address_sealed = keys.seal(address.encode(), bound_to=bound_to(NoticeChannel.address_sealed, person, row.id))
    topic = NoticeTopic.SECURITY
    session.add(
        NoticeOutgoing(
            channel=row.id,
            message=new_id(),
            person=person,
            template=LEFT,
            topic=topic.value,
            urgent=is_urgent(topic),
            created_at=now,
            due_at=now,
        )
    )
    await session.flush()
