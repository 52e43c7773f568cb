"""What the room of fees holds of people (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.personal_data import Erasure, Fate, LegalBasis, Rows, Stay, Store
from core.personal_rows import TableStore
from core.text import Text
from services.pay.fees.models import IncomingPayment
from services.pay.keeping import ACCOUNTS_KEPT

OFFICER: Final = "an officer of the agency"
FEES: Final = Store(
    name="fees",
    title=Text(th="ใบแจ้งชำระเงินและการชำระ", en="Bills and what was paid for them"),
    description=Text(
        th="ค่าธรรมเนียมหรือเงินที่ต้องคืน จำนวนเงิน และเวลาที่ธนาคารรับเงิน ไม่มีข้อมูลว่าใครเป็นผู้ชำระ "
        "เลขบัญชีที่ผู้ชำระแจ้งให้คืนเงินเก็บไว้จนธนาคารคืนแล้วเท่านั้น",
        en="Fees, or what is to be paid back, amounts, and when the bank had the money; not who paid it. An account "
        "that money is to go back to is kept until the bank has sent it.",
    ),
    purpose=Text(th="รับชำระค่าธรรมเนียม และทำบัญชีเงินแผ่นดิน", en="To take in fees, and to account for public money"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="accounting",
    recipients=(Text(th="ธนาคารที่รับชำระ", en="The bank that takes the payment"),),
    rows=(
        Rows("incoming_payment", ("person",), Fate.DELETED),
        Rows("bill", ("person",), Fate.DELETED),
        Rows("incoming_break", (), Fate.UNNAMED),
        Rows(
            "incoming_resolution",
            (),
            Fate.UNNAMED,
            {"proposed_by": OFFICER, "closed_by": OFFICER, "break_id": "what did not match"},
        ),
        Rows(
            "fee_refund",
            (),
            Fate.UNNAMED,
            {
                "incoming": "the payment",
                "break_id": "what did not match",
                "proposed_by": OFFICER,
                "agreed_by": OFFICER,
            },
        ),
        Rows("bank_statement", (), Fate.UNNAMED),
        Rows("statement_break", (), Fate.UNNAMED),
        Rows(
            "statement_resolution",
            (),
            Fate.UNNAMED,
            {"proposed_by": OFFICER, "closed_by": OFFICER, "break_id": "what did not match"},
        ),
    ),
)


class FeesStore(TableStore):
    async def stays(self, session: AsyncSession, erasure: Erasure) -> Sequence[Stay]:
        """Whatever money came in for, for as long as vouchers of public money are kept."""
        latest = await session.scalar(
            select(func.max(col(IncomingPayment.received_at))).where(col(IncomingPayment.person) == erasure.person)
        )
        if latest is None or latest + ACCOUNTS_KEPT <= erasure.at:
            return []
        return [
            Stay(
                store=FEES.name,
                hold="ACCOUNTING",
                law=Text(
                    th="ระเบียบกระทรวงการคลังว่าด้วยการเบิกเงินจากคลัง การรับเงิน การจ่ายเงิน การเก็บรักษาเงิน",
                    en="Regulation of the Ministry of Finance on paying and keeping public money",
                ),
                reason=Text(
                    th="หลักฐานการรับเงินแผ่นดิน: จำนวนเงิน วันที่ และเลขที่ใบเสร็จ ไม่เชื่อมกับบัญชีของท่านอีก",
                    en="Vouchers of public money: amounts, days and numbers of receipts, no longer tied to an account "
                    "of yours.",
                ),
                until=latest + ACCOUNTS_KEPT,
                tables=frozenset({"bill", "incoming_payment"}),
            )
        ]
