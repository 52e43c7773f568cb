"""Comptroller General's Department: what the state already pays a person, and what banks and lenders told it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.plugins.contract import AgencyRefusal, Call, Host, Known, Money


async def benefits(host: Host, call: Call) -> dict[str, Known]:
    told = await _ask(host, call, "/benefits")
    if told is None:
        return {}
    card = told["welfare_card"]
    return _known(
        host,
        {
            "state_role": told["state_role"],
            "state_benefit": len(told["state_benefits"]) > 0,
            "state_welfare_card": card is not None and card["status"] == "active",
        },
    )


async def means(host: Host, call: Call) -> dict[str, Known]:
    """A sum that is not reported yet is null with the department, and unknown here."""
    told = await _ask(host, call, "/means")
    if told is None:
        return {}
    sums = {"financial_assets": "assets_satang", "home_loan": "home_loan_satang", "car_loan": "car_loan_satang"}
    values: dict[str, Any] = {name: Money(told[theirs]) for name, theirs in sums.items() if told[theirs] is not None}
    if told["credit_cards"] is not None:
        values["has_credit_card"] = told["credit_cards"] > 0
    return _known(host, values)


async def _ask(host: Host, call: Call, path: str) -> Any:
    """The department's answer; None when it has no record of the person."""
    try:
        return await host.agency.ask(path, {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    except AgencyRefusal as refusal:
        if refusal.code == "PERSON_NOT_FOUND":
            return None
        raise


def _known(host: Host, values: Mapping[str, Any]) -> dict[str, Known]:
    return {attribute: Known(value, host.clock.now()) for attribute, value in values.items()}
