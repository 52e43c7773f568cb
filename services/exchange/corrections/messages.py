"""What citizens are told of a correction. None of them says what the fact is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.text import Text
from identity.inbox import MessageTemplate
from services.exchange.corrections.states import CorrectionAction

STEPS: Final[Mapping[CorrectionAction, MessageTemplate]] = {
    CorrectionAction.REQUEST: MessageTemplate(
        "corrections.requested",
        title=Text(th="ส่งคำขอแก้ไขแล้ว: {fact}", en="Correction requested: {fact}"),
        body=Text(
            th="{agency} ได้รับคำขอของคุณแล้ว และต้องพิจารณาภายในวันที่ {due}",
            en="The {agency} has your request and must decide it by {due}.",
        ),
    ),
    CorrectionAction.TAKE: MessageTemplate(
        "corrections.taken",
        title=Text(th="เจ้าหน้าที่รับเรื่องแล้ว: {fact}", en="Somebody is looking at it: {fact}"),
        body=Text(
            th="เจ้าหน้าที่ของ {agency} กำลังพิจารณาคำขอแก้ไขของคุณ",
            en="An officer of the {agency} has taken your request.",
        ),
    ),
    CorrectionAction.ASK: MessageTemplate(
        "corrections.asked",
        title=Text(th="ขอข้อมูลเพิ่ม: {fact}", en="More is needed: {fact}"),
        body=Text(
            th="{agency} มีคำถามเกี่ยวกับคำขอแก้ไขของคุณ ดูคำถามได้ในคำขอ และตอบภายในวันที่ {due}",
            en="The {agency} has a question about your request. You find it there; please answer by {due}.",
        ),
    ),
    CorrectionAction.CORRECT: MessageTemplate(
        "corrections.corrected",
        title=Text(th="แก้ไขแล้ว: {fact}", en="Corrected: {fact}"),
        body=Text(
            th="{agency} แก้ไขข้อมูลแล้ว คำขอแสดงข้อมูลปัจจุบันพร้อมที่มา",
            en="The {agency} has put it right. The request shows what is on record now, with its source.",
        ),
    ),
    CorrectionAction.REFUSE: MessageTemplate(
        "corrections.refused",
        title=Text(th="ไม่แก้ไข: {fact}", en="Not corrected: {fact}"),
        body=Text(
            th="{agency} ยืนยันข้อมูลเดิม ดูเหตุผลได้ในคำขอ หากไม่เห็นด้วย คุณร้องเรียนต่อคณะกรรมการคุ้มครองข้อมูลส่วนบุคคลได้",
            en="The {agency} stands by its record; the request shows why. If you do not agree, you may complain to the "
            "Personal Data Protection Committee.",
        ),
    ),
    CorrectionAction.WITHDRAW: MessageTemplate(
        "corrections.withdrawn",
        title=Text(th="ถอนคำขอแก้ไขแล้ว: {fact}", en="Withdrawn: {fact}"),
        body=Text(th="คุณยื่นคำขอใหม่ได้ทุกเมื่อ", en="You may open another case at any time."),
    ),
}
"""By what happened. That the citizen supplemented something is no news to the citizen."""
