"""What an officer can do about a case, in the form it must have. Nothing here looks at a case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

from core.errors import BadInput
from core.text import Text
from identity.inbox.service import holds_national_id
from services.apply.answers import checked

SAID: Final = range(5, 1_001)
NOTE: Final = range(1, 4_001)
ASKED_MAX: Final = 10
_NAME: Final = re.compile(r"(child\.)?[a-z][A-Za-z0-9_]{0,63}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LENGTH: Final = Text(
    th="ต้องยาว {least} ถึง {most} ตัวอักษร ไม่มีอักขระควบคุมและเลขประจำตัวประชาชน",
    en="a text of {least} to {most} characters, without control characters and without a national ID",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Takes the case into the officer's hands."""


@dataclass(frozen=True, slots=True)
class Release:
    """Puts it back into the queue."""


@dataclass(frozen=True, slots=True)
class Refer:
    """Hands it to a colleague."""

    to: UUID


@dataclass(frozen=True, slots=True, repr=False)
class Note:
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    attribute: str
    why: Text


@dataclass(frozen=True, slots=True, repr=False)
class Ask:
    """Asks the citizen for more."""

    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Decide:
    """Grants or refuses; a grant that pays becomes a proposal to a second officer."""

    grants: bool
    reason: Text
    law: Text
    findings: Mapping[str, Any] = field(default_factory=dict)
    """What the officer found by evidence, of what no register says: by attribute."""


@dataclass(frozen=True, slots=True)
class Approve:
    """Approves the proposal that waits."""

    proposal: UUID


@dataclass(frozen=True, slots=True, repr=False)
class GiveBack:
    """Gives the proposal back to its maker; why goes into a note."""

    proposal: UUID
    reason: str


Act: TypeAlias = Claim | Release | Refer | Note | Ask | Decide | Approve | GiveBack


def note(text: object) -> Note:
    """Raises BadInput."""
    return Note(_words(text, NOTE, "text"))


def ask(items: object) -> Ask:
    """Out of `{"attribute", "why", "whyEn"}` each. Raises BadInput."""
    if not isinstance(items, list) or not 1 <= len(items) <= ASKED_MAX:
        raise BadInput(Text(th="ขอได้ 1 ถึง 10 รายการ", en="ask for 1 to 10 things"), path=("ask",))
    wanted = []
    for number, item in enumerate(items):
        name = item.get("attribute")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BadInput(Text(th="ไม่รู้จักข้อมูลนี้", en="there is no such fact"), path=("ask", number, "attribute"))
        wanted.append(Wanted(name, bilingual(item.get("why"), item.get("whyEn"), "ask", number, "why")))
    if len({one.attribute for one in wanted}) < len(wanted):
        raise BadInput(Text(th="ขอแต่ละรายการครั้งเดียว", en="ask for each once"), path=("ask",))
    return Ask(tuple(wanted))


def decide(
    grants: bool,
    reason: tuple[object, object],
    law: tuple[object, object],
    findings: object = None,
) -> Decide:
    """`reason` and `law` in Thai and, if given, English. Raises BadInput."""
    name = "propose" if grants else "refuse"
    try:
        found = checked(findings)
    except BadInput as error:
        raise BadInput(error.fields["what"], path=(name, "findings", *error.path[1:])) from None
    said = bilingual(*reason, name, "reason")
    return Decide(grants, said, bilingual(*law, name, "law"), found)


def give_back(proposal: UUID, reason: object) -> GiveBack:
    """Raises BadInput."""
    return GiveBack(proposal, _words(reason, SAID, "reason"))


def bilingual(th: object, en: object, *path: str | int) -> Text:
    """Thai first; English is the same words where nobody wrote it. Raises BadInput."""
    first = _words(th, SAID, *path)
    return Text(th=first, en=first if en is None else _words(en, SAID, *path))


def _words(given: object, length: range, *path: str | int) -> str:
    said = given.strip() if isinstance(given, str) and len(given) <= 2 * length.stop else ""
    if len(said) not in length or _CONTROL.search(said) or holds_national_id(said):
        raise BadInput(_LENGTH.filled(least=length.start, most=length.stop - 1), path=path)
    return said
