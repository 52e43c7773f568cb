"""Student Loan Fund: whether somebody owes it, and is behind with repaying (Student Loan Fund Act 2560 and 2566)."""

from __future__ import annotations

from services.plugins.contract import Call, Host, Known, NationalId, ask_each


async def debts(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    now = host.clock.now()
    answers: dict[NationalId, dict[str, Known]] = {}
    for person, told in (await ask_each(host, call, "/debts")).items():
        contracts = told["contracts"]
        answers[person] = {
            "student_loan": Known(any(one["owed_satang"] > 0 for one in contracts), now),
            "student_loan_overdue": Known(any(one["overdue_satang"] > 0 for one in contracts), now),
        }
    return answers
