"""What a determination says: an outcome with its reasons, what is paid, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.money import Money
from core.text import Text


class Outcome(StrEnum):
    MET = "MET"
    UNMET = "UNMET"
    UNKNOWN = "UNKNOWN"


class Cadence(StrEnum):
    """How often a benefit is given."""

    DAY = "DAY"
    """For each day of what it insures against; the payer counts the days of a claim."""
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    ONCE = "ONCE"
    STANDING = "STANDING"
    """A right and not a sum: it stands as long as the conditions are met, and has no amount."""


class Per(StrEnum):
    PERSON = "PERSON"
    HOUSEHOLD = "HOUSEHOLD"


@dataclass(frozen=True, slots=True)
class ConditionOutcome:
    """One reason. `facts_used` are the facts that the condition reads, known or not (`child.` before a child's)."""

    id: str
    text: Text
    outcome: Outcome
    law: Text
    facts_used: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BenefitAmount:
    """What would be paid per period; `amount` is None where an unknown fact decides it, and of what is a right."""

    kind: str
    text: Text
    amount: Money | None
    cadence: Cadence
    per: Per
    payday: int
    in_kind: bool

    @property
    def is_right(self) -> bool:
        """Whether it is a standing (health care, a loan) and not a sum."""
        return self.cadence is Cadence.STANDING


@dataclass(frozen=True, slots=True)
class Determination:
    """The answer. `benefits` is empty when UNMET; when UNKNOWN it holds what would be paid if the rest is met.

    `missing` holds only facts that could still change the answer: nothing, once a condition is unmet.
    """

    outcome: Outcome
    conditions: tuple[ConditionOutcome, ...]
    benefits: tuple[BenefitAmount, ...]
    missing: tuple[str, ...]
