"""Ministry of Higher Education: the register of academic records, as universities hand them in.

A record is one study of one student: whose it is, what was awarded, and every course with its credits and grade. It is
kept whole, each revision as it was sent; what it says of averages and credits is taken only where its own courses come
to the same by the grading that the institution had when the student was admitted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from services.agencies.mhesi.choosing import chosen
from services.agencies.mhesi.grading import (
    Grading,
    Json,
    Refused,
    check_grading,
    check_organisation,
    check_record,
    hundredths,
)
from services.agencies.mhesi.papers import certificate_of, paper_of
from services.agencies.mhesi.transcript import awarded, claims_of, degrees_of
from services.plugins.contract import (
    BANGKOK,
    AgencyError,
    Call,
    Credential,
    Host,
    Known,
    NationalId,
    Paper,
    Plain,
    StoreTransaction,
)

LEVELS: Final = ("none", "bachelor", "master", "doctor")
"""Of degrees, the lowest first. A certificate is kept, and is no degree."""
SHOWN: Final = {"bachelor": "BACHELOR", "master": "MASTER", "doctor": "DOCTORATE"}
ROWS_MAX: Final = 50
"""Of one statement."""
Key = tuple[str, str]
"""Institution and number of a record."""


async def degrees(host: Host, call: Call) -> list[dict[str, Any]]:
    return [_degree(json.loads(row["content"]), row) for row in await awarded(host, call.citizen)]


async def transcript_credential(host: Host, call: Call) -> Credential:
    return Credential(claims=claims_of(await degrees_of(host, call.citizen)))


async def transcript(host: Host, call: Call) -> Paper:
    return paper_of(chosen(await degrees_of(host, call.citizen), call.arguments), part=bool(call.arguments))


async def certificate(host: Host, call: Call) -> Paper:
    whole = {name: one for name, one in call.arguments.items() if name != "course"}
    if len(whole) < len(call.arguments):
        raise AgencyError("CHOICE_WRONG")  # a certificate shows no courses
    return certificate_of(chosen(await degrees_of(host, call.citizen), whole))


async def highest(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    found = await _levels(host, call, "graduated")
    now = host.clock.now()
    return {one: {"highest_degree": Known(_highest(found.get(one, ())), now)} for one in call.people}


async def enrolled(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    found = await _levels(host, call, "studying")
    now = host.clock.now()
    return {one: {"student_enrolled": Known(one in found, now)} for one in call.people}


async def institutions(host: Host, call: Call) -> dict[str, Any]:
    rejected = []
    async with host.store.transaction() as tx:
        for place, sent in enumerate(call.arguments["records"]):
            try:
                await _keep_institution(tx, sent)
            except Refused as refused:
                rejected.append(refused.at(place))
    return {"rejected": rejected}


async def records(host: Host, call: Call) -> dict[str, Any]:
    """Every record by itself: one that is refused keeps none of the others from being taken. A university that sends
    by itself sends what is of its own institutions."""
    sent: Sequence[Json] = call.arguments["records"]
    sender = None if call.reporter is None else call.reporter.organisation
    today = host.clock.now().astimezone(BANGKOK).date()
    rejected = []
    async with host.store.transaction() as tx:
        known = await _known(tx, sent)
        for place, record in enumerate(sent):
            try:
                known.must_be_theirs(record["institution"], sender)
                known.take(record, host.index(record["nationalId"]), today)
            except Refused as refused:
                rejected.append(refused.at(place))
        await known.write(tx, host.clock.now().isoformat())
    return {"rejected": rejected}


def _highest(levels: Iterable[str]) -> str:
    return max((level for level in levels if level in LEVELS), key=LEVELS.index, default="none")


async def _levels(host: Host, call: Call, status: str) -> dict[NationalId, list[str]]:
    """Of those of the people who have a record of that status."""
    people = {host.index(person.digits): person for person in call.people}
    names, values = _listed("p", people)
    sql = f"SELECT pid, level FROM record WHERE status = :status AND pid IN ({names})"  # noqa: S608 - names of our own
    async with host.store.transaction() as tx:
        rows = await tx.fetch(sql, {**values, "status": status})
    found: dict[NationalId, list[str]] = {}
    for row in rows:
        found.setdefault(people[row["pid"]], []).append(row["level"])
    return found


def _degree(record: Json, institution: Json) -> dict[str, Any]:
    return {
        "number": record["number"],
        "level": SHOWN[record["level"]],
        "title": record["titleTh"],
        "titleEn": record["titleEn"],
        "institution": institution["name_th"],
        "institutionEn": institution["name_en"],
        "studentNumber": record["studentNumber"],
        "admittedOn": date.fromisoformat(record["admittedOn"]),
        "awardedOn": date.fromisoformat(record["awardedOn"]),
        "gpax": hundredths(record["gpax"]) / 100,
        "courses": [_course(session, course) for session in record["sessions"] for course in session["courses"]],
    }


def _course(session: Json, course: Json) -> dict[str, Any]:
    return {
        "session": session["session"],
        "code": course["code"],
        "title": course["titleTh"],
        "titleEn": course["titleEn"],
        "credits": course["credits"],
        "grade": course["grade"],
    }


@dataclass(slots=True)
class _Known:
    """What the store holds beside the records of one call, and what is to be added to it."""

    gradings: Mapping[str, Sequence[Grading]]
    organisations: Mapping[str, str | None]
    """By institution: the number of the juristic person that it is, where one may send for it."""
    digests: dict[Key, dict[int, str]]
    """Of every revision of a record."""
    students: dict[Key, dict[str, str]]
    """By institution and student number: number of the record → index of the person."""
    revisions: list[Json] = field(default_factory=list)
    current: dict[Key, Json] = field(default_factory=dict)

    def must_be_theirs(self, institution: str, sender: str | None) -> None:
        """The ministry (no `sender`) sends for every institution, a juristic person for those that are it. Raises
        :class:`Refused`, alike for an institution that is unknown: before anything is said of what is kept."""
        if sender is not None and self.organisations.get(institution) != sender:
            raise Refused("INSTITUTION_OF_ANOTHER", "/institution")

    def take(self, record: Json, person: str, today: date) -> None:
        """Raises :class:`Refused`. The same revision with the same content is taken, and changes nothing. `person` is
        kept in the place of the national ID, by which a record is found and nobody is read."""
        institution, number, revision = record["institution"], record["number"], record["revision"]
        gradings = self.gradings.get(institution)
        if gradings is None:
            raise Refused("INSTITUTION_UNKNOWN", "/institution")
        hidden = {**record, "nationalId": person}
        content = _written(hidden)
        taken = self.digests.setdefault((institution, number), {})
        if _is_taken(taken, revision, content):
            return
        check_record(record, gradings, today)
        theirs = self.students.setdefault((institution, record["studentNumber"]), {})
        if any(pid != person for one, pid in theirs.items() if one != number):
            raise Refused("STUDENT_OF_ANOTHER", "/studentNumber")
        theirs[number] = person
        taken[revision] = _digest(content)
        self.revisions.append({**hidden, "content": content})
        self.current[institution, number] = self.revisions[-1]

    async def write(self, tx: StoreTransaction, now: str) -> None:
        rows: list[tuple[Plain, ...]] = [
            (one["institution"], one["number"], one["revision"], _digest(one["content"]), one["content"], now)
            for one in self.revisions
        ]
        await _insert(tx, "revision (institution, number, revision, digest, content, taken_at)", rows)
        rows = [
            (
                one["institution"], one["number"], one["revision"], one["nationalId"], one["studentNumber"],
                one["level"], one["status"], one.get("awardedOn"), one["content"],
            )
            for one in self.current.values()
        ]  # fmt: skip
        columns = "institution, number, revision, pid, student_number, level, status, awarded_on, content"
        ends = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", ")[2:])
        changed = await _insert(
            tx,
            f"record ({columns})",
            rows,
            f" ON CONFLICT (institution, number) DO UPDATE SET {ends} WHERE record.revision < excluded.revision",
        )
        if changed != len(rows):
            raise RuntimeError("another sending took a later revision meanwhile")  # all is undone, and comes again


async def _known(tx: StoreTransaction, sent: Sequence[Json]) -> _Known:
    codes, values = _listed("i", {record["institution"] for record in sent})
    sql = f"SELECT code, grading, organisation FROM institution WHERE code IN ({codes})"  # noqa: S608 - names of our own
    rows = await tx.fetch(sql, values)
    organisations = {row["code"]: row["organisation"] for row in rows}
    gradings = {row["code"]: [Grading.of(one) for one in json.loads(row["grading"])] for row in rows}
    numbers, values = _listed("n", {record["number"] for record in sent})
    sql = f"SELECT institution, number, revision, digest FROM revision WHERE number IN ({numbers})"  # noqa: S608 - names of our own
    digests: dict[Key, dict[int, str]] = {}
    for row in await tx.fetch(sql, values):
        digests.setdefault((row["institution"], row["number"]), {})[row["revision"]] = row["digest"]
    students, values = _listed("s", {record["studentNumber"] for record in sent})
    sql = f"SELECT institution, student_number, number, pid FROM record WHERE student_number IN ({students})"  # noqa: S608 - names of our own
    found: dict[Key, dict[str, str]] = {}
    for row in await tx.fetch(sql, values):
        found.setdefault((row["institution"], row["student_number"]), {})[row["number"]] = row["pid"]
    return _Known(gradings, organisations, digests, found)


async def _keep_institution(tx: StoreTransaction, sent: Json) -> None:
    check_grading(sent["grading"])
    check_organisation(sent.get("organisation"))
    content = _written(sent)
    sql = "SELECT revision, digest FROM institution WHERE code = :code"
    rows = await tx.fetch(sql, {"code": sent["code"]})
    if _is_taken({row["revision"]: row["digest"] for row in rows}, sent["revision"], content):
        return
    row = (
        sent["code"], sent["revision"], _digest(content), sent["nameTh"], sent["nameEn"], _written(sent["grading"]),
        sent.get("organisation"),
    )  # fmt: skip
    columns = "code, revision, digest, name_th, name_en, grading, organisation"
    ends = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", ")[1:])
    await _insert(tx, f"institution ({columns})", [row], f" ON CONFLICT (code) DO UPDATE SET {ends}")


def _is_taken(taken: Mapping[int, str], revision: int, content: str) -> bool:
    """Whether it came before. Raises :class:`Refused` for another content, and for what is not the latest."""
    if revision in taken:
        if taken[revision] != _digest(content):
            raise Refused("REVISION_CONFLICT", "/revision")
        return True
    if taken and revision < max(taken):
        raise Refused("REVISION_SUPERSEDED", "/revision")
    return False


def _written(told: Any) -> str:
    """In the one way in which the same content is the same text."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _listed(prefix: str, values: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The names of an IN, and what they stand for."""
    named = {f"{prefix}{place}": value for place, value in enumerate(values)}
    return ", ".join(f":{name}" for name in named), named


async def _insert(tx: StoreTransaction, into: str, rows: Sequence[tuple[Plain, ...]], ends: str = "") -> int:
    """How many rows it made or changed; in few statements."""
    changed = 0
    for part in _parts(rows):
        values = {f"v{place}_{n}": value for place, row in enumerate(part) for n, value in enumerate(row)}
        listed = ", ".join(
            "(" + ", ".join(f":v{place}_{n}" for n in range(len(row))) + ")" for place, row in enumerate(part)
        )
        changed += await tx.execute(f"INSERT INTO {into} VALUES {listed}{ends}", values)  # noqa: S608 - names of our own
    return changed


def _parts(rows: Sequence[tuple[Plain, ...]]) -> Iterator[Sequence[tuple[Plain, ...]]]:
    for first in range(0, len(rows), ROWS_MAX):
        yield rows[first : first + ROWS_MAX]
