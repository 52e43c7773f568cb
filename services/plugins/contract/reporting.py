"""Who reports to an agency's service beside the agency itself: juristic persons, by officers of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

Power = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,20}:[a-z]+(-[a-z]+)*$", max_length=60)]
"""What an officer of a juristic person may be appointed to do, `report:policies` for instance."""


class Sender(StrEnum):
    """Whose systems may send to an operation of kind `ingest`."""

    AGENCY = "agency"
    """The agency's own."""
    JURISTIC = "juristic"
    """Those of juristic persons in the agency's register, in the name of an officer with the operation's `power`."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """The juristic person that sends, and who acts for it. The host found out at this moment that both are so."""

    organisation: str
    """Its registration number, 13 digits: what is another's is the plugin's to refuse."""
    kind: str
    """What it is to the agency: `INSURER BROKER HOSPITAL GARAGE UNIVERSITY OTHER`."""
    officer: str
    """The agency's own name for the officer, the same each time, and another for every other agency."""
    client: str = ""
    """The system that sent it."""


def senders_trouble(senders: Sequence[Sender], power: str | None, *, is_ingest: bool) -> str | None:
    """What is wrong with who may send to an operation, if anything."""
    if not is_ingest:
        has_none = list(senders) == [Sender.AGENCY] and power is None
        return None if has_none else "only an ingest has `senders` and a `power`"
    if not senders or len(set(senders)) != len(senders):
        return "`senders` names one at least, and each once"
    if (Sender.JURISTIC in senders) != (power is not None):
        return "where `senders` names `juristic`, a `power` says what their officers need for it, and nowhere else"
    return None
