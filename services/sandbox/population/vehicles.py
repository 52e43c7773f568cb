"""Vehicles and their compulsory policies: most covered, some run out, a few cancelled, some never insured."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Final

from services.plugins.contract.people import Policy, Vehicle
from services.sandbox.population.days import months_before

INSURERS: Final = ("SKP", "RMI", "NGI", "TPK", "BWI", "LMC")
"""Their codes; their names are the office's to know (`services/agencies/oic/sandbox.py`)."""
BRANDS: Final = {
    "motorcycle": ("Naga", "Hongsa", "Krathing"),
    "car": ("Garuda", "Erawan", "Singha Yon"),
    "pickup": ("Khwai", "Erawan"),
}
VEHICLE_CLASSES: Final = {"motorcycle": "1.30", "car": "1.10", "pickup": "1.40A"}
"""Classes of the compulsory tariff (unverified)."""
PLATE_LETTERS: Final = "กขคฆงจฉชซฌญฎฐฒณตถทธนบผพภมยรลวศสษหฬอฮ"
_NUMBERS: Final = 9_999
_SERIES: Final = len(PLATE_LETTERS) ** 2 * _NUMBERS


def plate(serial: int) -> str:
    """A plate such as `1กข 1234`, different for each serial below some 100 million."""
    scattered = serial * 4_256_233 % _SERIES  # coprime with the size of a series, so no plate comes twice in one
    letters, number = divmod(scattered, _NUMBERS)
    first, second = divmod(letters, len(PLATE_LETTERS))
    return f"{1 + serial // _SERIES}{PLATE_LETTERS[first]}{PLATE_LETTERS[second]} {1 + number}"


def draw_vehicle(random: Random, as_of: date, province: str, kind: str, serial: int) -> Vehicle:
    brands = BRANDS[kind]
    registered = as_of - timedelta(days=30 + int(random.random() * 12 * 365))
    policies = _draw_policies(random, as_of, kind, serial, registered)
    covered = any(policy.start <= as_of < policy.end for policy in policies)
    paid_until = as_of + timedelta(days=int(random.random() * 360) if covered else -int(random.random() * 700))
    return Vehicle(
        chassis=f"MX{kind[0].upper()}{serial:014d}",
        plate=plate(serial),
        province=province,
        kind=kind,
        brand=brands[int(random.random() * len(brands))],
        registered_on=registered,
        tax_paid_until=max(registered, paid_until),
        policies=policies,
    )


def _draw_policies(random: Random, as_of: date, kind: str, serial: int, registered: date) -> tuple[Policy, ...]:
    draw = random.random()
    if draw < 0.07:
        return ()
    insurer = INSURERS[int(random.random() * len(INSURERS))]
    days_into = 1 + int(random.random() * 360) if draw < 0.85 else 366 + int(random.random() * 700)
    start = max(registered, as_of - timedelta(days=days_into))
    latest = policy(insurer, kind, serial, order=2, start=start, as_of=as_of)
    if draw < 0.08:
        latest = latest._replace(status="cancelled")
    previous_start = months_before(start, 12)
    if previous_start < registered:
        return (latest,)
    return (policy(insurer, kind, serial, order=1, start=previous_start, as_of=as_of), latest)


def policy(insurer: str, kind: str, serial: int, *, order: int, start: date, as_of: date) -> Policy:
    """A year from `start`, reported to the Office of Insurance Commission three days later at the latest."""
    end = months_before(start, -12)
    return Policy(
        number=f"{insurer}{start.year % 100:02d}{serial:010d}{order}",
        insurer=insurer,
        vehicle_class=VEHICLE_CLASSES[kind],
        start=start,
        end=end,
        status="active" if end > as_of else "expired",
        reported_on=min(start + timedelta(days=serial % 4), as_of),
    )
