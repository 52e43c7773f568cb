"""Where people live: the 77 provinces by their real codes and rounded shares of the registered population."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from random import Random
from typing import Final

from services.plugins.contract.people import Address

SIX_DIGITS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Province:
    code: str
    """Two digits, as DOPA writes it; also ISO 3166-2:TH."""
    name_th: str
    name_en: str
    thousands: int
    """Registered people, rounded from recent registration figures (unverified)."""
    districts: int


@cache
def provinces() -> tuple[Province, ...]:
    text = files(__package__).joinpath("data", "provinces.csv").read_text(encoding="utf-8")
    return tuple(
        Province(row["code"], row["name_th"], row["name_en"], int(row["thousands"]), int(row["districts"]))
        for row in csv.DictReader(text.splitlines())
    )


@cache
def province(code: str) -> Province:
    """Raises KeyError for a code that no province has."""
    return {place.code: place for place in provinces()}[code]


@cache
def _shares() -> list[int]:
    return list(accumulate(place.thousands for place in provinces()))


def draw_province(random: Random) -> Province:
    return random.choices(provinces(), cum_weights=_shares())[0]


def subdistricts_of(province_code: str, district: int) -> int:
    """How many subdistricts a district has here: 4 to 12, made up but always the same."""
    return 4 + (int(province_code) * 7 + district * 13) % 9


def draw_address(random: Random, place: Province, house_serial: int) -> Address:
    district = 1 + int(random.random() * place.districts)
    subdistrict = 1 + int(random.random() * subdistricts_of(place.code, district))
    number, village = f"{1 + int(random.random() * 400)}", int(random.random() * 16)
    return address(place.code, district, subdistrict, house_serial, number=number, village=village)


def address(
    province_code: str, district: int, subdistrict: int, house_serial: int, *, number: str, village: int
) -> Address:
    """`house_serial` must be of one house alone: the house code is made from it. `village` 0 is "in no village"."""
    office = f"{province_code}{district:02d}"
    # Six digits are too few beyond a million houses; a code with office 00.. is then nobody else's.
    ten = f"{office}{house_serial:06d}" if house_serial < SIX_DIGITS else f"{house_serial:010d}"
    check = sum(int(digit) * (11 - place) for place, digit in enumerate(ten)) % 11 % 10
    return Address(f"{ten}{check}", number, village, f"{office}{subdistrict:02d}")
