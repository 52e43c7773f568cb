"""Whom the stand-in of ThaID knows: the civil registry's file of the made-up population."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from core.ids import NationalId
from core.text import Text
from services.sandbox.population.personas import PERSONAS
from services.sandbox.population.places import province
from services.sandbox.population.store import agency_file
from services.sandbox.thaid.changes import Barred

DEAD: Final = "1"
"""The registry's status of the dead."""
IAL: Final = "2.3"
"""ThaID enrols with the face against the registry and the card (IAL 2.3, as in person)."""
_QUERY: Final = """
    SELECT p.pid, p.title_th, p.fname_th, p.mname_th, p.lname_th, p.title_en, p.fname_en, p.mname_en, p.lname_en,
           p.sex, p.birth_be, p.status, h.house_no, h.moo, h.subdistrict
    FROM person p LEFT JOIN house h ON h.house_code = p.house_code WHERE p.pid = ?
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A persona on the sign-in page."""

    slug: str
    name: Text
    description: Text


class Citizens(Protocol):
    def personas(self) -> Sequence[Shown]: ...

    def national_id_of(self, slug: str) -> NationalId | None: ...

    def claims(self, national_id: NationalId) -> Mapping[str, Any] | None:
        """Everything ThaID can say of a living person, by claim name; None for nobody. Blocks briefly on a file.

        Raises :class:`services.sandbox.thaid.changes.Barred` for the dead.
        """
        ...


class RegistryCitizens:
    """Reads `sandbox/dopa.sqlite` below the data folder, opened anew each time: a new population replaces the file."""

    def __init__(self, data: Path) -> None:
        self._file = agency_file(data, "dopa")

    def personas(self) -> Sequence[Shown]:
        return [Shown(one.slug, one.name, one.description) for one in PERSONAS]

    def national_id_of(self, slug: str) -> NationalId | None:
        return next((NationalId(one.national_id) for one in PERSONAS if one.slug == slug), None)

    def claims(self, national_id: NationalId) -> Mapping[str, Any] | None:
        with closing(sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=ro", uri=True)) as file:
            file.row_factory = sqlite3.Row
            row = file.execute(_QUERY, (national_id.digits,)).fetchone()
        if row is not None and row["status"] == DEAD:
            raise Barred
        return None if row is None else _claims_of(row)


def _claims_of(row: sqlite3.Row) -> dict[str, Any]:
    claims: dict[str, Any] = {"pid": row["pid"], "ial": IAL}
    for script, suffix in (("th", ""), ("en", "_en")):
        title, given, middle, family = (row[f"{part}_{script}"] for part in ("title", "fname", "mname", "lname"))
        gap = "" if script == "th" else " "  # a Thai title leans on the name
        claims |= {
            f"title{suffix}": title,
            f"given_name{suffix}": given,
            f"middle_name{suffix}": middle,
            f"family_name{suffix}": family,
            f"name{suffix}": " ".join(part for part in (f"{title}{gap}{given}", middle, family) if part),
        }
    claims["gender"] = "male" if row["sex"] == "1" else "female"
    claims["birthdate"] = row["birth_be"]
    claims["address"] = {"formatted": _address(row)}
    return {name: value for name, value in claims.items() if value}


def _address(row: sqlite3.Row) -> str:
    if row["house_no"] is None:
        return ""
    village = f" หมู่ที่ {row['moo']}" if row["moo"] else ""
    return f"{row['house_no']}{village} {row['subdistrict']} จังหวัด{province(row['subdistrict'][:2]).name_th}"
