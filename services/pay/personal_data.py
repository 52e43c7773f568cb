"""What the room that pays holds of people (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from core.crypto import KeyRing
from core.personal_data import Erasure, Fate, LegalBasis, PersonalData, Rows, Stay, Store
from core.personal_rows import TableStore
from core.text import Text
from services.pay.benefits.subjects import KIND
from services.pay.fees.personal_data import FEES, FeesStore
from services.pay.keeping import ACCOUNTS_KEPT
from services.pay.models import Award, Instalment
from services.pay.states import InstalmentStatus

OFFICER: Final = "an officer"
_UNDECIDED: Final = [s.value for s in (InstalmentStatus.SCHEDULED, InstalmentStatus.IN_RUN, InstalmentStatus.SUBMITTED)]
_CANCELLED: Final = InstalmentStatus.CANCELLED.value
_PAID: Final = [s.value for s in (InstalmentStatus.SETTLED, InstalmentStatus.RETURNED)]

PAYMENTS: Final = Store(
    name="payments",
    title=Text(th="สิทธิรับเงินและการจ่ายเงิน", en="Awards and payments"),
    description=Text(
        th="เงินที่ท่านมีสิทธิได้รับ แต่ละงวด และผลของธนาคาร",
        en="What you are to be paid, each instalment, and what the bank said.",
    ),
    purpose=Text(th="จ่ายสวัสดิการ และทำบัญชีเงินแผ่นดิน", en="To pay benefits, and to account for public money"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="accounting",
    recipients=(Text(th="ธนาคารผู้จ่ายเงิน", en="The bank that pays"),),
    rows=(
        Rows("recovery_entry", ("person",), Fate.DELETED),
        Rows("recovery_claim", ("person",), Fate.DELETED),
        Rows("recovery_plan", ("person",), Fate.DELETED, {"proposed_by": OFFICER}),
        Rows("underpayment", ("person",), Fate.DELETED),
        Rows("overpayment", ("person",), Fate.DELETED),
        Rows("held_month", ("person",), Fate.DELETED),
        Rows("instalment", ("person",), Fate.DELETED, {"beneficiary": "the person, or a child of theirs"}),
        Rows("award", ("person",), Fate.DELETED, {"beneficiary": "the person, or a child of theirs"}),
        Rows("benefit", ("person",), Fate.DELETED),
        Rows("payment_run", (), Fate.UNNAMED, {"planned_by": OFFICER, "approved_by": OFFICER}),
        Rows("payday", (), Fate.UNNAMED),
        Rows("ledger_act", (), Fate.UNNAMED, {"proposed_by": OFFICER, "decided_by": OFFICER}),
        Rows("payment_file", (), Fate.UNREADABLE),
        Rows(
            "cash_slip",
            ("person",),
            Fate.DELETED,
            {"code_by": OFFICER, "paid_by": OFFICER, "message": "the order that it came in"},
        ),
        Rows("cash_day", (), Fate.UNNAMED, {"reported_by": OFFICER}),
        Rows("reconciliation_break", (), Fate.UNNAMED),
        Rows(
            "break_resolution",
            (),
            Fate.UNNAMED,
            {"proposed_by": OFFICER, "closed_by": OFFICER, "break_id": "what did not match"},
        ),
    ),
)
DESTINATIONS: Final = Store(
    name="payout-destinations",
    title=Text(th="ช่องทางรับเงิน", en="Where your money goes"),
    description=Text(
        th="พร้อมเพย์หรือบัญชีธนาคารที่ท่านแจ้งไว้ ทุกครั้งที่เปลี่ยน",
        en="The PromptPay number or bank account you named, each time you did.",
    ),
    purpose=Text(th="จ่ายเงินไปยังบัญชีที่ท่านเลือก", en="To pay where you want it"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="accounting",
    recipients=(Text(th="ธนาคารผู้จ่ายเงิน", en="The bank that pays"),),
    rows=(Rows("payout_destination", ("person",), Fate.UNREADABLE),),
)


class _Payments(TableStore):
    async def stays(self, session: AsyncSession, erasure: Erasure) -> Sequence[Stay]:
        return [stay for stay in (await self._running(session, erasure), await self._paid(session, erasure)) if stay]

    async def _running(self, session: AsyncSession, erasure: Erasure) -> Stay | None:
        """What is still being paid. Without the number and the account there is nobody to pay it to."""
        undecided = exists(
            select(1)
            .select_from(Instalment)
            .where(col(Instalment.person) == col(Award.person), col(Instalment.award) == col(Award.id))
            .where(col(Instalment.status).in_(_UNDECIDED))
        )
        goes_on = [col(Award.ends_on).is_(None), undecided]
        if not erasure.end_benefits:
            goes_on.append(_came_back(erasure))
        query = select(col(Award.id)).where(col(Award.person) == erasure.person, or_(*goes_on))
        if await session.scalar(query.limit(1)) is None:
            return None
        return Stay(
            store=PAYMENTS.name,
            hold="OPEN_PAYMENTS",
            law=Text(
                th="พ.ร.บ. คุ้มครองข้อมูลส่วนบุคคล พ.ศ. 2562 มาตรา 33 วรรคสอง และมาตรา 24 (4)",
                en="PDPA 2562 s.33 para. 2, s.24(4)",
            ),
            reason=Text(
                th="ท่านยังมีสวัสดิการที่จ่ายอยู่ จึงเก็บเลขประจำตัวประชาชน คำวินิจฉัย และช่องทางรับเงินไว้จนกว่าจะสิ้นสุด",
                en="You are still being paid a benefit: your number, the decision and where the money goes are kept "
                "until that ends.",
            ),
            until=None,
            tables=frozenset({"award", "benefit", "instalment", "payout_destination", "application", "decision"}),
            identity=True,
        )

    async def _paid(self, session: AsyncSession, erasure: Erasure) -> Stay | None:
        latest = await session.scalar(
            select(func.max(func.coalesce(col(Instalment.settled_at), col(Instalment.created_at)))).where(
                col(Instalment.person) == erasure.person, col(Instalment.status).in_(_PAID)
            )
        )
        if latest is None or latest + ACCOUNTS_KEPT <= erasure.at:
            return None
        return Stay(
            store=PAYMENTS.name,
            hold="ACCOUNTING",
            law=Text(
                th="ระเบียบกระทรวงการคลังว่าด้วยการเบิกเงินจากคลัง การรับเงิน การจ่ายเงิน การเก็บรักษาเงิน",
                en="Regulation of the Ministry of Finance on paying and keeping public money",
            ),
            reason=Text(
                th="หลักฐานการจ่ายเงินแผ่นดิน: จำนวนเงิน วันที่ และไฟล์ที่ส่งธนาคาร เก็บโดยไม่เชื่อมกับบัญชีของท่านอีก",
                en="Vouchers of public money: amounts, days and the file to the bank, no longer tied to an account of "
                "yours.",
            ),
            until=latest + ACCOUNTS_KEPT,
            tables=frozenset(
                {
                    "award",
                    "benefit",
                    "instalment",
                    "overpayment",
                    "recovery_plan",
                    "recovery_claim",
                    "recovery_entry",
                    "underpayment",
                    "receipt",
                    "cash_slip",
                }
            ),
        )


def _came_back(erasure: Erasure) -> ColumnElement[bool]:
    """Whether a service's award came back from the bank and is owed still: it ends with its month, and is paid again
    whenever its payee says where."""
    again = aliased(Instalment)
    repeated = exists(select(1).where(col(again.repeats) == col(Instalment.id), col(again.status) != _CANCELLED))
    return exists(
        select(1)
        .select_from(Instalment)
        .where(
            col(Instalment.person) == col(Award.person),
            col(Instalment.award) == col(Award.id),
            col(Instalment.subject).startswith(KIND, autoescape=True),
            col(Instalment.status) == InstalmentStatus.RETURNED.value,
            or_(col(Award.ends_on).is_(None), col(Instalment.period) < col(Award.ends_on)),  # else another was paid
            col(Instalment.created_at) > erasure.at - ACCOUNTS_KEPT,
            ~repeated.correlate(Instalment),
        )
        .correlate(Award)
    )


def personal_data(keys: KeyRing) -> list[PersonalData]:
    return [_Payments(PAYMENTS, keys), TableStore(DESTINATIONS, keys), FeesStore(FEES, keys)]
