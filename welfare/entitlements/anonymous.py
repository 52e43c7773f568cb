"""What would somebody be entitled to who says these things of themself? Reads nothing, stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from core.errors import BadInput
from core.text import Text
from services.exchange.catalogue import Catalogue, Kind
from services.exchange.facts import Fact
from welfare.entitlements.answers import askable, said
from welfare.entitlements.assessment import Family, Member, assess_family, named_key
from welfare.entitlements.service import Entitlement, stand
from welfare.programmes import ProgrammeCatalogue
from welfare.rules.dates import checked_day

FACTS_MAX: Final = 300
CHILDREN_MAX: Final = 10
ANYBODY: Final = UUID(int=0)
"""The nil UUID (RFC 9562): nobody's key."""

_TOO_MANY: Final = Text(th=f"ส่งข้อมูลได้ไม่เกิน {FACTS_MAX} รายการ", en=f"at most {FACTS_MAX} facts")
_NO_CHILD: Final = Text(th=f"ลำดับบุตรเริ่มจาก 1 ถึง {CHILDREN_MAX}", en=f"children are counted from 1 to {CHILDREN_MAX}")
_TWICE: Final = Text(th="ส่งข้อมูลรายการนี้ซ้ำ", en="this fact is given twice")
_NOT_A_RULES: Final = Text(th="ไม่มีโครงการใดใช้ข้อมูลชนิดนี้", en="no programme reads facts of this kind")
_PLAIN: Final = frozenset({Kind.BOOL, Kind.DATE, Kind.INT, Kind.MONEY, Kind.CODE})


@dataclass(frozen=True, slots=True)
class Given:
    """A fact as somebody gives it. `child` counts from 1; None is about themself."""

    attribute: str
    value: Any
    child: int | None = None


def check(
    catalogue: Catalogue, programmes: ProgrammeCatalogue, given: Sequence[Given], on: date, at: datetime
) -> tuple[Entitlement, ...]:
    """Every programme in force on the day, for the one who asks and each child that a fact is given about.

    Raises BadInput, with the place of the fact in its path, and DayOutOfRange.
    """
    people = read_given(catalogue, given, at)
    members = {number: Member(_key(number), facts) for number, facts in people.items()}
    family = Family(members.pop(0), tuple(members[number] for number in sorted(members)))
    return tuple(stand(ANYBODY, found) for found in assess_family(catalogue, programmes, family, checked_day(on)))


def read_given(catalogue: Catalogue, given: Sequence[Given], at: datetime) -> dict[int, dict[str, Fact]]:
    """The facts by child; 0, which is always there, is who gives them. Raises BadInput, with the place in its path."""
    if len(given) > FACTS_MAX:
        raise BadInput(_TOO_MANY, path=("facts",))
    people: dict[int, dict[str, Fact]] = {0: {}}
    for index, one in enumerate(given):
        child = 0 if one.child is None else one.child
        if one.child is not None and not 1 <= child <= CHILDREN_MAX:
            raise BadInput(_NO_CHILD, path=("facts", index, "child"))
        attribute = askable(catalogue, one.attribute, path=("facts", index, "attribute"))
        if attribute.type.kind not in _PLAIN:
            raise BadInput(_NOT_A_RULES, path=("facts", index, "attribute"))
        facts = people.setdefault(child, {})
        if attribute.id in facts:
            raise BadInput(_TWICE, path=("facts", index, "attribute"))
        facts[attribute.id] = said(attribute, one.value, at, path=("facts", index, "value"))
    return people


def _key(number: int) -> UUID:
    """Keys that no person has: version 8, where people's are version 7."""
    return named_key(b"somebody", str(number).encode())
