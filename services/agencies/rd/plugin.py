"""Revenue Department: assessed income of the latest tax year."""

from __future__ import annotations

from services.plugins.contract import Call, Host, Known, Money, NationalId, ask_each


async def income(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """Of the latest year on file. One that is not assessed yet is unknown: an older year's answers another question."""
    answers: dict[NationalId, dict[str, Known]] = {}
    for person, told in (await ask_each(host, call, "/income")).items():
        latest = max(told["incomes"], key=lambda row: row["tax_year_be"])
        if latest["income_satang"] is not None:
            answers[person] = {"annual_income": Known(Money(latest["income_satang"]), host.clock.now())}
    return answers
