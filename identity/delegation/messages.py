"""What both sides of a delegation are told. A message names nobody: the delegation itself does, to whom it may."""

from __future__ import annotations

from typing import Final

from core.text import Text
from identity.inbox.service import MessageTemplate

WAS_ASKED: Final = MessageTemplate(
    "delegation.asked",
    title=Text(th="มีผู้ขอทำการมอบหมายกับคุณ", en="Somebody proposes a delegation to you"),
    body=Text(
        th="ตรวจสอบว่าใครขอ และขออะไร ในหน้าการมอบหมาย แล้วตอบรับหรือปฏิเสธ หากไม่ตอบภายใน 30 วันคำขอจะสิ้นผล",
        en="See under delegations who asks, and for what; then accept or decline. Unanswered, it lapses in 30 days.",
    ),
)
HAS_ASKED: Final = MessageTemplate(
    "delegation.proposed",
    title=Text(th="ส่งคำขอมอบหมายแล้ว", en="Your proposal of a delegation is sent"),
    body=Text(
        th="จะมีผลเมื่ออีกฝ่ายตอบรับ หากคุณไม่ได้เป็นผู้ขอ ให้ยกเลิกทันทีและตรวจสอบการเข้าสู่ระบบของคุณ",
        en="It holds once the other side accepts. If this was not you, end it at once and look at your sign-ins.",
    ),
)
ACTS_FOR_YOU: Final = MessageTemplate(
    "delegation.acts-for-you",
    title=Text(th="มีผู้ดำเนินการแทนคุณได้แล้ว", en="Somebody may act for you now"),
    body=Text(
        th="ดูได้ในหน้าการมอบหมายว่าใคร ทำอะไรได้บ้าง และถึงเมื่อใด ทุกครั้งที่ผู้นั้นดูข้อมูลของคุณจะอยู่ในบันทึกการเข้าถึง",
        en="See under delegations who, what they may do, and until when. Each of their looks is in your access log.",
    ),
)
YOU_ACT: Final = MessageTemplate(
    "delegation.you-act",
    title=Text(th="คุณดำเนินการแทนบุคคลอื่นได้แล้ว", en="You may act for somebody now"),
    body=Text(
        th="ดูขอบเขตและวันสิ้นสุดได้ในหน้าการมอบหมาย ทุกสิ่งที่คุณทำแทนจะถูกบันทึกในชื่อของคุณ",
        en="See under delegations what you may do and until when. All that you do for them is recorded as yours.",
    ),
)
ENDED: Final = MessageTemplate(
    "delegation.ended",
    title=Text(th="การมอบหมายสิ้นสุดแล้ว", en="A delegation has ended"),
    body=Text(
        th="สิทธิดำเนินการแทนสิ้นสุดทันที ดูรายละเอียดได้ในหน้าการมอบหมาย",
        en="The right to act ended at once. See under delegations which it was.",
    ),
)
