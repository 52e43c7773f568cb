"""Revenue Department: assessed income of the latest tax year."""

from __future__ import annotations

from services.plugins.contract import AgencyRefusal, Call, Host, Known, Money


async def income(host: Host, call: Call) -> dict[str, Known]:
    """Of the latest year on file. One that is not assessed yet is unknown: an older year's answers another question."""
    try:
        told = await host.agency.ask("/income", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    except AgencyRefusal as refusal:
        if refusal.code == "PERSON_NOT_FOUND":
            return {}
        raise
    latest = max(told["incomes"], key=lambda row: row["tax_year_be"])
    if latest["income_satang"] is None:
        return {}
    return {"annual_income": Known(Money(latest["income_satang"]), host.clock.now())}
