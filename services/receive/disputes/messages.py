"""What citizens are told of a dispute. What the agency wrote stands in the dispute, not in the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.text import Text
from identity.inbox.service import MessageTemplate
from services.receive.disputes.states import DisputeAction

STEPS: Final[Mapping[DisputeAction, MessageTemplate]] = {
    DisputeAction.BEGIN: MessageTemplate(
        "receive.dispute-begun",
        title=Text(th="รับเรื่องโต้แย้งแล้ว: {title}", en="Your dispute has arrived: {title}"),
        body=Text(
            th="{agency} ได้รับเรื่องเงิน {amount} บาท แล้ว และต้องตอบภายในวันที่ {due}",
            en="The {agency} has your dispute of {amount} baht and must answer it by {due}.",
        ),
    ),
    DisputeAction.ANSWER: MessageTemplate(
        "receive.dispute-answered",
        title=Text(th="หน่วยงานตอบเรื่องโต้แย้งแล้ว: {title}", en="Your dispute was answered: {title}"),
        body=Text(
            th="{agency} ตอบเรื่องเงิน {amount} บาท แล้ว ดูเหตุผลได้ในเรื่องโต้แย้ง หากไม่เห็นด้วย กรุณาโต้แย้งต่อภายในวันที่ {due}",
            en="The {agency} has answered about {amount} baht; the dispute shows why. If you do not agree, say so by "
            "{due}.",
        ),
    ),
    DisputeAction.LAPSE: MessageTemplate(
        "receive.dispute-lapsed",
        title=Text(th="เรื่องโต้แย้งจบแล้ว: {title}", en="Your dispute is over: {title}"),
        body=Text(
            th="พ้นกำหนดโต้แย้งคำตอบของ {agency} เรื่องเงิน {amount} บาท แล้ว",
            en="The days to contest the answer of the {agency} about {amount} baht are over.",
        ),
    ),
}
"""By what happened. What the citizen did after the beginning is no news to the citizen."""
