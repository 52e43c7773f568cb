"""A decision taken again from what is stored, years later: the same answer, or what of it was changed or erased.

It needs no programme file, no catalogue and no source: the law is the tree that was stored, the facts those that were
sealed, and the signature is by a key whose public half is never deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from services.apply.deciding import Outcome as Decided
from services.apply.decisions.examining import Examined, Examiner, Member, State
from services.apply.units import HOUSEHOLD
from welfare.entitlements.record import RecordUnreadable, replay_decision
from welfare.programmes import Outcome

OFFICER: Final = "officer"
"""The member of a record with the words of the officer who decided (services/apply/desk/deciding.py)."""
_MEANS: Final = {Decided.GRANTED.value: Outcome.MET, Decided.REFUSED.value: Outcome.UNMET}


class Answer(StrEnum):
    SAME = "SAME"
    """The same law put to the same facts gives the same outcome, and the same amounts to the satang."""
    DIFFERENT = "DIFFERENT"
    """Nothing was changed, and yet this program answers otherwise: it is the program that changed its mind."""
    NOT_POSSIBLE = "NOT_POSSIBLE"
    """Facts or law are not there, or not as they were."""
    BY_AN_OFFICER = "BY_AN_OFFICER"
    """The same law put to the same facts leaves it open, as it did then; an officer refused it, and said why."""
    HOUSEHOLD_HAS_ONE = "HOUSEHOLD_HAS_ONE"
    """The law put to the facts gives what it gave; it was refused because the household had another application."""
    OF_AN_AGENCY = "OF_AN_AGENCY"
    """An agency decided, by rules of its own; what it said is kept and signed."""


@dataclass(frozen=True, slots=True, repr=False)
class Replay:
    seen: Examined
    answer: Answer

    @property
    def tampered(self) -> tuple[Member, ...]:
        return tuple(member for member, one in self.seen.found.items() if one.state is State.TAMPERED)

    @property
    def is_erased(self) -> bool:
        return any(one.state is State.ERASED for one in self.seen.found.values())

    def written(self) -> dict[str, Any]:
        """As JSON, without a word of what the facts are."""
        row, claims = self.seen.row, self.seen.claims or {}
        return {
            "decision": row.id.hex,
            "application": row.application.hex,
            "sequence": row.sequence,
            "decided_at": row.at.isoformat(),
            "decided_by": claims.get("decided_by"),
            "subject": claims.get("subject"),
            "outcome": row.outcome,
            "rule": row.rule,
            "answer": self.answer.value,
            "members": {
                member.value: {"state": one.state.value, "why": one.why or None}
                for member, one in self.seen.found.items()
            },
            "erased_at": None if self.seen.erased_at is None else self.seen.erased_at.isoformat(),
        }


async def replay(examiner: Examiner, decision: UUID) -> Replay:
    """Raises NotFound."""
    seen = await examiner.examine(decision)
    answer = _answer(seen)
    if answer is Answer.DIFFERENT and _contradicts(seen):
        seen.put(Member.OUTCOME, State.TAMPERED, "NOT_WHAT_FOLLOWS")
    return Replay(seen, answer)


def _answer(seen: Examined) -> Answer:
    states = {member: one.state for member, one in seen.found.items()}
    if states[Member.TREE] is State.ABSENT:
        return Answer.OF_AN_AGENCY
    whole = states[Member.FACTS] is State.INTACT and states[Member.TREE] is State.INTACT
    if not whole or seen.record is None or seen.version is None:
        return Answer.NOT_POSSIBLE
    try:
        again = replay_decision({**seen.record, "version": seen.version})
    except RecordUnreadable:
        return Answer.NOT_POSSIBLE
    if again.agrees and _left_open(seen, again.determination.outcome):
        return Answer.BY_AN_OFFICER
    if again.agrees and HOUSEHOLD in seen.record and seen.row.outcome == Decided.REFUSED:
        return Answer.HOUSEHOLD_HAS_ONE
    same = again.agrees and again.determination.outcome is _MEANS.get(seen.row.outcome)
    return Answer.SAME if same else Answer.DIFFERENT


def _left_open(seen: Examined, outcome: Outcome) -> bool:
    """Whether an officer refused what the law alone does not decide: so it is signed, and so it is sealed."""
    by = (seen.claims or {}).get("decided_by")
    is_officers = isinstance(by, Mapping) and by.get("kind") == "OFFICER" and OFFICER in (seen.record or {})
    return is_officers and outcome is Outcome.UNKNOWN and seen.row.outcome == Decided.REFUSED


def _contradicts(seen: Examined) -> bool:
    """Whether the row says something else than its own sealed record: then it is the row that was changed."""
    assert seen.record is not None, "it was replayed"
    recorded = Outcome(seen.record["outcome"])
    return recorded is not _MEANS.get(seen.row.outcome)
