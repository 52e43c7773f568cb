"""Decisions as the citizen sees them, and as a document that others can verify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.crypto import KeyRing, SealBroken
from core.errors import BadInput
from core.graph import Info, MoneyAmount, global_id, localized
from core.money import CURRENCY, Money
from core.text import Text
from services.apply import models, repository
from services.apply.deciding import Outcome
from services.apply.decisions import proof
from services.apply.records import DecisionRecords
from services.exchange.catalogue import Catalogue, How, Kind
from services.exchange.facts import FactState
from services.exchange.graph import Source, source_of
from services.exchange.graph.fields import described

DECISIONS: Final = "application.decisions"
_CHILD: Final = "child."
_WITHHELD: Final = frozenset({"applicant", "beneficiary", "conditions", "outcome", "form", "rule", proof.DECIDED})
"""Members of a record that no document shows: keys of people, and what the claims and `reasons` say already."""
_NO_SUCH_FACT: Final = Text(
    th="คำวินิจฉัยนี้ไม่ได้ใช้ข้อมูลนี้ หรือแสดงไม่ได้", en="the decision did not read this, or it is not shown"
)

strawberry.enum(Outcome, name="DecisionOutcome", description="NEEDS_INFORMATION is never decided.")


@strawberry.enum(description="Whether a condition is met; UNKNOWN is never a no.")
class DecidedOutcome(Enum):
    MET = "MET"
    UNMET = "UNMET"
    UNKNOWN = "UNKNOWN"


@strawberry.type(description="A fact as it was when it was decided.")
class DecidedFact:
    attribute: str
    title: str
    value: JSON | None = strawberry.field(
        description="Days as ISO dates, money as satang and currency; null where nobody could tell, or `state` says "
        "DENIED: used, and not shown, because it would tell what others in the household have."
    )
    source: Source | None
    as_of: datetime | None
    state: FactState


@strawberry.type(description="One condition of the law, and by which facts it was judged.")
class DecidedCondition:
    text: str
    outcome: DecidedOutcome
    law: str = strawberry.field(description="The place in the law.")
    facts: list[DecidedFact]


@strawberry.type(description="What was granted; of a refusal there is none.")
class DecidedBenefit:
    kind: str
    title: str
    amount: MoneyAmount | None
    cadence: str = strawberry.field(description="MONTH, QUARTER or ONCE.")
    per: str = strawberry.field(description="PERSON or HOUSEHOLD.")
    in_kind: bool


@strawberry.type(description="A decision on an application, as it was taken. It never changes.")
class Decision:
    row: strawberry.Private[models.Decision]
    record: strawberry.Private[Mapping[str, Any]]
    id: strawberry.ID = strawberry.field(description="By which `sitthi decision replay` takes it again.")
    outcome: Outcome
    decided_at: datetime

    @classmethod
    def of(cls, row: models.Decision, record: Mapping[str, Any]) -> Decision:
        key = global_id("Decision", row.id)
        return cls(row=row, record=record, id=key, outcome=Outcome(row.outcome), decided_at=row.at)

    @described("The day that the law and the facts were put to; null where an agency decided.")
    def on(self) -> date | None:
        on = self.record.get("on")
        return None if on is None else date.fromisoformat(on)

    @described("The law it was taken by; null where an agency decided.")
    def law(self, info: Info) -> str | None:
        version = self.record.get("version")
        return localized(info, Text(**version["law"])) if isinstance(version, Mapping) else None

    @described("Every condition of the law, in its order, with the facts that it read.")
    def reasons(self, info: Info) -> list[DecidedCondition]:
        return [
            DecidedCondition(
                text=localized(info, Text(th=reason["th"], en=reason["en"])),
                outcome=DecidedOutcome(reason["outcome"]),
                law=localized(info, Text(**reason["law"])),
                facts=[
                    _fact(info, name, told)
                    for name in reason.get("facts", ())
                    if (told := _told(self.record, name)) is not None
                ],
            )
            for reason in self.row.reasons
        ]

    @strawberry.field
    def benefits(self, info: Info) -> list[DecidedBenefit]:
        amounts = self.record.get("benefits", {})
        return [
            DecidedBenefit(
                kind=one["kind"],
                title=localized(info, Text(th=one["th"], en=one["en"])),
                amount=None if amounts[one["kind"]] is None else MoneyAmount.of(Money(amounts[one["kind"]])),
                cadence=one["cadence"],
                per=one["per"],
                in_kind=one["in_kind"],
            )
            for one in self.record.get("gives", ())
        ]

    @described(
        "To keep and to show: a Selective Disclosure JWT (RFC 9901, ES256) by the keys of "
        "/.well-known/attestation-keys.json, which /verify/decision reads. It tells outcome, reasons and amounts, and "
        "of the facts those that `facts` names. Null of decisions of before they were signed."
    )
    def document(self, info: Info, facts: list[str] | None = None) -> str | None:
        token = self.row.token
        if token is None or proof.SALT not in self.record:
            return None
        law = "version" if self.row.rule is not None else None  # which stands beside the record
        told = proof.disclosures({n: v for n, v in self.record.items() if n != law}, self.row.reasons)
        chosen = {name for name in told if name.partition(".")[0] not in {*proof.ONE_BY_ONE, *_WITHHELD}}
        for index, name in enumerate(facts or ()):
            member = name if name.startswith(_CHILD) else f"facts.{name}"
            if member not in told or _is_total(info, name):
                raise BadInput(_NO_SUCH_FACT, path=("facts", index))
            chosen.add(member)
        return proof.presented(token, [told[name] for name in sorted(chosen)])


@strawberry.type
class WithDecisions:
    """What an application has once it was decided."""

    row: strawberry.Private[models.Application]

    @described("What was decided on it, the newest first; an appeal leads to a decision of its own.")
    async def decisions(self, info: Info) -> list[Decision]:
        async def batch(keys: list[UUID]) -> Sequence[list[Decision]]:
            records = DecisionRecords(info.context.room(KeyRing))
            async with info.context.db.read() as session:
                rows = await repository.decisions(session, self.row.person, keys)
                return [[Decision.of(row, await _opened(records, session, row)) for row in rows[key]] for key in keys]

        found: list[Decision] = await info.context.loader(DECISIONS, batch).load(self.row.id)
        return found


async def _opened(records: DecisionRecords, session: Any, row: models.Decision) -> Mapping[str, Any]:
    """Empty where it does not open: what the row says in clear is shown all the same."""
    try:
        return (await records.by_id(session, row.id)).record
    except SealBroken:
        return {}


def _told(record: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A fact by its name in the rules. Records of form 1 told sources apart from values."""
    group = record.get("child" if name.startswith(_CHILD) else "facts") or {}
    key = name.removeprefix(_CHILD)
    if key not in group:
        return None
    found = group[key]
    return found if isinstance(found, Mapping) else {"value": found, **record.get("sources", {}).get(name, {})}


def _fact(info: Info, name: str, told: Mapping[str, Any]) -> DecidedFact:
    attribute = info.context.room(Catalogue).attributes.get(name.removeprefix(_CHILD))
    title = Text(th=told["th"], en=told["en"]) if "th" in told else attribute.title if attribute else Text(name, name)
    value, state = told["value"], FactState(told.get("state", FactState.UNAVAILABLE))
    if attribute is not None and attribute.type.kind is Kind.MONEY and value is not None:
        value = {"satang": value, "currency": CURRENCY}
    if _is_total(info, name) and value is not None:
        value, state = None, FactState.DENIED
    as_of = told.get("as_of")
    return DecidedFact(
        attribute=name,
        title=localized(info, title),
        value=value,
        source=source_of(info, told["source"]) if "source" in told else None,
        as_of=None if as_of is None else datetime.fromisoformat(as_of),
        state=state,
    )


def _is_total(info: Info, name: str) -> bool:
    """A total over the household is not shown: less one's own part, it is the others' (docs/adr/0009)."""
    attribute = info.context.room(Catalogue).attributes.get(name.removeprefix(_CHILD))
    return attribute is not None and attribute.derived is not None and attribute.derived.how is How.SUM
