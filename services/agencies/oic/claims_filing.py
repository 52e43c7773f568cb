"""A hospital files a claim for a victim of a vehicle (E-Claim), and sends what was missing.

Hospital and bill name the claim: the same content again changes nothing, and is told by which number it is known. It is
checked and computed at once: which policy covered the vehicle in the accident's minute, or the Victims Compensation
Fund, and what is due by the law of that day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from services.agencies.oic.claims_amounts import Outcome, Stage, version_on
from services.agencies.oic.claims_cover import covering
from services.agencies.oic.claims_rows import Claim, Claims, bangkok_day, law_of
from services.agencies.oic.claims_states import Event, State
from services.agencies.oic.claims_told import TOLD_LATE, told_to_hospital
from services.agencies.oic.tables import AHEAD, answered, instant, rejected_of, remember
from services.agencies.oic.vehicles import chassis_key, is_number, plate_key
from services.plugins.contract import BANGKOK, Call, Host, StoreTransaction

HOSPITAL: Final = "HOSPITAL"
REQUIRED: Final[Mapping[Outcome, frozenset[str]]] = {
    Outcome.INJURED: frozenset({"MEDICAL_BILL", "POLICE_REPORT"}),
    Outcome.ORGAN_LOST: frozenset({"MEDICAL_BILL", "POLICE_REPORT", "MEDICAL_CERTIFICATE"}),
    Outcome.DISABLED: frozenset({"MEDICAL_BILL", "POLICE_REPORT", "MEDICAL_CERTIFICATE"}),
    Outcome.DIED: frozenset({"POLICE_REPORT", "DEATH_CERTIFICATE", "HEIR_DOCUMENT"}),
}
"""Documents without which a claim is not whole. The hospital keeps them; here are their digests."""


async def file(host: Host, call: Call) -> dict[str, Any]:
    now, records = host.clock.now(), call.arguments["records"]
    async with host.store.transaction() as tx:
        if (told := await answered(tx, call)) is not None:
            return _of_victims(told, call)
        provinces = {row["code"] for row in await tx.fetch("SELECT code FROM province")}
        claims = Claims(tx, call, now)
        is_hospital = call.reporter is not None and call.reporter.kind == HOSPITAL
        faults = [_fault(one, provinces, now) if is_hospital else ("NOT_A_HOSPITAL", "") for one in records]
        right = [record for record, fault in zip(records, faults, strict=True) if fault is None]
        await claims.take_turns(turn for record in right for turn in _turns(host.index, record, call))
        rejected, said, notices = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
        for place, (record, fault) in enumerate(zip(records, faults, strict=True)):
            claim = await _taken(tx, claims, _row(host.index, record, call, now)) if fault is None else fault
            if isinstance(claim, tuple):
                rejected.append(rejected_of(place, *claim))
                continue
            said.append({"record": place, "answer": told_to_hospital(claim, [], bangkok_day(instant(now)))})
            notices.append(_notice(place, claim))
        return _of_victims(await remember(tx, call, rejected, now, said, notices=notices), call)


def _notice(place: int, claim: Claim) -> dict[str, Any]:
    """For the victim; of the claim once, whatever comes again, as the host sees to. Nothing of their health."""
    day = bangkok_day(claim["accident_at"])
    return {"record": place, "notice": "filed", "reference": claim["number"], "day": f"{day}"}


def _of_victims(answer: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """With who is told, as the record says: it is kept nowhere here."""
    records = call.arguments["records"]
    return {
        **answer,
        "notices": [{**one, "pid": records[one["record"]]["victim"]} for one in answer.get("notices", [])],
    }


async def _taken(tx: StoreTransaction, claims: Claims, row: Claim) -> Claim | tuple[str, str] | tuple[str, str, str]:
    """The claim as it stands, or why it is not taken."""
    known = await claims.of_bill(row["hospital"], row["bill"])
    if known is not None:
        if known["content_hash"] == row["content_hash"]:
            return known
        if known["state"] != State.SUPPLEMENT:
            return "BILL_CONFLICT", "/bill", known["number"]
        kept = ("number", "accident", "stage", "state", "due", "lines", "lines_filed", "filed_at")
        if (known["victim"], known["accident_at"]) != (row["victim"], row["accident_at"]):
            return "CLAIM_OF_ANOTHER", "/victim"
        row = {**row, **{name: known[name] for name in kept}}
        await claims.move(row, Event.SUPPLY)
    else:
        if _is_late(row):
            return "CLAIM_LATE", "/accident/at"
        same = await claims.of_accident(row["victim"], datetime.fromisoformat(row["accident_at"]))
        if (twin := next((one for one in same if _is_twin(one, row)), None)) is not None:
            return "CLAIM_DUPLICATE", "/bill", twin["number"]
        row["accident"] = same[0]["accident"] if same else row["number"]
        await claims.move(row, Event.FILE)
    cover = await covering(tx, row)
    row["insurer"], row["policy"], row["cover_late"] = cover.insurer, cover.policy, int(cover.late)
    await claims.move(row, Event.CHECK, TOLD_LATE if cover.late else None)
    await claims.compute(row)
    await claims.move(row, Event.COMPUTE)
    return row


def _is_late(row: Claim) -> bool:
    """Of a claim that is new. What was filed in time may be supplied later, and asked about under its bill."""
    days = bangkok_day(row["filed_at"]) - bangkok_day(row["accident_at"])
    return days.days > law_of(row).days_to_file


def _is_twin(one: Claim, row: Claim) -> bool:
    """The same hospital's same days and costs of the same accident, under another bill."""
    names = ("hospital", "treatment", "days", "outcome", "organ", "documents")
    return one["state"] != State.REJECTED and all(one[name] == row[name] for name in names)


def _row(index: Callable[[str], str], record: Mapping[str, Any], call: Call, now: datetime) -> Claim:
    assert call.reporter is not None, "a hospital files"
    at, hospital, vehicle = (
        datetime.fromisoformat(record["accident"]["at"]),
        call.reporter.organisation,
        record.get("vehicle", {}),
    )
    version = version_on(at.astimezone(BANGKOK).date())
    assert version is not None, "found just now"
    documents = sorted((one["kind"], one["sha256"]) for one in record["documents"])
    today = now.astimezone(BANGKOK).date()
    row: Claim = {
        "number": number_of(index, hospital, record["bill"]),
        "hospital": hospital,
        "bill": record["bill"],
        "accident": "",
        "victim": index(record["victim"]),
        "payee": index(record.get("heir", record["victim"])),
        "accident_at": instant(at),
        "province": record["accident"]["province"],
        "plate": vehicle.get("plate"),
        "plate_province": vehicle.get("province"),
        "chassis": None if "chassis" not in vehicle else chassis_key(vehicle["chassis"]),
        "insurer": None,
        "policy": None,
        "treatment": record["treatment"]["satang"],
        "days": record["treatment"]["days"],
        "outcome": record["outcome"],
        "organ": record.get("organ"),
        "documents": json.dumps(documents),
    }
    content = json.dumps(row, sort_keys=True, ensure_ascii=False)
    return row | {
        "content_hash": hashlib.sha256(content.encode()).hexdigest(),
        "stage": Stage.PRELIMINARY.value,
        "state": "",
        "due": 0,
        "lines": "[]",
        "lines_filed": "[]",
        "cover_late": 0,
        "law_since": f"{version.since}",
        "filed_at": instant(now),
        "pay_by": f"{today + timedelta(days=version.days_to_pay)}",
    }


def _turns(index: Callable[[str], str], record: Mapping[str, Any], call: Call) -> tuple[str, str]:
    """The victim's, and the bill's: another victim may be named in it at the same moment."""
    assert call.reporter is not None, "a hospital files"
    return index(record["victim"]), number_of(index, call.reporter.organisation, record["bill"])


def number_of(index: Callable[[str], str], hospital: str, bill: str) -> str:
    """By hospital and bill, so that it is the same each time; nobody guesses another's. In fours: a run of digits could
    be taken for a number that somebody is known by."""
    signs = index(f"claim {hospital} {bill}")[:16].upper()
    return "-".join(["C", *(signs[at : at + 4] for at in range(0, 16, 4))])


def _fault(record: Mapping[str, Any], provinces: set[str], now: datetime) -> tuple[str, str] | None:
    """Why a record is not taken: code, and where."""
    at = datetime.fromisoformat(record["accident"]["at"])
    if at > now + AHEAD:
        return "ACCIDENT_IN_FUTURE", "/accident/at"
    day, today = at.astimezone(BANGKOK).date(), now.astimezone(BANGKOK).date()
    version = version_on(day)
    if version is None:
        return "NO_LAW", "/accident/at"
    for place, code in ((record["accident"], "/accident/province"), (record.get("vehicle", {}), "/vehicle/province")):
        if "province" in place and place["province"] not in provinces:
            return "PROVINCE_UNKNOWN", code
    if "plate" in record.get("vehicle", {}) and not plate_key(record["vehicle"]["plate"]):
        return "PLATE_INVALID", "/vehicle/plate"
    return _of_people(record) or _of_harm(record, (today - day).days + 1)


def _of_people(record: Mapping[str, Any]) -> tuple[str, str] | None:
    if not is_number(record["victim"]):
        return "PERSON_INVALID", "/victim"
    if "heir" in record and (not is_number(record["heir"]) or record["heir"] == record["victim"]):
        return "PERSON_INVALID", "/heir"
    return None


def _of_harm(record: Mapping[str, Any], days_since: int) -> tuple[str, str] | None:
    outcome = Outcome(record["outcome"])
    if record["treatment"]["days"] > days_since:
        return "STAY_TOO_LONG", "/treatment/days"
    if outcome is Outcome.INJURED and record["treatment"]["satang"] == 0:
        return "NOTHING_CLAIMED", "/treatment/satang"
    if not REQUIRED[outcome] <= {one["kind"] for one in record["documents"]}:
        return "DOCUMENT_MISSING", "/documents"
    return None
