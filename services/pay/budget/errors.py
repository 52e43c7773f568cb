"""What a budget refuses. Each names the programme, the fiscal year and what is left."""

from __future__ import annotations

from core.errors import Conflict
from core.text import Text


class BudgetExceeded(Conflict):
    """`left` is in baht. Nothing of the run is approved."""

    code = "BUDGET_EXCEEDED"
    text = Text(
        th="เกินวงเงินงบประมาณของ {programme} ปีงบประมาณ {year}: เหลือ {left} บาท ต้องใช้ {needed} บาท",
        en="Over the budget of {programme} for fiscal year {year}: {left} baht are left, {needed} are needed.",
    )


class BudgetMissing(Conflict):
    """This installation pays nothing without a budget (`SITTHI_BUDGET_REQUIRED`)."""

    code = "BUDGET_MISSING"
    text = Text(
        th="ยังไม่ได้ตั้งวงเงินงบประมาณของ {programme} ปีงบประมาณ {year}",
        en="No budget is set for {programme} in fiscal year {year}.",
    )


class BudgetSetAlready(Conflict):
    code = "BUDGET_SET_ALREADY"
    text = Text(
        th="ตั้งวงเงินของ {programme} ปีงบประมาณ {year} ไว้แล้ว ให้เพิ่มวงเงินแทน",
        en="The budget of {programme} for fiscal year {year} is set already; raise it instead.",
    )
