"""Office of Insurance Commission (CMIS): motor policies as insurers report them, kept here and nowhere else.

Insurers report by `ingest`; what is answered comes from the plugin's own tables. A policy is known by insurer and
number. Of several reports about one, the latest holds; each content that was taken is kept in `policy_revision`. Whose
it is stands there as the host's keyed hash of the number, which nobody who has the tables can read.
Compulsory cover is that of the Protection for Motor Vehicle Accident Victims Act 2535.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from services.agencies.oic.claims_deciding import decide, work
from services.agencies.oic.claims_filing import file
from services.agencies.oic.claims_following import dispute, heard, shown, track
from services.agencies.oic.licences import checked, search, take
from services.agencies.oic.overlaps import COMPULSORY, overlaps
from services.agencies.oic.tables import (
    AHEAD,
    DIGITS,
    answered,
    insert,
    instant,
    instant_of_turn,
    last_day,
    rejected_of,
    remember,
)
from services.agencies.oic.vehicles import asked_chassis, is_number
from services.agencies.oic.vehicles import chassis_key as chassis_key  # noqa: PLC0414 - known from here, too
from services.agencies.oic.vehicles import plate_key as plate_key  # noqa: PLC0414 - known from here, too
from services.plugins.contract import BANGKOK, Call, Host, Known, NationalId, StoreTransaction

DAYS_MAX: Final = 3 * 366
"""The longest that one policy runs."""
CHASSIS_MIN: Final = 5
VIN_LENGTH: Final = 17
_VIN: Final = r"[A-HJ-NPR-Z0-9]{17}"
"""ISO 3779: no I, O or Q."""
_COLUMNS: Final = (
    "insurer", "number", "class", "vehicle_class", "holder", "chassis", "plate", "plate_key", "province", "start_at",
    "end_at", "status", "cancelled_on", "until_at", "reported_at", "revision",
)  # fmt: skip
_REVISION: Final = (
    "insurer", "number", "revision", "content_hash", "content", "reported_at", "taken_at", "class", "chassis",
    "plate_key", "province", "start_at", "until_at",
)  # fmt: skip
_NOW: Final = f"class = '{COMPULSORY}' AND until_at > :now AND start_at <= :now"
CHECK: Final = (
    f"SELECT CASE WHEN EXISTS (SELECT 1 FROM policy WHERE chassis = :chassis AND {_NOW}) THEN 1 ELSE 0 END AS chassis, "  # noqa: S608 - our own words
    f"CASE WHEN EXISTS (SELECT 1 FROM policy WHERE plate_key = :plate AND province = :province AND {_NOW}) "
    "THEN 1 ELSE 0 END AS plate"
)
"""Answered from `policy_cover_chassis` and `policy_cover_plate`, without a look at the rows."""
_SHOWN: Final = (
    "SELECT policy.*, insurer.name_th AS insurer_th, insurer.name_en AS insurer_en, province.name_th AS province_th, "
    "province.name_en AS province_en FROM policy JOIN insurer ON insurer.code = policy.insurer "
    "JOIN province ON province.code = policy.province "
)


async def insurers(host: Host, call: Call) -> dict[str, Any]:
    """The companies that the office has licensed; of two reports about one the later holds."""
    now = host.clock.now()
    async with host.store.transaction() as tx:
        if (told := await answered(tx, call)) is not None:
            return told
        rejected = []
        for place, record in enumerate(call.arguments["records"]):
            reported = datetime.fromisoformat(record["reportedAt"])
            if reported > now + AHEAD:
                rejected.append(rejected_of(place, "REPORT_IN_FUTURE", "/reportedAt"))
                continue
            if record.get("organisation") is not None and not is_number(record["organisation"]):
                rejected.append(rejected_of(place, "ORGANISATION_INVALID", "/organisation"))
                continue
            await tx.execute(
                "INSERT INTO insurer (code, name_th, name_en, organisation, reported_at) "
                "VALUES (:code, :th, :en, :organisation, :at) ON CONFLICT (code) DO UPDATE SET "
                "name_th = excluded.name_th, name_en = excluded.name_en, organisation = excluded.organisation, "
                "reported_at = excluded.reported_at WHERE excluded.reported_at > insurer.reported_at",
                {
                    "code": record["code"],
                    "th": record["nameTh"],
                    "en": record["nameEn"],
                    "organisation": record.get("organisation"),
                    "at": instant(reported),
                },
            )
        return await remember(tx, call, rejected, now)


async def reports(host: Host, call: Call) -> dict[str, Any]:
    """Policies new, corrected and cancelled. The same content again is taken and changes nothing."""
    now, records = host.clock.now(), call.arguments["records"]
    async with host.store.transaction() as tx:
        if (told := await answered(tx, call)) is not None:
            return told
        register = {
            row["code"]: row["organisation"] for row in await tx.fetch("SELECT code, organisation FROM insurer")
        }
        reporter = None if call.reporter is None else call.reporter.organisation
        provinces = {row["code"] for row in await tx.fetch("SELECT code FROM province")}
        latest, contents = await _known_of(tx, records)
        rejected, rows, revisions = [], dict[tuple[str, str], dict[str, Any]](), list[dict[str, Any]]()
        places = dict[tuple[str, str], int]()
        for place, record in enumerate(records):
            fault = _fault(record, set(register), provinces, now)
            if fault is None and reporter is not None and register[record["insurer"]] != reporter:
                fault = "INSURER_OF_ANOTHER", "/insurer"
            if fault is not None:
                rejected.append(rejected_of(place, *fault))
                continue
            hidden = {**record, "holder": host.index(record["holder"])}
            row, content = _row(hidden), _content(hidden)
            key = row["insurer"], row["number"]
            digest = hashlib.sha256(content.encode()).hexdigest()
            if (*key, digest) in contents:
                continue
            before = latest.get(key)
            if before is not None and row["reported_at"] <= before["reported_at"]:
                if _same(row, before):
                    continue
                rejected.append(rejected_of(place, "POLICY_CONFLICT", "/reportedAt", _report_of(before)))
                continue
            row["revision"] = 1 if before is None else before["revision"] + 1
            latest[key] = rows[key] = row
            places[key] = place
            contents.add((*key, digest))
            revisions.append(
                {name: row.get(name) for name in _REVISION}
                | {"content_hash": digest, "content": content, "taken_at": instant(now)}
            )
        # in one order, so that two sendings at once never wait for each other
        await _write(tx, [rows[key] for key in sorted(rows)], revisions)
        doubled = await overlaps(tx, {places[key]: row for key, row in rows.items()}, numbers=reporter is None)
        return await remember(tx, call, rejected, now, doubled)


async def policies(host: Host, call: Call) -> list[dict[str, Any]]:
    return await _policies_of(host, call, f"policy.class = '{COMPULSORY}'")


async def voluntary(host: Host, call: Call) -> list[dict[str, Any]]:
    return await _policies_of(host, call, f"policy.class <> '{COMPULSORY}'")


async def cover(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """Whether any compulsory policy of theirs is in force at this moment; of whom nothing was ever reported, no."""
    now = host.clock.now()
    holders = {person: host.index(person.digits) for person in call.people}
    values: dict[str, Any] = {f"p{n}": holder for n, holder in enumerate(holders.values())}
    names = ", ".join(f":{name}" for name in values)
    sql = (
        f"SELECT DISTINCT holder FROM policy WHERE holder IN ({names}) AND class = '{COMPULSORY}' "  # noqa: S608 - names of values
        "AND start_at <= :now AND until_at > :now"
    )
    async with host.store.reading() as tx:
        covered = {row["holder"] for row in await tx.fetch(sql, {**values, "now": instant(now)})}
    return {person: {"motor_insurance": Known(holder in covered, now)} for person, holder in holders.items()}


async def check(host: Host, call: Call) -> dict[str, Any]:
    """Whether a vehicle has compulsory cover now, and nothing else.

    A vehicle that nobody knows, one that is not insured and a question that cannot be right are answered alike, by one
    look at the same indexes, so that neither the answer nor how long it takes tells of a vehicle whether there is one.
    Who gives plate and chassis number is told of neither what is not true of both: else one of them, changed each time,
    would make ever new questions about the other.
    """
    asked = call.arguments
    values = {
        "plate": plate_key(str(asked.get("plate") or "")),
        "province": str(asked.get("province") or "").translate(DIGITS).strip(),
        "chassis": asked_chassis(str(asked.get("chassis") or "")),
        "now": instant(host.clock.now()),
    }
    async with host.store.reading() as tx:
        [told] = await tx.fetch(CHECK, values)
    by_plate, by_chassis = bool(asked.get("plate") or asked.get("province")), bool(asked.get("chassis"))
    given = [told[name] for name, is_given in (("plate", by_plate), ("chassis", by_chassis)) if is_given]
    return {"covered": bool(given) and all(given)}


async def vehicle_cover(host: Host, call: Call) -> dict[str, Any]:
    """For the Department of Land Transport before it renews road tax (CMIDLT): of each vehicle whether it has
    compulsory cover now, and until when without a gap; whose it is and who insures it, nobody asks."""
    now, asked = instant(host.clock.now()), [str(one) for one in call.arguments["chassis"]]
    keys = {one: chassis_key(one) for one in asked}
    values = {f"c{n}": key for n, key in enumerate(dict.fromkeys(keys.values()))}
    sql = (
        f"SELECT chassis, start_at, until_at FROM policy WHERE chassis IN ({', '.join(f':{name}' for name in values)}) "  # noqa: S608 - names of values
        f"AND class = '{COMPULSORY}' AND until_at > start_at AND until_at > :now ORDER BY start_at, until_at"
    )
    until = dict[str, str]()
    async with host.store.reading() as tx:
        rows = await tx.fetch(sql, {**values, "now": now}) if values else []
    for row in rows:
        if row["start_at"] <= max(now, until.get(row["chassis"], "")):
            until[row["chassis"]] = max(until.get(row["chassis"], ""), row["until_at"])
    return {"vehicles": [_covered(chassis, until.get(key)) for chassis, key in keys.items()]}


def _covered(chassis: str, until: str | None) -> dict[str, Any]:
    if until is None:
        return {"chassis": chassis, "covered": False}
    return {"chassis": chassis, "covered": True, "until": datetime.fromisoformat(until).astimezone(BANGKOK)}


async def licences(host: Host, call: Call) -> dict[str, Any]:
    """Licences of agents and brokers, as the office issues, suspends and revokes them (ForSure)."""
    return await take(host, call)


async def licence(host: Host, call: Call) -> dict[str, Any]:
    return await checked(host, call)


async def licensed(host: Host, call: Call) -> dict[str, Any]:
    return await search(host, call)


async def claims(host: Host, call: Call) -> list[dict[str, Any]]:
    return await shown(host, call)


async def claim_filings(host: Host, call: Call) -> dict[str, Any]:
    """Claims of hospitals for victims of vehicles (CMIRVP, E-Claim)."""
    return await file(host, call)


async def claim_tracking(host: Host, call: Call) -> dict[str, Any]:
    return await track(host, call)


async def claim_disputes(host: Host, call: Call) -> dict[str, Any]:
    return await dispute(host, call)


async def claim_work(host: Host, call: Call) -> dict[str, Any]:
    return await work(host, call)


async def claim_decisions(host: Host, call: Call) -> dict[str, Any]:
    return await decide(host, call)


async def claim_events(host: Host, call: Call) -> None:
    await heard(host, call)


async def _policies_of(host: Host, call: Call, which: str) -> list[dict[str, Any]]:
    """Those whose holder the citizen is (docs/adr/0055), the latest start first."""
    sql = f"{_SHOWN} WHERE policy.holder = :holder AND {which} ORDER BY start_at DESC, insurer, number"
    now = host.clock.now()
    async with host.store.reading() as tx:
        answer = [_policy(row, now) for row in await tx.fetch(sql, {"holder": host.index(call.citizen.digits)})]
    wanted = call.arguments.get("covered")
    return answer if wanted is None else [policy for policy in answer if policy["covered"] is wanted]


def _policy(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    start, end, until = (
        datetime.fromisoformat(row[at]).astimezone(BANGKOK) for at in ("start_at", "end_at", "until_at")
    )
    status = _status(row["status"], start, until, now)
    return {
        "number": row["number"],
        "plate": row["plate"],
        "province": row["province_th"],
        "provinceEn": row["province_en"],
        "chassis": row["chassis"],
        "class": "CLASS_" + row["class"].replace("+", "_PLUS"),
        "vehicleClass": row["vehicle_class"],
        "insurer": row["insurer_th"],
        "insurerEn": row["insurer_en"],
        "covered": status == "ACTIVE",
        "start": start,
        "end": end,
        "coveredUntil": until,
        "status": status,
        "reportedOn": datetime.fromisoformat(row["reported_at"]).astimezone(BANGKOK).date(),
    }


def _status(reported: str, start: datetime, until: datetime, now: datetime) -> str:
    """A policy that is cancelled as of a day to come covers to that day."""
    if now < until:
        return "UPCOMING" if now < start else "ACTIVE"
    return "CANCELLED" if reported == "cancelled" else "EXPIRED"


def _fault(record: Mapping[str, Any], insurers: set[str], provinces: set[str], now: datetime) -> tuple[str, str] | None:
    """Why a record is not taken: code, and where."""
    if record["insurer"] not in insurers:
        return "INSURER_UNKNOWN", "/insurer"
    if record["province"] not in provinces:
        return "PROVINCE_UNKNOWN", "/province"
    if not is_number(record["holder"]):
        return "HOLDER_INVALID", "/holder"
    chassis = chassis_key(record["chassis"])
    if len(chassis) < CHASSIS_MIN or (len(chassis) == VIN_LENGTH and not re.fullmatch(_VIN, chassis)):
        return "CHASSIS_INVALID", "/chassis"
    if not plate_key(record["plate"]):
        return "PLATE_INVALID", "/plate"
    if datetime.fromisoformat(record["reportedAt"]) > now + AHEAD:
        return "REPORT_IN_FUTURE", "/reportedAt"
    return _fault_of_days(record)


def _fault_of_days(record: Mapping[str, Any]) -> tuple[str, str] | None:
    start, end = date.fromisoformat(record["start"]), date.fromisoformat(record["end"])
    if not timedelta(0) < end - start <= timedelta(days=DAYS_MAX):
        return "POLICY_DATES", "/end"
    cancelled = record.get("cancelledOn")
    if cancelled is not None and (record["status"] != "cancelled" or not start <= date.fromisoformat(cancelled) <= end):
        return "CANCELLATION_DATE", "/cancelledOn"
    return None


def _report_of(row: Mapping[str, Any]) -> str:
    """The report that holds, by insurer, revision and the minute at which it was made."""
    return f"{row['insurer']}#{row['revision']} {row['reported_at'][:16]}Z"


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "insurer": record["insurer"],
        "number": record["number"],
        "class": record["class"],
        "vehicle_class": record.get("vehicleClass"),
        "holder": record["holder"],
        "chassis": chassis_key(record["chassis"]),
        "plate": " ".join(record["plate"].split()),
        "plate_key": plate_key(record["plate"]),
        "province": record["province"],
        "start_at": instant_of_turn(record["start"]),
        "end_at": instant_of_turn(record["end"]),
        "status": record["status"],
        "cancelled_on": record.get("cancelledOn"),
        "until_at": instant_of_turn(last_day(record)),
        "reported_at": instant(datetime.fromisoformat(record["reportedAt"])),
    }


def _same(row: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """But for when it was reported."""
    return all(row[name] == before[name] for name in _COLUMNS if name not in ("reported_at", "revision"))


def _content(record: Mapping[str, Any]) -> str:
    """All of it in one form: two spellings of one instant are one content."""
    told = {**record, "reportedAt": instant(datetime.fromisoformat(record["reportedAt"]))}
    return json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


async def _known_of(
    tx: StoreTransaction, records: Sequence[Mapping[str, Any]]
) -> tuple[dict[tuple[str, str], dict[str, Any]], set[tuple[str, str, str]]]:
    """What is kept of the policies of these records: the latest of each, and all contents that were taken."""
    numbers = sorted({record["number"] for record in records})
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    contents: set[tuple[str, str, str]] = set()
    for at in range(0, len(numbers), 500):
        values: dict[str, Any] = {f"n{n}": number for n, number in enumerate(numbers[at : at + 500])}
        names = ", ".join(f":{name}" for name in values)
        sql = f"SELECT * FROM policy WHERE number IN ({names})"  # noqa: S608 - names of values
        latest |= {(row["insurer"], row["number"]): row for row in await tx.fetch(sql, values)}
        sql = f"SELECT insurer, number, content_hash FROM policy_revision WHERE number IN ({names})"  # noqa: S608 - names of values
        contents |= {(row["insurer"], row["number"], row["content_hash"]) for row in await tx.fetch(sql, values)}
    return latest, contents


async def _write(
    tx: StoreTransaction, rows: Sequence[Mapping[str, Any]], revisions: Sequence[Mapping[str, Any]]
) -> None:
    changed = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
    after = f" ON CONFLICT (insurer, number) DO UPDATE SET {changed} WHERE policy.revision < excluded.revision"
    await insert(tx, "policy", _COLUMNS, rows, after)
    # of two that took the same revision at once, the second fails here, and comes again
    await insert(tx, "policy_revision", _REVISION, revisions)
