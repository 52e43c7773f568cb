"""Mounts the stand-ins of the outside under `/sandbox`. Never in production."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

from fastapi import FastAPI

from api.fees import bank_secret, billers_of
from api.house import House
from core.settings import Environment
from identity.routes import THAID_SANDBOX_PATH
from services.pay.fees.routes import NOTICES_PATH
from services.pay.payers import treasury_account
from services.sandbox.agencies.app import agencies_app
from services.sandbox.bank import bank_app
from services.sandbox.bank.app import Credits
from services.sandbox.bank.bills import BillBank, bills_app
from services.sandbox.companies import companies_app
from services.sandbox.thaid import Keys, Registration, RegistryCitizens, SandboxThaID, thaid_app


def mount(app: FastAPI, house: House) -> None:
    """ThaID, the bank, the register of companies and the agencies, each speaking its own protocol."""
    settings, upstream = house.settings, house.identity.upstream
    if settings.environment is Environment.PRODUCTION:
        raise RuntimeError("the sandboxes never start in production")
    folder = settings.data / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    if settings.thaid_issuer is None:
        us = Registration(upstream.client_id, upstream.secret, frozenset({upstream.redirect_uri}))
        keys = Keys(folder / "thaid-keys.json")
        thaid = SandboxThaID(upstream.issuer, {us.id: us}, RegistryCitizens(settings.data), keys, house.clock)
        app.mount(THAID_SANDBOX_PATH, thaid_app(thaid))
    notify, secret = f"{house.local}{NOTICES_PATH}", bank_secret(house)
    assert secret is not None, "while developing it follows from our keys"
    bills = BillBank(folder / "bills.sqlite", house.clock, house.http, notify, secret)
    app.mount("/sandbox/bank/bills", bills_app(bills))
    most = settings.sandbox_bank_payments_max
    app.mount(
        "/sandbox/bank",
        bank_app(folder / "bank.sqlite", house.clock, payments_max=most, incoming=_credits(house, bills)),
    )
    app.mount("/sandbox/dbd", companies_app(folder / "companies.json", house.clock, seconds=time.monotonic))
    app.mount("/sandbox", agencies_app(settings.data))


def _credits(house: House, bills: BillBank) -> Credits:
    """Under which number whoever holds an account is paid by code."""

    def moved(account: str) -> Iterable[tuple[str, int, datetime]]:
        billers = billers_of(house)
        agency = next((one for one in billers.agencies() if treasury_account(one).account == account), None)
        return () if agency is None else bills.moved(billers.biller(agency))

    return moved
