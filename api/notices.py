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
from identity.inbox.service import Inbox, MessageTemplate
from services.apply.states import Status

APPLICATION: Final[Mapping[Status, MessageTemplate]] = {
    Status.APPROVED: MessageTemplate(
        "apply.approved",
        title=Text(th="อนุมัติแล้ว: {title}", en="Approved: {title}"),
        body=Text(
            th="คำขอของคุณได้รับอนุมัติ เราจะแจ้งอีกครั้งเมื่อโอนเงินแล้ว",
            en="Your application is approved. We will tell you again when the money has been sent.",
        ),
    ),
    Status.REJECTED: MessageTemplate(
        "apply.rejected",
        title=Text(th="ไม่อนุมัติ: {title}", en="Not approved: {title}"),
        body=Text(
            th="ดูเหตุผลและข้อกฎหมายได้ในคำขอ หากไม่เห็นด้วย คุณอุทธรณ์ได้",
            en="The application shows the reasons and the law. If you do not agree, you may appeal.",
        ),
    ),
    Status.NEEDS_INFORMATION: MessageTemplate(
        "apply.needs-information",
        title=Text(th="ขอข้อมูลเพิ่ม: {title}", en="More is needed: {title}"),
        body=Text(
            th="ยังพิจารณาไม่ได้ เพราะข้อมูลบางรายการยังไม่ทราบ ดูรายการได้ในคำขอ",
            en="It cannot be decided yet, because some facts are not known. The application lists them.",
        ),
    ),
    Status.WITHDRAWN: MessageTemplate(
        "apply.withdrawn",
        title=Text(th="ถอนคำขอแล้ว: {title}", en="Withdrawn: {title}"),
        body=Text(
            th="คำขอถูกถอนแล้ว คุณยื่นใหม่ได้ทุกเมื่อ", en="The application is withdrawn. You may apply again at any time."
        ),
    ),
    Status.UNDER_REVIEW: MessageTemplate(
        "apply.under-review",
        title=Text(th="ขอข้อมูลเพื่อให้สิทธิต่อเนื่อง: {title}", en="Something is needed to go on: {title}"),
        body=Text(
            th="สิทธิของคุณยังอยู่ แต่ต้องทราบข้อมูลบางอย่างเพื่อจ่ายต่อ ดูรายการและวันครบกำหนดได้ในคำขอ",
            en="Your benefit stands. To go on being paid, some facts are needed; the application lists them and "
            "their day.",
        ),
    ),
    Status.ENDED: MessageTemplate(
        "apply.ended",
        title=Text(th="สิทธิสิ้นสุด: {title}", en="Your benefit has ended: {title}"),
        body=Text(
            th="ข้อเท็จจริงหรือกฎหมายเปลี่ยนไป สิทธินี้จึงสิ้นสุด ดูเหตุผลและข้อกฎหมายได้ในคำขอ หากไม่เห็นด้วย คุณอุทธรณ์ได้",
            en="The facts or the law have changed, so it has ended. The application shows the reasons and the law. "
            "If you do not agree, you may appeal.",
        ),
    ),
    Status.COMPLETED: MessageTemplate(
        "apply.completed",
        title=Text(th="จ่ายครบแล้ว: {title}", en="Paid in full: {title}"),
        body=Text(
            th="เงินที่ให้ครั้งเดียวได้จ่ายครบแล้ว คำขอนี้จึงปิดลง หากมีกรณีใหม่ คุณยื่นคำขอใหม่ได้",
            en="What is given once has been paid, so this application is closed. For another occasion you may apply "
            "again.",
        ),
    ),
    Status.LAPSED: MessageTemplate(
        "apply.lapsed",
        title=Text(th="หมดเวลาให้ข้อมูล: {title}", en="The time to answer is over: {title}"),
        body=Text(
            th="เราไม่ได้รับข้อมูลภายในกำหนด คำขอจึงถูกปิดไว้ คุณเปิดคำขอนี้อีกครั้งได้จนถึงวันที่แสดงในคำขอ",
            en="We did not hear from you in time, so the application is closed. Until the day it shows you can open "
            "it again.",
        ),
    ),
    Status.APPEALED: MessageTemplate(
        "apply.appealed",
        title=Text(th="รับอุทธรณ์แล้ว: {title}", en="Appeal received: {title}"),
        body=Text(th="หน่วยงานจะพิจารณาคำขอของคุณอีกครั้ง", en="The agency will look at your application again."),
    ),
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
