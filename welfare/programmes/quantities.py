"""Sums and areas as a lawyer writes them: `100,000.01 baht`, `25 sq wah`, `10 rai`. Exact: never through a fraction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from welfare.rules.attributes import INT64_MAX, Kind

_SATANG: Final = 100
_AREAS_SQCM: Final = {"sq cm": 1, "sq m": 10_000, "sq wah": 40_000, "ngan": 4_000_000, "rai": 16_000_000}
"""Square centimetres. 1 wah = 2 m; 1 ngan = 100 sq wah; 1 rai = 400 sq wah."""
_FORM: Final = re.compile(
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<part>[0-9]{1,4}))? (?P<unit>[a-z ]+)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` in satang (money) or square centimetres (int); `shown` is the figure as written, without its unit."""

    kind: Kind
    value: int
    shown: str


def quantity(text: str) -> Quantity | None:
    """The quantity that `text` writes exactly; None where it is no quantity or not a whole number of the small unit."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    unit, part = match["unit"], match["part"] or ""
    factor = _SATANG if unit == "baht" else _AREAS_SQCM.get(unit)
    if factor is None or (unit == "baht" and part and len(part) != len("01")):
        return None
    scaled, rest = divmod(int(match["whole"].replace(",", "") + part) * factor, 10 ** len(part))
    if rest or scaled > INT64_MAX:
        return None
    shown = f"{int(match['whole'].replace(',', '')):,}" + (f".{part}" if part else "")
    return Quantity(Kind.MONEY if unit == "baht" else Kind.INT, scaled, shown)
