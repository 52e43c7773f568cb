"""The gate: the only way to a fact of a citizen (design §2, docs/adr/0005).

It decides, commits the decision to the access log, reads outside any transaction, appends the outcome, and only then
answers. It opens its own transactions: nobody may call it while holding one open.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import SitthiError
from core.text import Text
from identity.delegation.models import Kind, Scope
from identity.delegation.service import Holding
from identity.people import PeopleRegister
from services.exchange import policy
from services.exchange.access_log.log import AccessLog, Decision, Draft, Entry, Result
from services.exchange.cache import FactCache
from services.exchange.catalogue import Attribute, Catalogue, RegisteredPurpose
from services.exchange.catalogue.model import BIRTH_DATE, CHILDREN
from services.exchange.consent.service import ConsentService
from services.exchange.errors import LookRefused
from services.exchange.facts import (
    Asker,
    AskerKind,
    Basis,
    Facts,
    FactState,
    LookReader,
    Purpose,
)
from services.exchange.household import Household, Look, inputs_of, result
from services.exchange.policy import Consented, Verdict
from services.exchange.sign_in import facts_of_claims
from services.exchange.sources import (
    INVALID_ANSWER,
    SOURCE_FAILED,
    SOURCE_TIMEOUT_SECONDS,
    Answer,
    Reader,
    Sources,
    unavailable,
)

SIGN_IN: Final = "sign-in"
ACTS_FOR_YOU: Final = {
    Kind.PARENT: Text(th="บิดาหรือมารดาของคุณ ซึ่งดำเนินการแทนคุณ", en="Your parent, who acts for you"),
    Kind.GUARDIAN: Text(th="ผู้ปกครองหรือผู้อนุบาลของคุณ ซึ่งดำเนินการแทนคุณ", en="Your guardian, who acts for you"),
    Kind.CARER: Text(th="ผู้ดูแลของคุณ ซึ่งดำเนินการแทนคุณ", en="Your carer, who acts for you"),
}
"""A delegate as the person they act for sees them; which of several it was, the delegation says."""
THAID: Final = Asker(
    kind=AskerKind.SYSTEM,
    id="thaid",
    agency="dopa",
    label=Text(th="ThaID เมื่อท่านเข้าสู่ระบบ", en="ThaID, when you signed in"),
)


class Delegations(Protocol):
    async def still(self, session: AsyncSession, delegation: UUID, delegate: UUID) -> Holding | None:
        """The delegation if it holds at this moment for this delegate."""
        ...


@dataclass(frozen=True, slots=True)
class _Decided:
    """A verdict on one subject that is in the log, with the entry it may be acted on."""

    verdict: Verdict
    entry: Entry | None
    """None when nothing was allowed."""
    minors_only: bool
    """Whether the subject must turn out to be a minor before anything is told."""


class ExchangeGate:
    """Implements :class:`services.exchange.facts.Gate`, and the sign-in's way in. One per process."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        keys: KeyRing,
        redis: Redis,
        people: PeopleRegister,
        catalogue: Catalogue,
        sources: Sources,
        delegations: Delegations | None = None,
        source_timeout_seconds: float = SOURCE_TIMEOUT_SECONDS,
    ) -> None:
        """Without `delegations` no delegate is told anything."""
        self._delegations = delegations
        self._database, self._clock, self._people, self._catalogue = database, clock, people, catalogue
        self._consents = ConsentService(catalogue, clock)
        self._log = AccessLog(database, clock)
        self._reader = Reader(
            database=database,
            clock=clock,
            people=people,
            cache=FactCache(redis, keys),
            sources=sources,
            timeout_seconds=source_timeout_seconds,
        )
        self._household = Household(catalogue, self._reader, self._log)

    async def facts(self, subject: UUID, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> Facts:
        """A fact for each attribute. Raises `UnknownAttribute`; a refusal or a silent source is a state of the fact."""
        wanted = [self._catalogue.askable(name) for name in dict.fromkeys(attributes)]
        answers = await self._answers(subject, wanted, asker, purpose)
        return {attribute.id: answers[attribute.id].as_fact(attribute) for attribute in wanted}

    async def children(self, subject: UUID, *, asker: Asker, purpose: Purpose) -> tuple[UUID, ...] | None:
        """The subject's minor children, eldest first; None when nobody could say, or it may not be asked."""
        tie = self._catalogue.attribute(CHILDREN)
        answer = (await self._answers(subject, [tie], asker, purpose))[tie.id]
        return tuple(answer.value) if answer.known and isinstance(answer.value, tuple) else None

    async def look(
        self, subject: UUID, what: str, agency: str, read: LookReader, *, asker: Asker, purpose: Purpose
    ) -> Any:
        """See :class:`services.exchange.facts.Gate`. Raises LookRefused; NotFound for an unknown person."""
        if what.partition(":")[0] != agency:
            raise ValueError("records are named by the agency that keeps them")
        asker, acts_for = await self._known(asker)
        entry = policy.registered(self._catalogue, purpose)
        role = policy.role_of(entry, subject, asker, acts_for) if entry is not None else None
        if entry is None or role is None or not entry.records or policy.parent_to_prove(entry, subject, asker):
            reason = policy.UNKNOWN_PURPOSE if entry is None else policy.why_not(asker, acts_for)
            await self._log.decide([Draft(subject, frozenset({what}), asker, purpose, Decision.DENIED, reason)])
            raise LookRefused
        [made] = await self._log.decide([Draft(subject, frozenset({what}), asker, purpose)])
        try:
            async with self._database.read() as session:
                person = await self._people.reveal(session, subject)
            answer = await read(person)
        except Exception as error:
            code = error.code if isinstance(error, SitthiError) else SOURCE_FAILED
            await self._log.conclude([Result(made, {what: FactState.UNAVAILABLE}, {what: code})])
            raise
        await self._log.conclude([Result(made, {what: FactState.FRESH})])
        return answer

    async def record(self, person: UUID, claims: Mapping[str, Any], at: datetime) -> None:
        """Enters what ThaID said when the person signed in, as facts of its owner, DOPA.

        A claim that makes no sense is left out and logged as such: it does not stop the sign-in.
        """
        readings, refused = facts_of_claims(claims, at, self._catalogue)
        names = frozenset(attribute.id for attribute in readings) | refused
        if not names:
            return
        purpose = self._catalogue.purposes[SIGN_IN].purpose
        [entry] = await self._log.decide([Draft(person, names, THAID, purpose)])
        await self._reader.keep(person, readings)
        answers = {a.id: Answer(None, at, FactState.FRESH) for a in readings}
        answers |= {name: unavailable(INVALID_ANSWER) for name in refused}
        await self._log.conclude([result(entry, answers)])

    async def forget(self, person: UUID) -> None:
        """Implements :class:`identity.people.correction.KnownFacts`: their national ID is being corrected, and what was
        read under the former one may be somebody else's. Raises `ServiceUnavailable`."""
        attributes = self._catalogue.attributes.values()
        await self._reader.forget(person, max(one.freshness + one.stale for one in attributes))

    async def _answers(
        self, subject: UUID, wanted: Sequence[Attribute], asker: Asker, purpose: Purpose
    ) -> dict[str, Answer]:
        if not wanted:
            return {}
        entry = policy.registered(self._catalogue, purpose)
        asker, acts_for = await self._known(asker)
        decided = await self._decide(subject, wanted, asker, purpose, entry, acts_for)
        answers = {
            name: unavailable(reason) if reason == policy.TIE_UNKNOWN else _denied(reason)
            for name, reason in decided.verdict.refused.items()
        }
        if decided.entry is None:
            return answers
        allowed = [attribute for attribute in wanted if attribute.id in decided.verdict.allowed]
        told, results = await self._told(Look(subject, asker, purpose, decided.entry), allowed, decided)
        if decided.verdict.consent is not None and entry is not None:
            told = await self._if_still_consented(subject, entry, decided.verdict.consent, told)
        await self._log.conclude([result(decided.entry, told), *results])
        return answers | {attribute.id: told[attribute.id] for attribute in allowed}

    async def _decide(
        self,
        subject: UUID,
        wanted: Sequence[Attribute],
        asker: Asker,
        purpose: Purpose,
        entry: RegisteredPurpose | None,
        acts_for: UUID | None,
    ) -> _Decided:
        """Judges and commits: an entry for what may be read, another for each reason why something may not."""
        consented = await self._consented(subject, entry)
        verdict = policy.judge(entry, wanted, subject, asker, consented=consented, acts_for=acts_for)
        parent = policy.parent_to_prove(entry, subject, asker) if entry is not None and verdict.allowed else None
        if parent is not None:
            children = await self.children(parent, asker=asker, purpose=purpose)
            if children is None or subject not in children:
                reason = policy.TIE_UNKNOWN if children is None else policy.NOT_A_CHILD
                verdict = policy.refuse(wanted, reason)
        drafts = []
        if verdict.allowed:
            names = verdict.allowed | self._inputs(verdict, minors_only=parent is not None)
            drafts.append(Draft(subject, names, asker, purpose, consent=verdict.consent))
        reasons: dict[str, set[str]] = defaultdict(set)
        for name, reason in verdict.refused.items():
            reasons[reason].add(name)
        drafts += [
            Draft(subject, frozenset(names), asker, purpose, Decision.DENIED, reason)
            for reason, names in reasons.items()
        ]
        entries = await self._log.decide(drafts)
        return _Decided(verdict, entries[0] if verdict.allowed else None, minors_only=parent is not None)

    async def _known(self, asker: Asker) -> tuple[Asker, UUID | None]:
        """A delegate under the name that the subject knows them by, and whom they may act for now."""
        if asker.kind is not AskerKind.DELEGATE or asker.delegation is None or self._delegations is None:
            return asker, None
        async with self._database.read() as session:
            holds = await self._delegations.still(session, asker.delegation, UUID(hex=asker.id))
        if holds is None or holds.person != asker.applicant or Scope.VIEW not in holds.scopes:
            return asker, None
        return replace(asker, label=ACTS_FOR_YOU[holds.kind]), holds.person

    def _inputs(self, verdict: Verdict, *, minors_only: bool) -> frozenset[str]:
        """What is read about the subject beside what was asked for."""
        allowed = [self._catalogue.attribute(name) for name in verdict.allowed]
        inputs = inputs_of([attribute for attribute in allowed if attribute.derived is not None])
        return inputs | {BIRTH_DATE} if minors_only else inputs

    async def _consented(self, subject: UUID, entry: RegisteredPurpose | None) -> Consented | None:
        if entry is None or entry.purpose.basis is not Basis.CONSENT:
            return None
        async with self._database.read() as session:
            return await self._consents.active(session, subject, entry)

    async def _told(
        self, look: Look, allowed: Sequence[Attribute], decided: _Decided
    ) -> tuple[dict[str, Answer], list[Result]]:
        """Answers for what is allowed and for what was read on the way, and the outcomes of other people's entries."""
        if decided.minors_only:
            birth_date = self._catalogue.attribute(BIRTH_DATE)
            born = (await self._reader.read(look.subject, [birth_date]))[BIRTH_DATE]
            if not isinstance(born.value, date):
                return {a.id: unavailable(policy.TIE_UNKNOWN) for a in (*allowed, birth_date)}, []
            if not policy.is_minor(born.value, self._clock.today()):
                return {a.id: _denied(policy.NOT_A_MINOR) for a in (*allowed, birth_date)}, []
        plain = [attribute for attribute in allowed if attribute.derived is None]
        told, derived = await asyncio.gather(
            self._reader.read(look.subject, plain),
            self._household.derive(look, [attribute for attribute in allowed if attribute.derived is not None]),
        )
        return told | derived.inputs | derived.answers, derived.results

    async def _if_still_consented(
        self, subject: UUID, entry: RegisteredPurpose, consent: UUID, told: dict[str, Answer]
    ) -> dict[str, Answer]:
        """Withdrawal works at once: also on what was read while it came."""
        consented = await self._consented(subject, entry)
        if consented is not None and consented.id == consent:
            return told
        return {name: _denied(policy.NO_CONSENT) for name in told}


def _denied(reason: str) -> Answer:
    return Answer(None, None, FactState.DENIED, reason)
