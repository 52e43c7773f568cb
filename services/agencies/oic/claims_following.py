"""What follows a claim: the hospital looks how far it is and disputes, the host says what became of a payment."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from services.agencies.oic.claims_rows import REPLACED, RETURNED, Claim, Claims
from services.agencies.oic.claims_states import Event, State, after
from services.agencies.oic.claims_told import PAID, shown_to, told_to_hospital
from services.agencies.oic.tables import answered, instant, rejected_of, remember
from services.plugins.contract import BANGKOK, Call, Host

_MOVES: Final = {"benefit.paid": (PAID, Event.PAY), "benefit.returned": (RETURNED, Event.RETURN)}


async def track(host: Host, call: Call) -> dict[str, Any]:
    """How far its claims are, to the hospital that filed them and names the victim; the look is kept."""
    return await _each(host, call)


async def dispute(host: Host, call: Call) -> dict[str, Any]:
    """The hospital says why too little was granted, or nothing."""
    return await _each(host, call, Event.DISPUTE)


async def shown(host: Host, call: Call) -> list[dict[str, Any]]:
    async with host.store.reading() as tx:
        today = host.clock.now().astimezone(BANGKOK).date()
        return await shown_to(tx, host.index(call.citizen.digits), today)


async def heard(host: Host, call: Call) -> None:
    """A payment was made, or came back. It may be told again, and out of order: what was said later holds."""
    event = call.arguments["event"]
    state, moves = _MOVES[event["kind"]]
    said_at = instant(datetime.fromisoformat(event["at"]))
    async with host.store.transaction() as tx:
        claims = Claims(tx, call, host.clock.now())
        # one in whose place another was asked for stays so, unless it was paid
        unless = "" if state == PAID else REPLACED
        values = {"reference": event["reference"], "state": state, "at": said_at, "unless": unless}
        known = await tx.fetch(
            "SELECT claim FROM claim_award WHERE reference = :reference", {"reference": event["reference"]}
        )
        claim = await claims.get(known[0]["claim"]) if known else None
        if claim is None:
            return
        await claims.take_turns([claim["victim"]])
        sql = (
            "UPDATE claim_award SET state = :state, said_at = :at WHERE reference = :reference AND state <> :state "
            "AND (said_at < :at OR state = 'REQUESTED') AND state <> :unless"
        )
        if not await tx.execute(sql, values):
            return
        claim = await claims.get(claim["number"])
        assert claim is not None, "found just now, and none is ever removed"
        await _taken_back(claims, claim, event["reference"], state)
        last = await claims.last_award(claim)
        if last is not None and last["reference"] == event["reference"]:
            await claims.move(claim, moves)  # one that is disputed or closed by now stays so


async def _taken_back(claims: Claims, claim: Claim, reference: str, state: str) -> None:
    """Of an award in whose place another was asked for: paid after all, the host refused the other, and whom it names
    is not paid."""
    awards = (await claims.awards_of([claim["number"]]))[claim["number"]]
    other = next((one for one in awards if one["instead_of"] == reference and one["state"] != REPLACED), None)
    if state != PAID or other is None or other["state"] == PAID:
        return
    await claims.say_of_award(other["reference"], REPLACED)
    claim["payee"] = other["payee_before"]
    await claims.store(claim)


async def _each(host: Host, call: Call, event: Event | None = None) -> dict[str, Any]:
    now, records = host.clock.now(), call.arguments["records"]
    async with host.store.transaction() as tx:
        if (told := await answered(tx, call)) is not None:
            return told
        claims = Claims(tx, call, now)
        if event is not None:
            found = [await claims.get(record["claim"]) for record in records]
            await claims.take_turns(claim["victim"] for claim in found if claim is not None and _is_its(call, claim))
        rejected, said = list[dict[str, Any]](), list[dict[str, Any]]()
        for place, record in enumerate(records):
            claim = await claims.get(record["claim"])
            if claim is None or not _is_its(call, claim) or claim["victim"] != host.index(record["victim"]):
                rejected.append(rejected_of(place, "CLAIM_UNKNOWN", "/claim"))
                continue
            if event is None:
                await claims.look(claim["number"])
            elif after(State(claim["state"]), event) is None:
                rejected.append(rejected_of(place, "CLAIM_STATE", "/claim"))
                continue
            else:
                await claims.move(claim, event, record["reason"])
            given = (await claims.awards_of([claim["number"]])).get(claim["number"], [])
            said.append({"record": place, "answer": told_to_hospital(claim, given, now.astimezone(BANGKOK).date())})
        return await remember(tx, call, rejected, now, said)


def _is_its(call: Call, claim: Claim) -> bool:
    return call.reporter is not None and call.reporter.organisation == claim["hospital"]
