"""Whoever pays decides on claims: the insurer whose policy covered the vehicle on its own, the office on all, and on
those of the fund alone. An approval names who is paid and how much, and both must be what the claim says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from services.agencies.oic.claims_amounts import BAHT, Stage
from services.agencies.oic.claims_rows import REPLACED, REQUESTED, RETURNED, Claim, Claims, is_late, law_of
from services.agencies.oic.claims_states import Event, State, after
from services.agencies.oic.claims_told import TITLES, told_of
from services.agencies.oic.tables import answered, rejected_of, remember
from services.agencies.oic.vehicles import is_number
from services.plugins.contract import BANGKOK, Call, Host, StoreTransaction

ACTS: Final[Mapping[str, Event]] = {
    "approve": Event.APPROVE,
    "ask": Event.ASK,
    "reject": Event.REJECT,
    "name-payee": Event.NAME_PAYEE,
    "show-fault": Event.SHOW_FAULT,
    "reopen": Event.REOPEN,
    "uphold": Event.UPHOLD,
    "close": Event.CLOSE,
}
WORK_MAX: Final = 30
"""So many fit into what is told of a line."""
_Fault = tuple[str, str, str | None]
"""Code, where, and what it comes to instead, in baht."""


async def decide(host: Host, call: Call) -> dict[str, Any]:
    now, records = host.clock.now(), call.arguments["records"]
    async with host.store.transaction() as tx:
        if (told := await answered(tx, call)) is not None:
            return _paid_to(told, call)
        claims, insurers = Claims(tx, call, now), await _insurers(tx)
        found = [await claims.get(record["claim"]) for record in records]
        await claims.take_turns(claim["victim"] for claim in found if claim is not None)
        rejected, said, awards = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
        for place, record in enumerate(records):
            claim = await claims.get(record["claim"])  # as it is now that it is held
            if claim is None or not _decides(call, insurers, claim):
                rejected.append(rejected_of(place, "CLAIM_UNKNOWN", "/claim"))
                continue
            fault, award = await _decided(host, claims, claim, record, now)
            if fault is not None:
                rejected.append({**rejected_of(place, *fault[:2]), "computed": fault[2]})
                continue
            if award is not None:
                awards.append({"record": place, **award})
            given = (await claims.awards_of([claim["number"]])).get(claim["number"], [])
            said.append({"record": place, "answer": told_of(claim, given, now.astimezone(BANGKOK).date())})
        return _paid_to(await remember(tx, call, rejected, now, said, awards), call)


async def work(host: Host, call: Call) -> dict[str, Any]:
    """What waits for whoever asks, what is due first; or one claim, by its number. Each look is kept."""
    now, records = host.clock.now(), call.arguments["records"]
    async with host.store.transaction() as tx:
        if (told := await answered(tx, call)) is not None:
            return told
        claims, insurers = Claims(tx, call, now), await _insurers(tx)
        rejected, said = list[dict[str, Any]](), list[dict[str, Any]]()
        for place, record in enumerate(records):
            if "claim" not in record:
                said.append({"record": place, "answer": await _waiting(tx, call, now)})
                continue
            claim = await claims.get(record["claim"])
            if claim is None or not _decides(call, insurers, claim):
                rejected.append(rejected_of(place, "CLAIM_UNKNOWN", "/claim"))
                continue
            await claims.look(claim["number"])
            given = (await claims.awards_of([claim["number"]])).get(claim["number"], [])
            more = {"hospital": claim["hospital"], "bill": claim["bill"], "outcome": claim["outcome"]}
            said.append({"record": place, "answer": {**told_of(claim, given, now.astimezone(BANGKOK).date()), **more}})
        return await remember(tx, call, rejected, now, said)


async def _decided(
    host: Host, claims: Claims, claim: Claim, record: Mapping[str, Any], now: datetime
) -> tuple[_Fault | None, dict[str, Any] | None]:
    """Why it is not done, or what is awarded by it."""
    event = ACTS[record["act"]]
    if event is Event.APPROVE:
        return await _approved(host, claims, claim, record)
    if event is Event.NAME_PAYEE:
        return await _renamed(host, claims, claim, record)
    if after(State(claim["state"]), event) is None:
        return ("CLAIM_STATE", "/act", None), None
    if event in (Event.SHOW_FAULT, Event.REOPEN):
        if event is Event.SHOW_FAULT:
            claim["stage"] = Stage.FURTHER.value
        await claims.compute(claim)
        if claim["due"] == 0:
            return ("NOTHING_DUE", "/act", None), None
        claim["pay_by"] = f"{now.astimezone(BANGKOK).date() + timedelta(days=law_of(claim).days_to_pay)}"
    await claims.move(claim, event, record.get("reason"))
    return None, None


async def _approved(
    host: Host, claims: Claims, claim: Claim, record: Mapping[str, Any]
) -> tuple[_Fault | None, dict[str, Any] | None]:
    """What is due is computed anew: another bill of the accident may have been approved since. An approval that comes
    again is answered with the award that it led to, which the host knows."""
    if host.index(record["payee"]) != claim["payee"]:
        return ("PAYEE_OTHER", "/payee", None), None
    if claim["state"] == State.APPROVED:
        last = await claims.last_award(claim)
        assert last is not None, "it was approved"
        if last["satang"] != record["satang"]:
            return ("CLAIM_STATE", "/act", None), None
        return None, _award(claim, last)
    if after(State(claim["state"]), Event.APPROVE) is None:
        return ("CLAIM_STATE", "/act", None), None
    if await claims.has_other_heir(claim):
        return ("PAYEE_DISPUTED", "/payee", None), None
    before = claim["due"]
    await claims.compute(claim)
    if claim["due"] != before:
        await claims.store(claim)
    if claim["due"] == 0:
        return ("NOTHING_DUE", "/claim", None), None
    if claim["due"] != record["satang"]:
        whole, rest = divmod(claim["due"], BAHT)
        return ("AMOUNT_OTHER", "/satang", f"{whole}.{rest:02}"), None
    await claims.move(claim, Event.APPROVE, record.get("reason"))
    return None, _award(claim, await claims.award(claim))


async def _renamed(
    host: Host, claims: Claims, claim: Claim, record: Mapping[str, Any]
) -> tuple[_Fault | None, dict[str, Any] | None]:
    """Another is paid what came back: its payee died, or was the wrong one. The host has the last word on whether it
    came back; the same that comes again is answered with the same award."""
    if not is_number(record["payee"]):
        return ("PERSON_INVALID", "/payee", None), None
    payee, last = host.index(record["payee"]), await claims.last_award(claim)
    if last is None or claim["state"] != State.APPROVED:
        return ("CLAIM_STATE", "/act", None), None
    if last["instead_of"] is not None and last["state"] == REQUESTED and payee == claim["payee"]:
        return None, _award(claim, last)
    if last["state"] != RETURNED:
        return ("CLAIM_STATE", "/act", None), None
    before, claim["payee"] = claim["payee"], payee
    if payee == before or await claims.has_other_heir(claim):
        return ("PAYEE_OTHER" if payee == before else "PAYEE_DISPUTED", "/payee", None), None
    await claims.say_of_award(last["reference"], REPLACED)
    await claims.move(claim, Event.NAME_PAYEE, record["reason"])
    return None, _award(claim, await claims.award(claim, last["reference"], before))


def _award(claim: Claim, row: Mapping[str, Any]) -> dict[str, Any]:
    (th, en), law = TITLES[Stage(claim["stage"])], law_of(claim)
    return {
        "reference": row["reference"],
        "satang": row["satang"],
        "title": {"th": th, "en": en},
        "law": {"th": law.law[0], "en": law.law[1]},
        "since": f"{law.since}",
        "insteadOf": row["instead_of"],
    }


def _paid_to(answer: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """With who is paid, as the record says: it is kept nowhere here."""
    records = call.arguments["records"]
    return {**answer, "awards": [{**one, "pid": records[one["record"]]["payee"]} for one in answer.get("awards", [])]}


async def _insurers(tx: StoreTransaction) -> Mapping[str, str | None]:
    return {row["code"]: row["organisation"] for row in await tx.fetch("SELECT code, organisation FROM insurer")}


def _decides(call: Call, insurers: Mapping[str, str | None], claim: Claim) -> bool:
    """The office on all; an insurer on what its own policy covered as the office knew then. No hospital on what it
    filed itself."""
    if call.reporter is None:
        return True
    if claim["insurer"] is None or claim["cover_late"]:
        return False
    mine = insurers.get(claim["insurer"]) == call.reporter.organisation
    return mine and call.reporter.organisation != claim["hospital"]


async def _waiting(tx: StoreTransaction, call: Call, now: datetime) -> dict[str, Any]:
    today = now.astimezone(BANGKOK).date()
    sql = (
        "SELECT claim.number, claim.state, claim.pay_by, claim.due FROM claim "  # noqa: S608 - our own number
        "LEFT JOIN insurer ON insurer.code = claim.insurer "
        "WHERE claim.state IN ('COMPUTED', 'DISPUTED') "
        "AND (:office = 1 OR (insurer.organisation = :organisation AND claim.cover_late = 0)) "
        f"ORDER BY claim.pay_by, claim.number LIMIT {WORK_MAX + 1}"
    )
    reporter = call.reporter
    values: dict[str, Any] = {
        "office": int(reporter is None),
        "organisation": "" if reporter is None else reporter.organisation,
    }
    rows = await tx.fetch(sql, values)
    named = [
        {"claim": row["number"], "state": row["state"], "due": row["due"], "late": is_late(row, today)}
        for row in rows[:WORK_MAX]
    ]
    return {"claims": named, "more": len(rows) > WORK_MAX}
