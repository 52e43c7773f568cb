"""The accounts from which agencies pay."""

from __future__ import annotations

from typing import Final

from services.pay.rails.contract import Payer

_BANK: Final = "SANDBOX"


def treasury_account(agency: str) -> Payer:
    """The account of an agency at the sandbox bank: one each, named after its slug."""
    return Payer(agency=agency, name=agency.upper()[:70], account=f"TREASURY-{agency.upper()}"[:34], bank=_BANK)
