"""Reading what the bank says of payments: JSON with exactly these members.

    {"transaction": "B2026…", "biller": "15 digits", "reference1": "18 digits", "reference2": "14 digits",
     "amount": "1250.00", "currency": "THB", "paidAt": "2026-11-16T10:00:00+07:00"}

Nothing of who paid is taken in: the bank knows them, and we need not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from core.money import CURRENCY, Money
from services.pay.fees.errors import NoticeMalformed
from services.pay.fees.needs import Notice

_FORMS: Final = {
    "transaction": re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,34}", re.ASCII),
    "biller": re.compile(r"[0-9]{15}", re.ASCII),
    "reference1": re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII),
    "reference2": re.compile(r"[A-Za-z0-9]{0,20}", re.ASCII),
    "amount": re.compile(r"(?:0|[1-9][0-9]{0,9})\.[0-9]{2}", re.ASCII),
    "currency": re.compile(CURRENCY),
    "paidAt": re.compile(r"[0-9T:.+Z-]{20,40}", re.ASCII),
}


def read_notice(body: bytes) -> Notice:
    """Raises :class:`NoticeMalformed`, which names the member."""
    return _notice(_json(body), "")


def read_list(body: bytes) -> Sequence[Notice]:
    """`{"count": 2, "total": "250.00", "payments": [notice, …]}`. Raises :class:`NoticeMalformed`; then none counts."""
    read = _json(body)
    if not isinstance(read, dict) or set(read) != {"count", "total", "payments"}:
        raise NoticeMalformed(where="list")
    payments = read["payments"]
    if not isinstance(payments, list):
        raise NoticeMalformed(where="payments")
    found = [_notice(one, f"payments[{number}].") for number, one in enumerate(payments)]
    if read["count"] is True or read["count"] != len(found):
        raise NoticeMalformed(where="count")
    if read["total"] != Money(sum(one.money.satang for one in found)).decimal():
        raise NoticeMalformed(where="total")
    return found


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        raise NoticeMalformed(where="JSON") from None


def _notice(read: Any, place: str) -> Notice:
    if not isinstance(read, dict) or set(read) != set(_FORMS):
        raise NoticeMalformed(where=f"{place}members")
    for name, form in _FORMS.items():
        if not isinstance(read[name], str) or not form.fullmatch(read[name]):
            raise NoticeMalformed(where=f"{place}{name}")
    whole, _, fraction = read["amount"].partition(".")
    money = Money(int(whole) * 100 + int(fraction))
    if money.satang == 0:
        raise NoticeMalformed(where=f"{place}amount")
    try:
        paid_at = datetime.fromisoformat(read["paidAt"])
    except ValueError:
        raise NoticeMalformed(where=f"{place}paidAt") from None
    if paid_at.tzinfo is None:
        raise NoticeMalformed(where=f"{place}paidAt")
    return Notice(read["transaction"], read["biller"], read["reference1"], read["reference2"], money, paid_at)
