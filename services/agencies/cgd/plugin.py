"""Comptroller General's Department: what the state already pays a person, and what banks and lenders told it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.plugins.contract import Call, Host, Known, Money, NationalId, ask_each


async def benefits(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    told = await ask_each(host, call, "/benefits")
    return {person: _known(host, _benefits(answer)) for person, answer in told.items()}


async def means(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """A sum that is not reported yet is null with the department, and unknown here."""
    told = await ask_each(host, call, "/means")
    return {person: _known(host, _means(answer)) for person, answer in told.items()}


def _benefits(told: Mapping[str, Any]) -> dict[str, Any]:
    card = told["welfare_card"]
    return {
        "state_role": told["state_role"],
        "state_benefit": len(told["state_benefits"]) > 0,
        "state_welfare_card": card is not None and card["status"] == "active",
    }


def _means(told: Mapping[str, Any]) -> dict[str, Any]:
    sums = {"financial_assets": "assets_satang", "home_loan": "home_loan_satang", "car_loan": "car_loan_satang"}
    sums["wallet_deposits"] = "deposits_2567_satang"
    values: dict[str, Any] = {name: Money(told[theirs]) for name, theirs in sums.items() if told[theirs] is not None}
    if told["credit_cards"] is not None:
        values["has_credit_card"] = told["credit_cards"] > 0
    return values


def _known(host: Host, values: Mapping[str, Any]) -> dict[str, Known]:
    return {attribute: Known(value, host.clock.now()) for attribute, value in values.items()}
