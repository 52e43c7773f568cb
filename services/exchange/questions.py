"""A question to the gate on its way: asked, decided, answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from services.exchange import policy
from services.exchange.access_log.log import Came, Entry, Result
from services.exchange.catalogue import Attribute, RegisteredPurpose
from services.exchange.facts import Asker, Fact, FactState, Ground, Purpose
from services.exchange.policy import Verdict
from services.exchange.sources import Answer, unavailable


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one person for one purpose."""

    subject: UUID
    attributes: tuple[str, ...]
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Asked:
    """A question while it is answered."""

    subject: UUID
    wanted: tuple[Attribute, ...]
    purpose: Purpose
    entry: RegisteredPurpose | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict on one question, which nobody may act on yet."""

    asked: Asked
    asker: Asker
    verdict: Verdict
    minors_only: bool
    """Whether the subject must turn out to be a minor before anything is told."""
    settled: Mapping[str, Answer] | None = None
    """The answers to all that is allowed, where they were known already: nobody outside is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Judged):
    """A verdict on one question that is in the log, with the entries it may be acted on."""

    entry: Entry | None
    """None when nothing was allowed."""
    refusals: Mapping[str, Entry]
    """By reason."""

    @property
    def leaves(self) -> bool:
        """Whether it is told to somebody outside: to an agency, or to anybody by consent."""
        return self.asker.client is not None or self.verdict.consent is not None

    def entry_of(self, name: str) -> Entry | None:
        return self.entry if name in self.verdict.allowed else self.refusals.get(self.verdict.refused.get(name, ""))


@dataclass(frozen=True, slots=True)
class Given:
    """What a question is answered with."""

    decided: Decided | None
    answers: Mapping[str, Answer]

    def fact(self, attribute: Attribute) -> Fact:
        fact = self.answers[attribute.id].as_fact(attribute)
        entry = self.decided.entry_of(attribute.id) if self.decided is not None else None
        if self.decided is None or entry is None or self.decided.asker.client is None:
            return fact
        terms = self.decided.verdict.agreements.get(attribute.id)
        agreement = (terms.id, terms.version, terms.digest) if terms is not None else None
        return replace(fact, ground=Ground(entry.id, agreement, self.decided.verdict.consent))


def plain(judged: Judged) -> list[Attribute]:
    """What may be read at once; of who must be a minor first, nothing."""
    if judged.minors_only:
        return []
    allowed = judged.verdict.allowed
    return [attribute for attribute in judged.asked.wanted if attribute.id in allowed and attribute.derived is None]


def is_plain(judged: Judged) -> bool:
    """Whether all that is allowed may be read at once."""
    return not judged.minors_only and all(
        attribute.derived is None for attribute in judged.asked.wanted if attribute.id in judged.verdict.allowed
    )


def denied(reason: str) -> Answer:
    return Answer(None, None, FactState.DENIED, reason)


def refused(reason: str) -> Answer:
    """A tie that nobody knows is no refusal: nobody says no."""
    return unavailable(reason) if reason == policy.TIE_UNKNOWN else denied(reason)


def result(entry: Entry, answers: Mapping[str, Answer]) -> Result:
    """What the log keeps of answers: states and error codes, no values."""
    return Result(entry, *_logged(answers))


def came(purpose: Purpose, answers: Mapping[str, Answer]) -> Came:
    """The same of answers that are known when the decision is entered."""
    return Came(purpose, *_logged(answers))


def _logged(answers: Mapping[str, Answer]) -> tuple[dict[str, str], dict[str, str]]:
    ordered = sorted(answers.items())
    return {name: a.state.value for name, a in ordered}, {name: a.error for name, a in ordered if a.error}
