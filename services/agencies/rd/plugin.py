"""Revenue Department: assessed income of the latest tax year, and of one that a programme names."""

from __future__ import annotations

from typing import Final

from services.plugins.contract import Call, Host, Known, Money, NationalId, ask_each

WALLET_TAX_YEAR_BE: Final = 2566
"""The tax year that the digital wallet of 2567 was decided by: what `wallet_income` is about."""


async def income(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """Of the latest year on file. One that is not assessed yet is unknown: an older year's answers another question."""
    answers: dict[NationalId, dict[str, Known]] = {}
    for person, told in (await ask_each(host, call, "/income")).items():
        latest = max(told["incomes"], key=lambda row: row["tax_year_be"])
        of_wallet = next((row for row in told["incomes"] if row["tax_year_be"] == WALLET_TAX_YEAR_BE), None)
        years = {"annual_income": latest, "wallet_income": of_wallet}
        answers[person] = {
            name: Known(Money(row["income_satang"]), host.clock.now())
            for name, row in years.items()
            if row is not None and row["income_satang"] is not None
        }
    return {person: known for person, known in answers.items() if known}
