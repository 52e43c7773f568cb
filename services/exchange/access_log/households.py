"""What a member of a household learns of calculations that others in it caused (docs/adr/0019).

That one's own income was used is one's right to know; that a spouse applied for something on Tuesday is not. So such
records are shown together, as one entry for each month, from the first day of the next: which data, and the month.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from core.clock import BANGKOK
from core.text import Text
from services.exchange.access_log.disclosure import HOUSEHOLD
from services.exchange.access_log.records import AccessEntry
from services.exchange.facts import AskerKind, Basis, Purpose

if TYPE_CHECKING:
    from services.exchange.access_log.log import Draft

PURPOSE: Final = Purpose(
    "household-calculation",
    Basis.PUBLIC_TASK,
    Text(th="การคำนวณข้อมูลรวมของครัวเรือนในทะเบียนบ้าน", en="A calculation for the household on your house register"),
)
"""Whatever it was for. The decision that caused it, about the one who asked, says that."""
LABEL: Final = Text(
    th="ระบบคำนวณข้อมูลรวมของครัวเรือนในทะเบียนบ้านของท่าน (แสดงเฉพาะผลรวม)",
    en="Calculations for the household on your house register (only totals were shown)",
)
_VERSION: Final = 8 << 76
_VARIANT: Final = 0b10 << 62
_WITHIN: Final = (0xFFF << 64) | ((1 << 62) - 1)
"""The bits of such an id that are random."""
_MONTH_VERSION: Final = 8


def household_id(disclosed_from: datetime) -> UUID:
    """A UUID version 8 (RFC 9562): of the moment of disclosure, and else random; it tells nothing of its making.

    So all of one month stand side by side in a subject's list, where the month's one entry is shown.
    """
    return UUID(int=month_entry(disclosed_from).int | (secrets.randbits(128) & _WITHIN))


def month_entry(disclosed_from: datetime) -> UUID:
    """The id of the one entry that is shown for the month that ended then: the least of its records' ids."""
    milliseconds = int(disclosed_from.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | _VERSION | _VARIANT)


def month_of(record: UUID) -> UUID | None:
    """The id of the month's entry by which this record is shown; None for any other record."""
    return UUID(int=record.int & ~_WITHIN) if record.version == _MONTH_VERSION else None


def last_of(month: UUID) -> UUID:
    """The greatest id that a record of that month may have."""
    return UUID(int=month.int | _WITHIN)


def disclosed_from(month: UUID) -> datetime:
    """The first moment of the month after."""
    return datetime.fromtimestamp((month.int >> 80) / 1000, UTC)


def began(month: UUID) -> datetime:
    """The first moment of that month in Bangkok."""
    last = disclosed_from(month).astimezone(BANGKOK) - timedelta(days=1)
    return last.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def shown(month: UUID, subject: UUID, decisions: Iterable[AccessEntry], asked: Iterable[str]) -> AccessEntry:
    """The one entry of a month. `asked` are attributes that decisions were later extended by.

    How many there were, when, and what came of each is not in it. The agency is that of the register that says who
    belongs to the household.
    """
    every = list(decisions)
    allowed = [one for one in every if one.decision == "ALLOWED"] or every
    return AccessEntry(
        subject=subject,
        id=month,
        at=began(month),
        asker_kind=AskerKind.SYSTEM,
        asker_id="",
        asker_agency=allowed[0].asker_agency,
        asker_label={"th": LABEL.th, "en": LABEL.en},
        request=None,
        caused_by=None,
        purpose=PURPOSE.id,
        basis=PURPOSE.basis,
        consent=None,
        attributes=sorted({name for one in every for name in one.attributes} | set(asked)),
        decision=allowed[0].decision,
        reason=allowed[0].reason,
        salt=b"",
        disclosed_from=disclosed_from(month),
    )


def veiled(draft: Draft) -> Draft:
    """Without what the household's others may not learn, not even from a record's own content a year later."""
    return (
        replace(draft, purpose=PURPOSE, consent=None, agreements=frozenset())
        if draft.disclosure == HOUSEHOLD
        else draft
    )
