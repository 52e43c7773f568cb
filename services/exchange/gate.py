"""The gate: the only way to a fact of a citizen (design §2, docs/adr/0005).

It decides, commits the decision to the access log, reads outside any transaction, appends the outcome, and only then
answers. It opens its own transactions: nobody may call it while holding one open.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import SitthiError
from core.text import Text
from identity.people import PeopleRegister
from services.exchange import policy
from services.exchange.access_log.log import AccessLog, Decision, Draft, Result
from services.exchange.agreements.quotas import Quotas
from services.exchange.bulk.runs import BulkRuns
from services.exchange.cache import FactCache
from services.exchange.catalogue import Attribute, Catalogue
from services.exchange.catalogue.model import BIRTH_DATE, CHILDREN
from services.exchange.deciding import Deciding
from services.exchange.errors import LookRefused, SubjectGone
from services.exchange.facts import Asker, AskerKind, Facts, FactState, LookReader, Purpose, Still
from services.exchange.grounds import ACTS_FOR_YOU, Grounds, GroundsReader
from services.exchange.household import Household, Look, inputs_of
from services.exchange.needs import Bars, Delegations
from services.exchange.policy import Verdict
from services.exchange.questions import (
    Asked,
    Decided,
    Given,
    Judged,
    Question,
    came,
    denied,
    plain,
    refused,
    result,
)
from services.exchange.settling import Settling, alike
from services.exchange.sign_in import facts_of_claims
from services.exchange.sources import (
    INVALID_ANSWER,
    SOURCE_FAILED,
    SOURCE_TIMEOUT_SECONDS,
    Answer,
    Known,
    Reader,
    Sources,
    reason_of,
    unavailable,
)

__all__ = ["ACTS_FOR_YOU", "ExchangeGate", "Question"]

SIGN_IN: Final = "sign-in"
THAID: Final = Asker(
    kind=AskerKind.SYSTEM,
    id="thaid",
    agency="dopa",
    label=Text(th="ThaID เมื่อท่านเข้าสู่ระบบ", en="ThaID, when you signed in"),
)


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
        bars: Bars | None = None,
        source_timeout_seconds: float = SOURCE_TIMEOUT_SECONDS,
    ) -> None:
        """Without `delegations` no delegate is told anything; without `bars` nothing is restricted."""
        self._database, self._clock, self._people, self._catalogue = database, clock, people, catalogue
        self._grounds = GroundsReader(database, clock, catalogue, delegations, bars)
        self._quotas = Quotas(redis, clock)
        self._log = AccessLog(database, clock, keys)
        self._deciding = Deciding(self._log)
        self._reader = Reader(
            database=database,
            clock=clock,
            people=people,
            cache=FactCache(redis, keys),
            sources=sources,
            timeout_seconds=source_timeout_seconds,
        )
        self._settling = Settling(self._reader, self._grounds)
        self._household = Household(catalogue, self._reader, self._deciding, self._grounds)
        self.bulk = BulkRuns(
            database=database,
            clock=clock,
            keys=keys,
            catalogue=catalogue,
            grounds=self._grounds,
            quotas=self._quotas,
            log=self._log,
            reader=self._reader,
        )

    async def facts(self, subject: UUID, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> Facts:
        """A fact for each attribute. Raises `UnknownAttribute`; a refusal or a silent source is a state of the fact."""
        [facts] = await self.answer([Question(subject, tuple(attributes), purpose)], asker=asker)
        return facts

    async def facts_of(
        self, subjects: Collection[UUID], attributes: Collection[str], *, asker: Asker, purpose: Purpose
    ) -> Mapping[UUID, Facts]:
        """:meth:`facts` of several people, by person: decided in one commit and concluded in one."""
        ordered = list(dict.fromkeys(subjects))
        facts = await self.answer([Question(one, tuple(attributes), purpose) for one in ordered], asker=asker)
        return dict(zip(ordered, facts, strict=True))

    async def answer(self, questions: Sequence[Question], *, asker: Asker) -> Sequence[Facts]:
        """:meth:`facts` for each question of one asker, in their order: decided together and concluded together."""
        asked = [
            self._asked(one, [self._catalogue.askable(name) for name in dict.fromkeys(one.attributes)])
            for one in questions
        ]
        told = await self._answers(asked, asker)
        return [{a.id: given.fact(a) for a in one.wanted} for one, given in zip(asked, told, strict=True)]

    async def still(self, subject: UUID, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> Still:
        """What stands against telling now what was told before and lies ready to be handed on. Nothing is read, and
        nothing is entered in the log: what is handed on was. Attributes that nobody knows any more are refused."""
        entry = policy.registered(self._catalogue, purpose)
        known = [self._catalogue.attributes[name] for name in attributes if name in self._catalogue.attributes]
        grounds = await self._grounds.read(asker, entry, [subject], {one.id: one.steward for one in known})
        verdict = policy.judge(entry, known, subject, grounds.asker, grounds.of(subject))
        unknown = dict.fromkeys(set(attributes) - {one.id for one in known}, policy.NOT_FOR_THIS_PURPOSE)
        return Still(grounds.barred.get(subject), {**verdict.refused, **unknown})

    async def children(
        self, subject: UUID, *, asker: Asker, purpose: Purpose, of: str = CHILDREN
    ) -> tuple[UUID, ...] | None:
        """The subject's minor children, eldest first, or whom the tie `of` names; None when nobody could say, or it may
        not be asked."""
        tie = self._catalogue.attribute(of)
        [given] = await self._answers([self._asked(Question(subject, (), purpose), [tie])], asker)
        answer = given.answers[tie.id]
        return tuple(answer.value) if answer.known and isinstance(answer.value, tuple) else None

    async def look(
        self, subject: UUID, what: str, agency: str, read: LookReader, *, asker: Asker, purpose: Purpose
    ) -> Any:
        """See :class:`services.exchange.facts.Gate`. Raises LookRefused; NotFound for an unknown person."""
        if what.partition(":")[0] != agency:
            raise ValueError("records are named by the agency that keeps them")
        entry = policy.registered(self._catalogue, purpose)
        grounds = await self._grounds.read(asker, entry, [subject], {what: agency})
        verdict = policy.judge_records(entry, what, agency, subject, grounds.asker, grounds.of(subject))
        [verdict] = await self._quotas.within([verdict])
        names = frozenset({what})
        if entry is None or not verdict.allowed:
            why = verdict.refused[what]
            await self._deciding.decide([Draft(subject, names, grounds.asker, purpose, Decision.DENIED, why)])
            raise LookRefused
        draft = Draft(subject, names, grounds.asker, purpose, consent=verdict.consent, agreements=verdict.rests_on)
        [made] = await self._deciding.decide([draft])
        try:
            async with self._database.read() as session:
                person = await self._people.reveal(session, subject)
            answer = await read(person)
            [ended] = await self._grounds.still(grounds, entry, [(subject, verdict)], {what: agency})
        except SubjectGone:
            raise
        except Exception as error:
            code = reason_of(error) if isinstance(error, SitthiError) else SOURCE_FAILED
            await self._log.conclude([Result(made, {what: FactState.UNAVAILABLE}, {what: code})])
            raise
        if ended:
            await self._log.conclude([Result(made, {what: FactState.DENIED}, ended)])
            raise LookRefused
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
        answers = {a.id: Answer(None, at, FactState.FRESH) for a in readings}
        answers |= {name: unavailable(INVALID_ANSWER) for name in refused}
        await self._deciding.decide([Draft(person, names, THAID, purpose, came=(came(purpose, answers),))])
        await self._reader.keep(person, readings)

    async def forget(self, person: UUID) -> None:
        """Implements :class:`identity.people.correction.KnownFacts`: their national ID is being corrected, and what was
        read under the former one may be somebody else's. Raises `ServiceUnavailable`."""
        attributes = self._catalogue.attributes.values()
        await self._reader.forget(person, max(one.freshness + one.stale for one in attributes), attributes)

    def _asked(self, question: Question, wanted: Sequence[Attribute]) -> Asked:
        entry = policy.registered(self._catalogue, question.purpose)
        return Asked(question.subject, tuple(wanted), question.purpose, entry)

    async def _answers(self, questions: Sequence[Asked], asker: Asker) -> list[Given]:
        """For each question an answer to each attribute. Decided in one commit, concluded in one."""
        asked = [one for one in questions if one.wanted]
        with self._log.coming():
            grounds = await self._all_grounds(asked, asker)
            judged, known = await self._settling.settle(await self._judge(asked, grounds), grounds)
        decided = await self._enter(judged)
        ready = [one for one in decided if one.entry is not None and one.settled is None]
        read = await self._read(ready, known)
        ended = await self._settling.ended(ready, grounds)
        results: list[Result] = []
        given: dict[int, Given] = {}
        for one in decided:
            told = {n: refused(reason) for n, reason in one.verdict.refused.items()}
            given[id(one.asked)] = Given(one, told | dict(one.settled or {}))
        for one, (answers, others), gone in zip(ready, read, ended, strict=True):
            assert one.entry is not None
            told = answers | {name: denied(reason) for name, reason in gone.items()}
            results += [result(one.entry, told), *others]
            given[id(one.asked)] = Given(one, {**told, **given[id(one.asked)].answers})
        await self._log.conclude(results)
        await self._end_late([one for one in decided if one.entry is not None and one.leaves], grounds, given)
        return [given.get(id(one)) or Given(None, {}) for one in questions]

    async def _end_late(
        self, leaving: Sequence[Decided], grounds: Mapping[Purpose, Grounds], given: dict[int, Given]
    ) -> None:
        """Looks once more at what others are told: a commit can take long, and a right that ended during it has ended.

        What was concluded then has a second outcome, that it was refused after all.
        """
        results: list[Result] = []
        for one, gone in zip(leaving, await self._settling.ended(leaving, grounds), strict=True):
            assert one.entry is not None
            answers = given[id(one.asked)].answers
            late = {n: denied(reason) for n, reason in gone.items() if answers[n].state is not FactState.DENIED}
            if late:
                results.append(result(one.entry, late))
                given[id(one.asked)] = Given(one, {**answers, **late})
        if results:
            await self._log.conclude(results)

    async def _all_grounds(self, asked: Sequence[Asked], asker: Asker) -> dict[Purpose, Grounds]:
        """By purpose."""
        found = {}
        for purpose in dict.fromkeys(one.purpose for one in asked):
            same = [one for one in asked if one.purpose == purpose]
            stewards = {a.id: a.steward for one in same for a in one.wanted}
            subjects = list(dict.fromkeys(one.subject for one in same))
            found[purpose] = await self._grounds.read(asker, same[0].entry, subjects, stewards)
        return found

    async def _judge(self, asked: Sequence[Asked], grounds: Mapping[Purpose, Grounds]) -> list[Judged]:
        """What of each may be read, and why something may not."""
        verdicts = []
        for one in asked:
            known = grounds[one.purpose]
            verdicts.append(policy.judge(one.entry, one.wanted, one.subject, known.asker, known.of(one.subject)))
        parents = [
            policy.parent_to_prove(one.entry, one.subject, grounds[one.purpose].asker)
            if one.entry is not None and verdict.allowed
            else None
            for one, verdict in zip(asked, verdicts, strict=True)
        ]
        proofs = {
            (parent, one.purpose): grounds[one.purpose].asker
            for one, parent in zip(asked, parents, strict=True)
            if parent is not None
        }
        proven = dict(
            zip(
                proofs,
                await asyncio.gather(*(self.children(p, asker=who, purpose=why) for (p, why), who in proofs.items())),
                strict=True,
            )
        )
        for index, (one, parent) in enumerate(zip(asked, parents, strict=True)):
            if parent is not None:
                children = proven[parent, one.purpose]
                if children is None or one.subject not in children:
                    reason = policy.TIE_UNKNOWN if children is None else policy.NOT_A_CHILD
                    verdicts[index] = policy.refuse(one.wanted, reason)
        verdicts = await self._quotas.within(verdicts)
        return [
            Judged(asked=one, asker=grounds[one.purpose].asker, verdict=verdict, minors_only=parent is not None)
            for one, verdict, parent in zip(asked, verdicts, parents, strict=True)
        ]

    async def _enter(self, judged: Sequence[Judged]) -> list[Decided]:
        """Commits the verdicts, in one commit: an entry for what may be read, with what came of it where that is known,
        and another for each reason why something may not."""
        drafts: list[Draft] = []
        made = []
        for one in judged:
            subject, purpose, verdict = one.asked.subject, one.asked.purpose, one.verdict
            allowed: int | None = None
            if verdict.allowed:
                names = verdict.allowed | self._inputs(verdict, minors_only=one.minors_only)
                allowed = len(drafts)
                drafts.append(
                    Draft(
                        subject,
                        names,
                        one.asker,
                        purpose,
                        consent=verdict.consent,
                        agreements=verdict.rests_on,
                        came=(came(purpose, one.settled),) if one.settled is not None else (),
                    )
                )
            reasons: dict[str, set[str]] = defaultdict(set)
            for name, reason in verdict.refused.items():
                reasons[reason].add(name)
            refusals = {reason: len(drafts) + n for n, reason in enumerate(reasons)}
            drafts += [
                Draft(subject, frozenset(names), one.asker, purpose, Decision.DENIED, reason)
                for reason, names in reasons.items()
            ]
            made.append((one, allowed, refusals))
        entries = await self._deciding.decide(drafts)
        return [
            Decided(
                asked=one.asked,
                asker=one.asker,
                verdict=one.verdict,
                minors_only=one.minors_only,
                settled=one.settled,
                entry=entries[allowed] if allowed is not None else None,
                refusals={reason: entries[at] for reason, at in refusals.items()},
            )
            for one, allowed, refusals in made
        ]

    def _inputs(self, verdict: Verdict, *, minors_only: bool) -> frozenset[str]:
        """What is read about the subject beside what was asked for."""
        allowed = [self._catalogue.attribute(name) for name in verdict.allowed]
        inputs = inputs_of([attribute for attribute in allowed if attribute.derived is not None])
        return inputs | {BIRTH_DATE} if minors_only else inputs

    async def _read(
        self, ready: Sequence[Decided], known: Known | None
    ) -> list[tuple[dict[str, Answer], list[Result]]]:
        """:meth:`_told` of each. What is to be read of many people alike is read of all of them together. `known` is
        what the cache holds of all that is to be read, if it was asked."""
        told = await asyncio.gather(
            *(
                self._reader.read_many(people, attributes, known)
                for attributes, people in alike(ready)
                if len(people) > 1 or known is not None
            )
        )
        before: dict[UUID, dict[str, Answer]] = defaultdict(dict)
        for group in told:
            for person, answers in group.items():
                before[person] |= answers
        return await asyncio.gather(*(self._told(one, before[one.asked.subject]) for one in ready))

    async def _told(self, decided: Decided, before: Mapping[str, Answer]) -> tuple[dict[str, Answer], list[Result]]:
        """Answers for what is allowed and for what was read on the way, and the outcomes of other people's entries.

        `before` holds what was read of the subject already.
        """
        assert decided.entry is not None
        asked = decided.asked
        look = Look(asked.subject, decided.asker, asked.purpose, decided.entry)
        allowed = [attribute for attribute in asked.wanted if attribute.id in decided.verdict.allowed]
        if decided.minors_only:
            birth_date = self._catalogue.attribute(BIRTH_DATE)
            born = (await self._reader.read(look.subject, [birth_date]))[BIRTH_DATE]
            if not isinstance(born.value, date):
                return {a.id: unavailable(policy.TIE_UNKNOWN) for a in (*allowed, birth_date)}, []
            if not policy.is_minor(born.value, self._clock.today()):
                return {a.id: denied(policy.NOT_A_MINOR) for a in (*allowed, birth_date)}, []
        now = plain(decided) if not decided.minors_only else [a for a in allowed if a.derived is None]
        here = {attribute.id: before[attribute.id] for attribute in now if attribute.id in before}
        told, derived = await asyncio.gather(
            self._reader.read(look.subject, [attribute for attribute in now if attribute.id not in here]),
            self._household.derive(look, [attribute for attribute in allowed if attribute.derived is not None]),
        )
        return here | told | derived.inputs | derived.answers, derived.results
