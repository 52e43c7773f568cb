"""Whether what somebody claims of a candidate is so: compared with what the register says, field by field."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from core.text import Text
from services.receive.shares.checks.states import Result

FIELDS: Final = ("institution", "level", "title", "year")


@dataclass(frozen=True, slots=True)
class Degree:
    """One that the register holds."""

    institution: Text
    level: str
    """As :data:`services.receive.shares.checks.sheet.LEVELS` has it."""
    title: Text
    year: int
    """Of the Common Era, in which it was awarded."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed; what is None is not asked about."""

    institution: str | None = None
    level: str | None = None
    title: str | None = None
    year: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is told: that it is so, or in which fields it is not. Never what the register says instead."""

    result: Result
    differs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"result": self.result.value, "differs": list(self.differs)}

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> Self:
        return cls(Result(kept["result"]), tuple(kept["differs"]))


def compared(claim: Claim, degrees: Sequence[Degree]) -> Outcome:
    """With the degree that it fits best; of several alike, the first. Without any, all that is claimed differs."""
    claimed = tuple(claim.as_json())
    differing = [_differs(claim, one) for one in degrees] or [claimed]
    fewest = min(differing, key=len)
    return Outcome(Result.DIFFERS, fewest) if fewest else Outcome(Result.CONFIRMED)


def _differs(claim: Claim, degree: Degree) -> tuple[str, ...]:
    is_so = {
        "institution": claim.institution is None or _is_named(claim.institution, degree.institution),
        "level": claim.level in (None, degree.level),
        "title": claim.title is None or _is_named(claim.title, degree.title),
        "year": claim.year in (None, degree.year),
    }
    return tuple(name for name in FIELDS if not is_so[name])


def _is_named(claimed: str, name: Text) -> bool:
    """In either language, whatever the spaces and capitals."""
    return _plain(claimed) in (_plain(name.th), _plain(name.en))


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
