"""The 77 provinces, by the two digits that DOPA writes (the first of PPDDSS; also ISO 3166-2:TH)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from core.errors import BadInput
from core.text import Text

_UNKNOWN = Text(th="รหัสจังหวัดไม่ถูกต้อง", en="there is no province of that code")


@cache
def provinces() -> Mapping[str, Text]:
    """Names by code."""
    text = files(__package__).joinpath("provinces.csv").read_text(encoding="utf-8")
    return {row["code"]: Text(th=row["name_th"], en=row["name_en"]) for row in csv.DictReader(text.splitlines())}


def checked(code: str | None) -> str:
    """The code; empty for none. Raises BadInput for what no province has."""
    if code is None:
        return ""
    if code not in provinces():
        raise BadInput(_UNKNOWN, path=("province",))
    return code
