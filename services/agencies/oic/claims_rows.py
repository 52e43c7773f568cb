"""Claims in the office's tables: found, moved, written down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final

from services.agencies.oic.claims_amounts import (
    Harm,
    Line,
    Organ,
    Outcome,
    Stage,
    Version,
    computed,
    due,
    of_one_bill,
    version_on,
    worst,
)
from services.agencies.oic.claims_states import Event, State, after
from services.agencies.oic.tables import insert, instant
from services.plugins.contract import BANGKOK, Call, StoreReading, StoreTransaction

ONE_ACCIDENT: Final = timedelta(hours=24)
"""What befell one victim within it is one accident: hospitals do not give the same minute."""
COLUMNS: Final = (
    "number", "hospital", "bill", "accident", "victim", "payee", "accident_at", "province", "plate", "plate_province",
    "chassis", "insurer", "policy", "treatment", "days", "outcome", "organ", "documents", "content_hash", "stage",
    "state", "due", "lines", "lines_filed", "cover_late", "law_since", "filed_at", "pay_by",
)  # fmt: skip
_STEP: Final = ("claim", "step", "event", "state", "at", "organisation", "officer", "reason_th", "reason_en")
REQUESTED, RETURNED = "REQUESTED", "RETURNED"
REPLACED: Final = "REPLACED"
"""Of an award that came back: another is paid."""
_AT_ONCE: Final = 500

Claim = dict[str, Any]
"""A row of `claim`."""


class Claims:
    """Within one transaction, which holds the turns of the victims whose claims it changes."""

    def __init__(self, tx: StoreTransaction, call: Call, now: datetime) -> None:
        self._tx, self._call, self._now = tx, call, now

    async def take_turns(self, victims: Iterable[str]) -> None:
        """In one order, so that two at once never wait for each other. Who files takes those of the claims' numbers,
        too."""
        for victim in sorted(set(victims)):
            await self._tx.execute(
                "INSERT INTO claim_turn (victim, turns) VALUES (:victim, 1) "
                "ON CONFLICT (victim) DO UPDATE SET turns = claim_turn.turns + 1",
                {"victim": victim},
            )

    async def of_bill(self, hospital: str, bill: str) -> Claim | None:
        sql = "SELECT * FROM claim WHERE hospital = :hospital AND bill = :bill"
        return next(iter(await self._tx.fetch(sql, {"hospital": hospital, "bill": bill})), None)

    async def get(self, number: str) -> Claim | None:
        return next(iter(await self._tx.fetch("SELECT * FROM claim WHERE number = :number", {"number": number})), None)

    async def of_accident(self, victim: str, at: datetime) -> list[Claim]:
        """The victim's claims of what happened around that instant, the first filed first."""
        sql = "SELECT * FROM claim WHERE victim = :victim AND accident_at >= :least AND accident_at <= :most "
        values = {"victim": victim, "least": instant(at - ONE_ACCIDENT), "most": instant(at + ONE_ACCIDENT)}
        return await self._tx.fetch(sql + "ORDER BY filed_at, number", values)

    async def has_other_heir(self, claim: Claim) -> bool:
        """Whether another claim of the accident that was not rejected says that the victim died and names another to be
        paid: of the two one is wrong, or the dead would be paid."""
        same = await self.of_accident(claim["victim"], datetime.fromisoformat(claim["accident_at"]))
        return any(
            one["outcome"] == Outcome.DIED and one["state"] != State.REJECTED and one["payee"] != claim["payee"]
            for one in same
        )

    async def awards_of(self, numbers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        return await awards_of(self._tx, numbers)

    async def store(self, claim: Claim) -> None:
        changed = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
        await insert(self._tx, "claim", COLUMNS, [claim], f" ON CONFLICT (number) DO UPDATE SET {changed}")

    async def move(self, claim: Claim, event: Event, reason: Mapping[str, str] | None = None) -> bool:
        """Into what follows, with a step that says who did it and why; False where the event has no place now. What
        else of the claim changed is stored with it."""
        following = after(State(claim["state"]) if claim["state"] else None, event)
        if following is None:
            return False
        claim["state"] = following.value
        await self.store(claim)
        last = await self._tx.fetch(
            "SELECT COALESCE(MAX(step), 0) AS step FROM claim_step WHERE claim = :claim", {"claim": claim["number"]}
        )
        reporter = self._call.reporter
        step = {
            "claim": claim["number"],
            "step": last[0]["step"] + 1,
            "event": event.value,
            "state": following.value,
            "at": instant(self._now),
            "organisation": None if reporter is None else reporter.organisation,
            "officer": None if reporter is None else reporter.officer,
            "reason_th": None if reason is None else reason["th"],
            "reason_en": None if reason is None else reason["en"],
        }
        await insert(self._tx, "claim_step", _STEP, [step])
        return True

    async def compute(self, claim: Claim) -> None:
        """What is due now of the whole accident: the bills that were awarded and this one, less what was awarded."""
        version = law_of(claim)
        others = [
            one
            for one in await self.of_accident(claim["victim"], datetime.fromisoformat(claim["accident_at"]))
            if one["number"] != claim["number"]
        ]
        all_awards = await self.awards_of([claim["number"], *(one["number"] for one in others)])
        awards = {number: standing(told) for number, told in all_awards.items()}
        counting = [claim, *(one for one in others if awards.get(one["number"]))]
        if any(one["stage"] == Stage.FURTHER for one in others):
            claim["stage"] = Stage.FURTHER.value
        outcome, organ = worst([(Outcome(one["outcome"]), _organ(one["organ"])) for one in counting])
        harm = Harm(sum(one["treatment"] for one in counting), sum(one["days"] for one in counting), outcome, organ)
        before = sum(award["satang"] for told in awards.values() for award in told)
        lines = computed(version, Stage(claim["stage"]), harm, before)
        claim["due"], claim["lines"] = due(lines), written(lines)
        own = Harm(claim["treatment"], claim["days"], Outcome(claim["outcome"]), _organ(claim["organ"]))
        granted = sum(award["satang"] for award in awards.get(claim["number"], []))
        claim["lines_filed"] = written(of_one_bill(version, Stage(claim["stage"]), own, granted, claim["due"]))

    async def award(self, claim: Claim, instead_of: str | None = None, before: str | None = None) -> dict[str, Any]:
        """What is due is asked of the host, under the next reference; in place of that award, by which `before` was to
        be paid."""
        count = len((await self.awards_of([claim["number"]])).get(claim["number"], []))
        row = {
            "claim": claim["number"],
            "award": count + 1,
            "reference": f"{claim['number']}/{count + 1}",
            "satang": claim["due"],
            "state": REQUESTED,
            "at": instant(self._now),
            "said_at": instant(self._now),
            "instead_of": instead_of,
            "payee_before": before,
        }
        await insert(self._tx, "claim_award", tuple(row), [row])
        return row

    async def last_award(self, claim: Claim) -> dict[str, Any] | None:
        """Of those that no other replaced."""
        return next(reversed(standing((await self.awards_of([claim["number"]])).get(claim["number"], []))), None)

    async def say_of_award(self, reference: str, state: str) -> None:
        values = {"reference": reference, "state": state}
        await self._tx.execute("UPDATE claim_award SET state = :state WHERE reference = :reference", values)

    async def look(self, number: str) -> None:
        """Somebody looks at it, which the victim sees."""
        reporter = self._call.reporter
        row = {
            "claim": number,
            "at": instant(self._now),
            "operation": self._call.operation,
            "organisation": None if reporter is None else reporter.organisation,
            "officer": None if reporter is None else reporter.officer,
        }
        await insert(self._tx, "claim_look", tuple(row), [row])


def standing(awards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that no other replaced."""
    return [one for one in awards if one["state"] != REPLACED]


async def awards_of(tx: StoreReading, numbers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By claim, the first first."""
    return await by_claim(tx, "SELECT * FROM claim_award WHERE claim IN ({}) ORDER BY claim, award", numbers)


async def by_claim(tx: StoreReading, sql: str, numbers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows of a statement in which `{}` stands for the claims' numbers."""
    found: dict[str, list[dict[str, Any]]] = {}
    for at in range(0, len(numbers), _AT_ONCE):
        values: dict[str, Any] = {f"n{n}": number for n, number in enumerate(numbers[at : at + _AT_ONCE])}
        for row in await tx.fetch(sql.format(", ".join(f":{name}" for name in values)), values):
            found.setdefault(row["claim"], []).append(row)
    return found


def law_of(claim: Claim) -> Version:
    version = version_on(bangkok_day(claim["accident_at"]))
    assert version is not None, "a claim of a day without a law is not taken"
    return version


def bangkok_day(at: str) -> date:
    return datetime.fromisoformat(at).astimezone(BANGKOK).date()


def written(lines: Iterable[Line]) -> str:
    return json.dumps([asdict(line) for line in lines], ensure_ascii=False)


def read_lines(claim: Claim) -> list[Line]:
    return [Line(**one) for one in json.loads(claim["lines"])]


def is_late(claim: Claim, today: date) -> bool:
    """Whether the days of the law are over, and nobody paid or refused."""
    open_ = (State.FILED, State.CHECKED, State.COMPUTED, State.APPROVED)
    return claim["state"] in open_ and today > date.fromisoformat(claim["pay_by"])


def _organ(value: str | None) -> Organ | None:
    return None if value is None else Organ(value)
