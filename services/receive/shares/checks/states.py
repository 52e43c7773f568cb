"""What a candidate may answer, and what whoever asked is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from services.receive.shares.checks.models import CheckAsked


class Answer(StrEnum):
    AGREED = "AGREED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    """Agreed, and taken back."""


class Status(StrEnum):
    """A check as its candidate sees it."""

    ASKED = "ASKED"
    AGREED = "AGREED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    OVER = "OVER"
    """Its last day went by without an answer."""


class Result(StrEnum):
    """What whoever asked is told of a line. That somebody declined, took it back, has not answered or is not known
    reads alike: first WAITING, then NO_ANSWER."""

    CONFIRMED = "CONFIRMED"
    DIFFERS = "DIFFERS"
    WAITING = "WAITING"
    NO_ANSWER = "NO_ANSWER"


NEXT: Final[Mapping[tuple[Status, bool], Answer]] = {
    (Status.ASKED, True): Answer.AGREED,
    (Status.ASKED, False): Answer.DECLINED,
    (Status.AGREED, False): Answer.WITHDRAWN,
}
"""By where it stands and whether the candidate agrees. What is not here is decided already, or over."""


def status_of(row: CheckAsked, now: datetime) -> Status:
    if row.answer is not None:
        return Status(row.answer)
    return Status.ASKED if now < row.until else Status.OVER
