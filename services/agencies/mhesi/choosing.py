"""What of a student's degrees a paper shows: all, one of them, or one course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.plugins.contract import AgencyError

Json = Mapping[str, Any]
_MEMBERS = frozenset({"degree", "course"})


def chosen(degrees: Sequence[tuple[Json, Json]], arguments: Json) -> list[tuple[Json, Json]]:
    """Of records and their institutions, one at least, those that were asked for: `degree` is the number of one, and
    `course` the code of one, which is shown as often as it was taken, without what it was averaged into.

    Raises `CHOICE_WRONG` for what is no choice: whoever mistypes one shows nothing that they meant to keep;
    `NO_SUCH_DEGREE`, `NO_SUCH_COURSE`.
    """
    if not arguments.keys() <= _MEMBERS or not all(isinstance(one, str) and one for one in arguments.values()):
        raise AgencyError("CHOICE_WRONG")
    found = [one for one in degrees if "degree" not in arguments or one[0]["number"] == arguments["degree"]]
    if not found:
        raise AgencyError("NO_SUCH_DEGREE")
    if "course" not in arguments:
        return found
    shown = [(_with_course(record, arguments["course"]), institution) for record, institution in found]
    if not any(record["sessions"] for record, _ in shown):
        raise AgencyError("NO_SUCH_COURSE")
    return [one for one in shown if one[0]["sessions"]]


def _with_course(record: Json, code: str) -> Json:
    sessions = [
        {**session, "courses": [course for course in session["courses"] if course["code"] == code]}
        for session in record["sessions"]
    ]
    return {**record, "gpax": "", "sessions": [session for session in sessions if session["courses"]]}
