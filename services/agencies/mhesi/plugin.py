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
from itertools import pairwise
from typing import Any, Final

from services.agencies.mhesi.papers import paper_of
from services.agencies.mhesi.transcript import awarded, claims_of, degrees_of
from services.plugins.contract import BANGKOK, Call, Credential, Host, Known, NationalId, Paper, Plain, StoreTransaction

LEVELS: Final = ("none", "bachelor", "master", "doctor")
"""Of degrees, the lowest first. A certificate is kept, and is no degree."""
SHOWN: Final = {"bachelor": "BACHELOR", "master": "MASTER", "doctor": "DOCTORATE"}
BUDDHIST_FROM: Final = 2300
"""No year of the Common Era that a record may hold is so late, and every year of the Buddhist era is later."""
ROWS_MAX: Final = 50
"""Of one statement."""
Json = Mapping[str, Any]
Key = tuple[str, str]
"""Institution and number of a record."""


class Refused(Exception):
    """The record is not taken: a declared error, where, and what the courses come to instead of what it says."""

    def __init__(self, code: str, path: str, computed: str | None = None) -> None:
        super().__init__(code)
        self.code, self.path, self.computed = code, path, computed

    def at(self, record: int) -> dict[str, Any]:
        return {"record": record, "code": self.code, "path": self.path, "computed": self.computed}


async def degrees(host: Host, call: Call) -> list[dict[str, Any]]:
    return [_degree(json.loads(row["content"]), row) for row in await awarded(host, call.citizen)]


async def transcript_credential(host: Host, call: Call) -> Credential:
    return Credential(claims=claims_of(await degrees_of(host, call.citizen)))


async def transcript(host: Host, call: Call) -> Paper:
    return paper_of(await degrees_of(host, call.citizen))


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
    """Every record by itself: one that is refused keeps none of the others from being taken."""
    sent: Sequence[Json] = call.arguments["records"]
    today = host.clock.now().astimezone(BANGKOK).date()
    rejected = []
    async with host.store.transaction() as tx:
        known = await _known(tx, sent)
        for place, record in enumerate(sent):
            try:
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
        "gpax": _hundredths(record["gpax"]) / 100,
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


@dataclass(frozen=True, slots=True)
class Grading:
    """What grades are worth at an institution, for students admitted from a day on."""

    begins: str
    points: Mapping[str, int]
    """In hundredths; these grades count in an average."""
    passes: frozenset[str]
    """They earn the credits of the course, and count in no average."""
    uncounted: frozenset[str]
    repeated: str
    """Of a course that was taken again: the `last`, the `best`, or `all` of its grades."""
    rounding: str
    """An average is cut off after the second place (`down`), or rounded (`half_up`)."""

    @classmethod
    def of(cls, told: Json) -> Grading:
        points = {grade: _hundredths(worth) for grade, worth in told["points"].items()}
        groups = frozenset(told["passes"]), frozenset(told["uncounted"])
        return cls(told["from"], points, *groups, told["repeated"], told["rounding"])

    def average(self, graded: Sequence[tuple[int, int]]) -> str | None:
        """Of pairs of points in hundredths and credits; None where no credit counts."""
        total = sum(points * weight for points, weight in graded)
        weights = sum(weight for _, weight in graded)
        if not weights:
            return None
        half = weights if self.rounding == "half_up" else 0
        hundredths = (2 * total + half) // (2 * weights)
        return f"{hundredths // 100}.{hundredths % 100:02d}"

    def count(self, courses: Sequence[Json]) -> tuple[str | None, int]:
        """The average over all courses, in the order in which they were taken, and the credits that they earned."""
        attempts: dict[str, list[tuple[int, int]]] = {}
        passed: dict[str, int] = {}
        for course in courses:
            if (points := self.points.get(course["grade"])) is not None:
                attempts.setdefault(course["code"], []).append((points, course["credits"]))
            elif course["grade"] in self.passes:
                passed[course["code"]] = course["credits"]
        graded = [pair for tries in attempts.values() for pair in self._counted(tries)]
        for code, tries in attempts.items():
            if earned := [weight for points, weight in self._counted(tries) if points]:
                passed[code] = max(earned)
        return self.average(graded), sum(passed.values())

    def _counted(self, tries: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if self.repeated == "all":
            return tries
        return [max(tries) if self.repeated == "best" else tries[-1]]


def _hundredths(average: str) -> int:
    return int(average.replace(".", ""))


def _check_grading(told: Sequence[Json]) -> None:
    for place, one in enumerate(told):
        groups = [*one["points"], *one["passes"], *one["uncounted"]]
        rises = not place or told[place - 1]["from"] < one["from"]
        if not rises or len(set(groups)) < len(groups):
            raise Refused("GRADING_WRONG", f"/grading/{place}" if rises else f"/grading/{place}/from")


def _check(record: Json, gradings: Sequence[Grading], today: date) -> None:
    """Raises :class:`Refused` with the first thing that is wrong."""
    try:
        NationalId(record["nationalId"])
    except Exception:  # noqa: BLE001 - the contract names no class for it
        raise Refused("NATIONAL_ID_INVALID", "/nationalId") from None
    _check_days(record, today)
    grading = next((one for one in reversed(gradings) if one.begins <= record["admittedOn"]), None)
    if grading is None:
        raise Refused("GRADING_MISSING", "/admittedOn")
    for place, session in enumerate(record["sessions"]):
        _check_session(session, f"/sessions/{place}", grading)
    average, earned = grading.count([course for one in record["sessions"] for course in one["courses"]])
    if record.get("gpax") != average or (average is None and record["status"] == "graduated"):
        raise Refused("GPAX_WRONG", "/gpax", average)
    if record["credits"] != earned:
        raise Refused("CREDITS_WRONG", "/credits", str(earned))


def _check_session(session: Json, path: str, grading: Grading) -> None:
    for place, course in enumerate(session["courses"]):
        grade = course["grade"]
        if grade not in grading.points and grade not in grading.passes | grading.uncounted:
            raise Refused("GRADE_UNKNOWN", f"{path}/courses/{place}/grade")
    told = session.get("gpa")
    graded = [(grading.points[c["grade"]], c["credits"]) for c in session["courses"] if c["grade"] in grading.points]
    if told is not None and told != (average := grading.average(graded)):
        raise Refused("GPA_WRONG", f"{path}/gpa", average)


def _check_days(record: Json, today: date) -> None:
    """Admitted before awarded, nothing in the future, sessions one after the other between the two."""
    sessions = [_session(one["session"]) for one in record["sessions"]]
    years = [("/admittedOn", record["admittedOn"][:4]), ("/awardedOn", record.get("awardedOn", "")[:4])]
    years += [(f"/sessions/{place}/session", str(year)) for place, (year, _) in enumerate(sessions)]
    for path, year in years:
        if year and int(year) >= BUDDHIST_FROM:
            raise Refused("YEAR_BUDDHIST", path)
    admitted, awarded = record["admittedOn"], record.get("awardedOn")
    if admitted > today.isoformat():
        raise Refused("DATES_WRONG", "/admittedOn")
    if (awarded is None) == (record["status"] == "graduated"):
        raise Refused("DATES_WRONG", "/awardedOn")
    if awarded is not None and not admitted < awarded <= today.isoformat():
        raise Refused("DATES_WRONG", "/awardedOn")
    last = int((awarded or today.isoformat())[:4])
    for place, (year, _) in enumerate(sessions):
        # credits that were carried over may be older than the admission by a year, and no more
        if not int(admitted[:4]) - 1 <= year <= last:
            raise Refused("DATES_WRONG", f"/sessions/{place}/session")
    for place, (one, other) in enumerate(pairwise(sessions), start=1):
        if not one < other:
            raise Refused("DATES_WRONG", f"/sessions/{place}/session")


def _session(told: str) -> tuple[int, int]:
    """Year and term, by which sessions are in order."""
    term, year = told.split("/")
    return int(year), int(term)


@dataclass(slots=True)
class _Known:
    """What the store holds beside the records of one call, and what is to be added to it."""

    gradings: Mapping[str, Sequence[Grading]]
    digests: dict[Key, dict[int, str]]
    """Of every revision of a record."""
    students: dict[Key, dict[str, str]]
    """By institution and student number: number of the record → index of the person."""
    revisions: list[Json] = field(default_factory=list)
    current: dict[Key, Json] = field(default_factory=dict)

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
        _check(record, gradings, today)
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
    rows = await tx.fetch(f"SELECT code, grading FROM institution WHERE code IN ({codes})", values)  # noqa: S608 - names of our own
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
    return _Known(gradings, digests, found)


async def _keep_institution(tx: StoreTransaction, sent: Json) -> None:
    _check_grading(sent["grading"])
    content = _written(sent)
    sql = "SELECT revision, digest FROM institution WHERE code = :code"
    rows = await tx.fetch(sql, {"code": sent["code"]})
    if _is_taken({row["revision"]: row["digest"] for row in rows}, sent["revision"], content):
        return
    row = (
        sent["code"], sent["revision"], _digest(content), sent["nameTh"], sent["nameEn"], _written(sent["grading"]),
    )  # fmt: skip
    columns = "code, revision, digest, name_th, name_en, grading"
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
