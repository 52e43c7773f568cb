"""Whether a stored decision is as it was written, member by member: facts, tree, outcome, signature.

Each is checked against something that whoever changes a row cannot change along with it: the facts against their seal
and the digests that are signed, the tree against its hash and the hash that is signed and sealed, the outcome against
what is signed and what is sealed, the signature against keys whose private halves are gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.attestation.errors import AttestationInvalid
from core.attestation.service import Attestor
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import NotFound
from services.apply import repository
from services.apply.decisions import proof
from services.apply.decisions.signing import read_rule, rule_content
from services.apply.models import Decision
from services.apply.records import DecisionRecords

ErasedAt = Callable[[AsyncSession, UUID], Awaitable[datetime | None]]
"""When the person's data key was destroyed last, by the trail of erasures."""


class Member(StrEnum):
    FACTS = "facts"
    TREE = "tree"
    OUTCOME = "outcome"
    SIGNATURE = "signature"


class State(StrEnum):
    INTACT = "INTACT"
    TAMPERED = "TAMPERED"
    ERASED = "ERASED"
    """The citizen's key was destroyed by an erasure that the trail tells of."""
    ABSENT = "ABSENT"
    """There never was one: an agency's decision has no tree of ours, one of before migration 0020 no signature."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`why` is a code, or the names of what differs; never a value."""

    state: State
    why: str = ""


@dataclass(slots=True, repr=False)
class Examined:
    """`record` is personal; None where it does not open. `version` is the law; None where it is not as it was."""

    row: Decision
    record: Mapping[str, Any] | None = None
    version: Mapping[str, Any] | None = None
    claims: Mapping[str, Any] | None = None
    erased_at: datetime | None = None
    found: dict[Member, Finding] = field(default_factory=dict)

    def put(self, member: Member, state: State, why: str = "") -> None:
        """The first that is wrong with a member stays."""
        if member not in self.found or self.found[member].state is State.INTACT:
            self.found[member] = Finding(state, why)


_INTACT: Final = Finding(State.INTACT)
_OUTCOMES: Final = frozenset({"outcome", "conditions", "benefits", "gives", proof.REASONS, proof.DECIDED})
_LAW: Final = frozenset({"rule", "programme", "title"})


class Examiner:
    def __init__(self, database: Database, keys: KeyRing, attestor: Attestor, erased_at: ErasedAt) -> None:
        self._db, self._attestor, self._erased_at = database, attestor, erased_at
        self._records = DecisionRecords(keys)

    async def examine(self, decision: UUID) -> Examined:
        """Raises NotFound."""
        async with self._db.read() as session:
            row = await repository.decision(session, decision)
            if row is None:
                raise NotFound
            seen = Examined(row)
            await self._open(session, seen)
            content = None if row.rule is None else await rule_content(session, row.rule)
        await self._verify(seen)
        if seen.record is not None and seen.claims is not None:
            _compare(seen, seen.record, seen.claims)
        _law(seen, content)
        _outcome(seen)
        seen.found = {member: seen.found.get(member, _INTACT) for member in Member}
        return seen

    async def _open(self, session: AsyncSession, seen: Examined) -> None:
        try:
            seen.record = await self._records.opened(session, seen.row)
        except SealBroken:
            erased = await self._erased_at(session, seen.row.person)
            if erased is not None and erased >= seen.row.at:
                seen.erased_at = erased
                seen.put(Member.FACTS, State.ERASED)
            else:
                seen.put(Member.FACTS, State.TAMPERED, "SEAL_BROKEN")

    async def _verify(self, seen: Examined) -> None:
        row = seen.row
        if row.token is None:
            signed = row.rule is not None or (seen.record is not None and proof.SALT in seen.record)
            seen.put(Member.SIGNATURE, *((State.TAMPERED, "REMOVED") if signed else (State.ABSENT, "")))
            return
        try:
            claims = await self._attestor.verify(row.token, typ=proof.TYPE)
        except AttestationInvalid:
            seen.put(Member.SIGNATURE, State.TAMPERED, "INVALID")
            return
        said = {
            "id": (claims.get("jti"), row.id.hex),
            "application": (claims.get("application"), row.application.hex),
            "sequence": (claims.get("sequence"), row.sequence),
            "at": (claims.get("decided_at"), row.at.isoformat()),
        }
        wrong = [name for name, (signed_value, stored) in said.items() if signed_value != stored]
        if wrong:  # the signature of another decision, or a row that was moved or dated anew
            seen.put(Member.SIGNATURE, State.TAMPERED, f"NOT_OF_THIS_ROW: {', '.join(wrong)}")
        if "id" not in wrong:
            seen.claims = claims


def _compare(seen: Examined, record: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """The sealed record with what is signed of it."""
    if proof.SALT not in record:
        seen.put(Member.FACTS, State.TAMPERED, "OF_ANOTHER_FORM")
        return
    for name in proof.uncommitted(record, seen.row.reasons, claims):
        member = Member.OUTCOME if name in _OUTCOMES else Member.TREE if name in _LAW else Member.FACTS
        seen.put(member, State.TAMPERED, f"NOT_AS_SIGNED: {name}")


def _law(seen: Examined, content: str | None) -> None:
    rule, record, claims = seen.row.rule, seen.record, seen.claims
    if claims is not None and claims.get("rule") != rule:
        seen.put(Member.TREE, State.TAMPERED, "NOT_THE_ONE_SIGNED")
    elif record is not None and record.get("rule") != rule:
        seen.put(Member.TREE, State.TAMPERED, "NOT_THE_ONE_SEALED")
    elif rule is not None:
        seen.version = read_rule(rule, content)
        if seen.version is None:
            seen.put(Member.TREE, State.TAMPERED, "GONE" if content is None else "CHANGED")
    elif record is not None and isinstance(record.get("version"), Mapping):  # of before: sealed with the facts
        seen.version = record["version"]
    elif seen.found.get(Member.FACTS, _INTACT).state is State.ERASED and claims is None:
        seen.put(Member.TREE, State.ERASED)
    else:
        seen.put(Member.TREE, State.ABSENT)


def _outcome(seen: Examined) -> None:
    row, said = seen.row, []
    if seen.claims is not None:
        said.append(seen.claims)
    if seen.record is not None and proof.DECIDED in seen.record:
        said.append(seen.record[proof.DECIDED])
    for one in said:
        wrong = [
            name
            for name, stored in (("outcome", row.outcome), ("reasons_sha256", proof.sha256_of(row.reasons)))
            if one.get(name) != stored
        ]
        if wrong:
            seen.put(Member.OUTCOME, State.TAMPERED, f"NOT_AS_DECIDED: {', '.join(wrong)}")
