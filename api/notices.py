"""What citizens are told when something of theirs moves: the words, and the way into the inbox.

The room that decides says what happened; here it becomes a message in Thai and English, written in the same
transaction, so that no message is about something that was rolled back. (The room that pays has words of its own.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.text import Text
from identity.inbox.models import ChangeKind
from identity.inbox.service import Inbox
from identity.inbox.templates import MessageTemplate
from services.apply.messages import MESSAGES
from services.apply.states import Status

APPLICATION: Final[Mapping[Status, MessageTemplate]] = {
    Status.APPROVED: MESSAGES["apply.approved"],
    Status.REJECTED: MESSAGES["apply.rejected"],
    Status.NEEDS_INFORMATION: MESSAGES["apply.needs-information"],
    Status.WITHDRAWN: MESSAGES["apply.withdrawn"],
    Status.UNDER_REVIEW: MESSAGES["apply.under-review"],
    Status.ENDED: MESSAGES["apply.ended"],
    Status.COMPLETED: MESSAGES["apply.completed"],
    Status.LAPSED: MESSAGES["apply.lapsed"],
    Status.APPEALED: MESSAGES["apply.appealed"],
}


class InboxNotices:
    """Fulfils `services.apply.deciding.Notices`."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def application_changed(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, status: Status
    ) -> None:
        """A message where the status is news to the citizen, and word to their devices in any case."""
        if (template := APPLICATION.get(status)) is not None:
            await self._inbox.send(session, person, template, title=title)
        await self._inbox.announce(session, person, ChangeKind.APPLICATION, application)
