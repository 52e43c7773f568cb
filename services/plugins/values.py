"""How values are written on the wire, and read back (`services.plugins.contract.wire`)."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from core.ids import NationalId
from core.money import Money
from core.thai_dates import PartialDate, parse_iso
from services.plugins.contract import Known

_PARTIAL: Final = re.compile(r"[0-9]{4}(-[0-9]{2})?", re.ASCII)


def as_wire(answer: Any) -> Any:
    """Plain JSON of what a function answers. Raises `TypeError` for what has no form on the wire."""
    if answer is None or (isinstance(answer, str | int) and not isinstance(answer, Enum)):
        return answer
    if isinstance(answer, float):
        if not math.isfinite(answer):
            raise TypeError("JSON has no such number")
        return answer
    if isinstance(answer, Mapping):
        return {key: as_wire(value) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [as_wire(item) for item in answer]
    return _as_wire(answer)


def _as_wire(answer: Any) -> Any:
    if isinstance(answer, Known):
        return {"value": as_wire(answer.value), "asOf": answer.as_of.isoformat()}
    if isinstance(answer, Money):
        return {"satang": answer.satang, "currency": answer.currency}
    if isinstance(answer, PartialDate):
        return str(answer)
    if isinstance(answer, date):  # a datetime is one
        return answer.isoformat()
    if isinstance(answer, BaseModel):
        return answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(answer, NationalId):
        return answer.digits
    if isinstance(answer, bytes):
        return base64.b64encode(answer).decode()
    if isinstance(answer, Enum):
        return as_wire(answer.value)
    raise TypeError(f"{type(answer).__name__} has no form on the wire")


def known_of(told: Any) -> dict[str, Known]:
    """A source's answer about one person. Raises `ValueError` or `TypeError` for what is not one; whether a value is
    one of its attribute, the exchange sees."""
    if not isinstance(told, dict):
        raise TypeError("not an object")
    return {attribute: _known(reading) for attribute, reading in told.items()}


def _known(reading: Any) -> Known:
    if not isinstance(reading, dict) or reading.keys() != {"value", "asOf"} or not isinstance(reading["asOf"], str):
        raise ValueError("not {value, asOf}")
    try:
        as_of = datetime.fromisoformat(reading["asOf"]).astimezone(UTC) if _has_offset(reading["asOf"]) else None
    except OverflowError:
        as_of = None
    if as_of is None:
        raise ValueError("as of no instant")
    value = reading["value"]
    # No code is made of digits (they begin with a letter), so a text that looks like a part of a date is one.
    return Known(parse_iso(value) if isinstance(value, str) and _PARTIAL.fullmatch(value) else value, as_of)


def _has_offset(instant: str) -> bool:
    return datetime.fromisoformat(instant).tzinfo is not None


__all__ = ["as_wire", "known_of"]
