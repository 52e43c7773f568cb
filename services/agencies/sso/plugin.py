"""Social Security Office: who is insured and how long (months are `YYYY-MM`), and what claims are decided by.

Sections 33 and 39 insure for the same old-age pension; section 40 is for informal workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from services.plugins.contract import Call, Host, Known, Money, NationalId, ask_each, parse_be_yyyymmdd

EMPLOYED: Final = ("33", "39")
INFORMAL: Final = ("40",)
PENSION_MONTHS: Final = 180
"""Beyond which each full year raises the pension (Social Security Act s.77 bis)."""
WAGE_MONTHS: Final = 60
PLANS: Final = {None: "none", "70": "plan_70", "100": "plan_100", "300": "plan_300"}
ENDINGS: Final = {"1": "laid_off", "2": "resigned", "3": "misconduct"}
"""The office's numbers of why a job ended, as the employer reports it (made up)."""


async def insured(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """Whoever paid for this month or the last is insured: a month is paid for until the middle of the next."""
    today = host.clock.today()
    return {
        person: _known(host, _insured(told, today)) for person, told in (await ask_each(host, call, "/insured")).items()
    }


def _insured(told: Any, today: date) -> dict[str, Any]:
    months = {paid["month"]: paid["section"] for paid in told["months"]}
    employed = [month for month, section in months.items() if section in EMPLOYED]
    informal = [month for month, section in months.items() if section in INFORMAL]
    wages = _wages(told["spells"])
    last_wages = wages[-WAGE_MONTHS:]
    return {
        "social_security_section": _section(told, today),
        "social_security_months": len(months),
        "sso_wage": Money(wages[-1] if wages else 0),
        "sso_months_in_36": _since(employed, today, 36),
        "sso_pension_months": len(employed),
        "sso_pension_years_over": max(0, len(employed) - PENSION_MONTHS) // 12,
        "sso_pension_wage": Money(sum(last_wages) // len(last_wages) if last_wages else 0),
        "sso_plan_months_in_4": _since(informal, today, 4),
        "sso_plan_months_in_36": _since(informal, today, 36),
    }


async def claims(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    return {person: _known(host, _claims(told)) for person, told in (await ask_each(host, call, "/claims")).items()}


def _claims(told: Mapping[str, Any]) -> dict[str, Any]:
    birth, job, old_age = told["birth"], told["job_ended"], told["old_age"]
    return {
        "sso_birth_role": "none" if birth is None else birth["role"],
        "sso_birth_on": None if birth is None else parse_be_yyyymmdd(birth["born_be"]),
        "sso_months_before_birth": 0 if birth is None else birth["months"],
        "sso_job_ending": "none" if job is None else ENDINGS[job["reason"]],
        "sso_job_ended_on": None if job is None else parse_be_yyyymmdd(job["ended_be"]),
        "sso_months_before_job_ended": 0 if job is None else job["months"],
        "sso_job_seeker": job is not None and job["registered"],
        "sso_old_age_own": Money(0 if old_age is None else old_age["own_satang"]),
        "sso_old_age_all": Money(0 if old_age is None else old_age["all_satang"]),
        "sso_plan": PLANS[told["plan"]],
    }


def _known(host: Host, values: Mapping[str, Any]) -> dict[str, Known]:
    return {attribute: Known(value, host.clock.now()) for attribute, value in values.items()}


def _section(told: Any, today: date) -> str:
    last = _month(today.replace(day=1) - timedelta(days=1))
    current = [spell["section"] for spell in told["spells"] if spell["last_month"] >= last]
    return f"s{current[-1]}" if current else "none"


def _wages(spells: Sequence[Mapping[str, Any]]) -> list[int]:
    """The wage of each month that was paid for under sections 33 and 39, the earliest first."""
    return [
        spell["wage_satang"]
        for spell in sorted(spells, key=lambda spell: str(spell["first_month"]))
        if spell["section"] in EMPLOYED
        for _ in range(_index(spell["last_month"]) - _index(spell["first_month"]) + 1)
    ]


def _since(months: Iterable[str], today: date, count: int) -> int:
    """How many of the `count` months before this one are among them."""
    now = _index(_month(today))
    return sum(now - count <= _index(month) < now for month in months)


def _index(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _month(day: date) -> str:
    return day.strftime("%Y-%m")
