"""Decisions as they are written: sealed, signed, and with the law they were taken by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.attestation.service import Attestor
from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.ids import new_id
from core.sealed import bound_to
from services.apply.deciding import Prepared
from services.apply.decisions import proof
from services.apply.decisions.models import DecisionRule
from services.apply.models import Application, Decision


@dataclass(frozen=True, slots=True, repr=False)
class Decided:
    """What is to be signed. `reasons` and `record` as :class:`services.apply.deciding.Prepared` has them."""

    id: UUID
    application: UUID
    sequence: int
    subject: str
    """`programme:<slug>` or `service:<slug>`."""
    outcome: str
    at: datetime
    by: Mapping[str, str]
    """Who or what decided: `{"kind", "agency"}`; no person's name."""
    rule: str | None
    reasons: list[dict[str, Any]]


class DecisionWriter:
    """Writes the row of a decision. Without an attestor it is sealed and not signed."""

    def __init__(self, keys: KeyRing, attestor: Attestor | None) -> None:
        self._subjects, self._attestor = SubjectKeys(keys), attestor

    async def ready(self) -> None:
        """Comes before each transaction that may decide, and outside it."""
        if self._attestor is not None:
            await self._attestor.ready()

    async def add(self, session: AsyncSession, application: Application, prepared: Prepared, at: datetime) -> Decision:
        """The next decision on the application, whose lock the caller holds. Raises RuntimeError without `ready`."""
        last = select(func.max(col(Decision.sequence))).where(col(Decision.application) == application.id)
        rule = None if prepared.rule is None else await keep_rule(session, prepared.rule, at)
        decided = Decided(
            id=new_id(),
            application=application.id,
            sequence=(await session.scalar(last) or 0) + 1,
            subject=application.subject,
            outcome=prepared.outcome.value,
            at=at,
            by=prepared.decided_by,
            rule=rule,
            reasons=[dict(reason) for reason in prepared.reasons],
        )
        token, record = self._signed(decided, prepared.record if rule is None else {**prepared.record, "rule": rule})
        key = await self._subjects.for_sealing(session, application.person)
        row = Decision(
            person=application.person,
            id=decided.id,
            application=decided.application,
            sequence=decided.sequence,
            at=at,
            outcome=decided.outcome,
            record_sealed=key.seal(proof.canonical(record), bound_to=bound_to(Decision.record_sealed, decided.id)),
            reasons=decided.reasons,
            rule=rule,
            token=token,
        )
        session.add(row)
        await session.flush()
        return row

    def _signed(self, decided: Decided, record: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
        """The JWS, and the record as it is sealed: with the secret of its salts."""
        if self._attestor is None:
            return None, record
        decision = {"outcome": decided.outcome, "reasons_sha256": proof.sha256_of(decided.reasons)}
        secured = {**record, proof.DECIDED: decision, proof.SALT: proof.new_secret()}
        claims = {**claims_of(decided), "_sd": proof.digests(proof.disclosures(secured, decided.reasons).values())}
        return self._attestor.sign_now(claims, typ=proof.TYPE), secured


def claims_of(decided: Decided) -> dict[str, Any]:
    """The claims in clear: what the row of the decision has in clear too, the reasons by their digest."""
    return {
        "schema": proof.SCHEMA,
        "jti": decided.id.hex,
        "application": decided.application.hex,
        "sequence": decided.sequence,
        "subject": decided.subject,
        "outcome": decided.outcome,
        "decided_at": decided.at.isoformat(),
        "decided_by": dict(decided.by),
        "rule": decided.rule,
        "reasons_sha256": proof.sha256_of(decided.reasons),
        "_sd_alg": proof.ALGORITHM,
    }


async def keep_rule(session: AsyncSession, content: Mapping[str, Any], at: datetime) -> str:
    """Stores the law in the caller's transaction unless it is there already, and answers its hash."""
    text = proof.canonical(content).decode()
    key = hashlib.sha256(text.encode()).hexdigest()
    # Looked for first: on SQLite even an insert that would do nothing is refused where the key exists (migration 0020).
    if await rule_content(session, key) is None:
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        row = {"id": key, "content": text, "created_at": at}
        await session.execute(dialect.insert(DecisionRule).values(**row).on_conflict_do_nothing())
    return key


async def rule_content(session: AsyncSession, key: str) -> str | None:
    """What is stored under a hash, unchecked."""
    found: str | None = await session.scalar(select(col(DecisionRule.content)).where(col(DecisionRule.id) == key))
    return found


def read_rule(key: str, content: str | None) -> dict[str, Any] | None:
    """The law, if it is the one of that hash; None where it is gone or was changed."""
    if content is None or hashlib.sha256(content.encode()).hexdigest() != key:
        return None
    found = orjson.loads(content)
    return found if isinstance(found, dict) else None
