"""Whose the one active application is: a person's, or a household's, by a key that says nothing of who lives there."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from core.database import Database
from core.text import Text
from services.apply import repository
from services.apply.deciding import Outcome, Prepared
from services.apply.models import Application

HOUSEHOLD: Final = "household"
"""The member of a decision's record that says: another application of the household stood in the way."""
_HAS_ONE: Final = Text(
    th="ครัวเรือนที่ท่านอยู่ในทะเบียนบ้านมีคำขอเรื่องนี้อยู่แล้ว หนึ่งครัวเรือนมีได้หนึ่งคำขอ",
    en="The household that you are registered in has an application for this already; a household has one.",
)
_LAW: Final = Text(
    th="หนึ่งครัวเรือนหนึ่งสิทธิ ตามหลักเกณฑ์ของโครงการ", en="One for each household, by the rules of the programme"
)


def unit_of_person(person: UUID) -> str:
    return f"person:{person.hex}"


def unit_of_household(index: bytes) -> str:
    """By the blind index of where it is registered."""
    return f"household:{index.hex()}"


def moved_to(application: Application, prepared: Prepared) -> str | None:
    """The unit that it belongs to now, if that is another one than before."""
    if prepared.unit is None or prepared.outcome is Outcome.REFUSED or prepared.unit == application.unit_key:
        return None
    return prepared.unit


async def in_the_household(db: Database, application: Application, prepared: Prepared) -> Prepared:
    """The decision on an application whose people have moved: into a household that has one already, it is refused, or
    what was granted ends. Who else applied is not said."""
    unit = moved_to(application, prepared)
    if unit is None:
        return prepared
    async with db.read() as session:
        is_taken = await repository.is_taken(session, unit, application.subject, but=application.id)
    if not is_taken:
        return prepared
    law, words = {"th": _LAW.th, "en": _LAW.en}, {"th": _HAS_ONE.th, "en": _HAS_ONE.en}
    reason = {"condition": HOUSEHOLD, **words, "outcome": "UNMET", "law": law, "facts": ["address"]}
    return replace(
        prepared,
        outcome=Outcome.REFUSED,
        record={**prepared.record, HOUSEHOLD: {"taken": True}},
        reasons=(*prepared.reasons, reason),
        missing=(),
        changes_on=None,
    )
