"""The Social Security Office: contributions, month by month, and its desk of claims.

Months are `YYYY-MM`, CE; days are `YYYYMMDD` of the Buddhist era. The population says what people paid; why a job
ended, who registered as unemployed and which plan somebody chose is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.people import Insured
from services.plugins.contract.sandbox import (
    Desk,
    Household,
    Person,
    Record,
    Rows,
    Sandbox,
    Table,
    drawn,
    malformed,
    to_be_yyyymmdd,
)

EMPLOYED: Final = ("33", "39")
PLANS: Final = ("70", "70", "70", "100", "100", "300")
SAVED_PER_MILLE: Final = 30
"""Of the wage, each of insured and employer, for old age (made up for the stand-in, without ceiling or yield)."""


def _rows(_: Household, p: Person, _day: date) -> Rows:
    return ((p.national_id, *spell) for spell in p.insured)


def _claims(home: Household, p: Person, as_of: date) -> Rows:
    if not p.insured:
        return
    employed = [spell for spell in p.insured if spell.section in EMPLOYED]
    plan = PLANS[drawn(p, "sso plan", len(PLANS))] if p.insured[-1].section == "40" else None
    own = sum(len(_months(s.first_month, s.last_month)) * s.monthly_wage * SAVED_PER_MILLE // 1_000 for s in employed)
    yield (p.national_id, *_birth(home, p, employed), *_job_ended(p, as_of), own, own * 2, plan)


def _birth(home: Household, p: Person, employed: list[Insured]) -> tuple[str | None, str | None, int]:
    """The latest birth that the office was told of: role, day, and months paid in the 15 before its month."""
    children = [child for child in home.living if p.national_id in (child.father, child.mother)]
    if not employed or not children:
        return None, None, 0
    born = max(child.born.first for child in children)
    role = "father" if p.gender == "male" else "mother"
    return role, to_be_yyyymmdd(born), _paid_before(employed, born.strftime("%Y-%m"))


def _job_ended(p: Person, as_of: date) -> tuple[str | None, str | None, int, int]:
    """Why and on which day, months paid in the 15 before, and whether registered as unemployed."""
    last = p.insured[-1]
    this = as_of.strftime("%Y-%m")
    if last.section != "33" or len(_months(last.last_month, this)) <= 2:
        return None, None, 0, 0
    ended = date(int(last.last_month[:4]), int(last.last_month[5:]), 1 + drawn(p, "sso day", 28))
    why = ("1", "1", "2", "2", "2", "3")[drawn(p, "sso why", 6)]
    employed = [spell for spell in p.insured if spell.section == "33"]
    return (
        why,
        to_be_yyyymmdd(ended),
        _paid_before(employed, _month_at(_index(last.last_month) + 1)),
        int(drawn(p, "sso seeker", 5) > 0),
    )


def _paid_before(employed: list[Insured], month: str) -> int:
    paid = {m for spell in employed for m in _months(spell.first_month, spell.last_month)}
    return sum(_month_at(_index(month) - 15) <= one < month for one in paid)


def claims(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """The latest birth, how the last job ended, what was saved for old age, the plan of section 40; null where none."""
    found = desk.one(
        "SELECT birth_role, born_be, birth_months, reason, ended_be, job_months, registered, own_satang, all_satang, "
        "plan FROM claim WHERE pid = ?",
        pid,
    )
    if found is None:
        return {"birth": None, "job_ended": None, "old_age": None, "plan": None}
    birth = {"role": found["birth_role"], "born_be": found["born_be"], "months": found["birth_months"]}
    job = {
        "reason": found["reason"],
        "ended_be": found["ended_be"],
        "months": found["job_months"],
        "registered": bool(found["registered"]),
    }
    return {
        "birth": birth if found["birth_role"] is not None else None,
        "job_ended": job if found["reason"] is not None else None,
        "old_age": {"own_satang": found["own_satang"], "all_satang": found["all_satang"]},
        "plan": found["plan"],
    }


def insured(desk: Desk, pid: str, body: Mapping[str, Any]) -> Record:
    """Spells without a gap, and each month paid, from `from_month` (`YYYY-MM`) on where the request names one."""
    since = body.get("from_month", "")
    if not isinstance(since, str) or len(since) not in (0, 7):
        raise malformed()
    sql = "SELECT section, first_month, last_month, wage_satang FROM contribution WHERE pid = ? ORDER BY first_month"
    spells = desk.all(sql, pid)
    months = [
        {"month": month, "section": spell["section"]}
        for spell in spells
        for month in _months(spell["first_month"], spell["last_month"])
        if month >= since
    ]
    return {"spells": spells, "months": months}


def _months(first: str, last: str) -> list[str]:
    return [_month_at(index) for index in range(_index(first), _index(last) + 1)]


def _index(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _month_at(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


SANDBOX: Final = Sandbox(
    tables=(
        Table("contribution", "pid, section, first_month, last_month, wage_satang", ("pid, first_month",), _rows),
        Table(
            "claim",
            "pid, birth_role, born_be, birth_months, reason, ended_be, job_months, registered, own_satang, all_satang, "
            "plan",
            ("pid",),
            _claims,
        ),
    ),
    answers={"insured": insured, "claims": claims},
)
