"""How an institution grades, and what a record has to come to by it: averages, credits, days and sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

from services.plugins.contract import MalformedNationalId, NationalId

BUDDHIST_FROM: Final = 2300
"""No year of the Common Era that a record may hold is so late, and every year of the Buddhist era is later."""
Json = Mapping[str, Any]


class Refused(Exception):
    """The record is not taken: a declared error, where, and what the courses come to instead of what it says."""

    def __init__(self, code: str, path: str, computed: str | None = None) -> None:
        super().__init__(code)
        self.code, self.path, self.computed = code, path, computed

    def at(self, record: int) -> dict[str, Any]:
        return {"record": record, "code": self.code, "path": self.path, "computed": self.computed}


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
        points = {grade: hundredths(worth) for grade, worth in told["points"].items()}
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


def hundredths(average: str) -> int:
    return int(average.replace(".", ""))


def check_grading(told: Sequence[Json]) -> None:
    for place, one in enumerate(told):
        groups = [*one["points"], *one["passes"], *one["uncounted"]]
        rises = not place or told[place - 1]["from"] < one["from"]
        if not rises or len(set(groups)) < len(groups):
            raise Refused("GRADING_WRONG", f"/grading/{place}" if rises else f"/grading/{place}/from")


def check_organisation(number: str | None) -> None:
    """Its check digit, which citizens' and juristic persons' numbers share."""
    try:
        if number is not None:
            NationalId(number)
    except MalformedNationalId:
        raise Refused("ORGANISATION_INVALID", "/organisation") from None


def check_record(record: Json, gradings: Sequence[Grading], today: date) -> None:
    """Raises :class:`Refused` with the first thing that is wrong."""
    try:
        NationalId(record["nationalId"])
    except MalformedNationalId:
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
