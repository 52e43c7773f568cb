"""What all of the office's tables are written by: instants of one form, many rows at once, answers given again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from services.plugins.contract import BANGKOK, Call, StoreTransaction

TURN: Final = time(16, 30)
"""Cover begins and ends at 16:30 in Bangkok."""
AHEAD: Final = timedelta(minutes=5)
"""How far a sender's clock may be before ours."""
ANSWERS_KEPT: Final = timedelta(days=40)
"""Longer than any call is made again (31 days)."""
ROWS_AT_ONCE: Final = 40
DIGITS: Final = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")


async def insert(
    tx: StoreTransaction, table: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], after: str = ""
) -> None:
    for at in range(0, len(rows), ROWS_AT_ONCE):
        values: dict[str, Any] = {}
        places = []
        for n, row in enumerate(rows[at : at + ROWS_AT_ONCE]):
            names = [f"v{n}_{m}" for m in range(len(columns))]
            values |= dict(zip(names, (row[column] for column in columns), strict=True))
            places.append("(" + ", ".join(f":{name}" for name in names) + ")")
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(places)}{after}"  # noqa: S608 - our own names
        await tx.execute(sql, values)


async def answered(tx: StoreTransaction, call: Call) -> dict[str, Any] | None:
    rows = await tx.fetch("SELECT answer FROM taken_call WHERE key = :key", {"key": _key(call)})
    return json.loads(rows[0]["answer"]) if rows else None


async def remember(
    tx: StoreTransaction,
    call: Call,
    rejected: Iterable[Any],
    now: datetime,
    told: Iterable[Any] = (),
    awards: Iterable[Any] = (),
    notices: Iterable[Any] = (),
) -> dict[str, Any]:
    """`awards` and `notices` without the national IDs in them, which are kept nowhere."""
    answer = {"rejected": list(rejected), "told": list(told), "awards": list(awards), "notices": list(notices)}
    await tx.execute("DELETE FROM taken_call WHERE at < :before", {"before": instant(now - ANSWERS_KEPT)})
    await tx.execute(
        "INSERT INTO taken_call (key, answer, at) VALUES (:key, :answer, :at)",
        {"key": _key(call), "answer": json.dumps(answer), "at": instant(now)},
    )
    return answer


def rejected_of(place: int, code: str, path: str, other: str | None = None) -> dict[str, Any]:
    return {"record": place, "code": code, "path": path, "other": other}


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def instant_of_turn(day: str) -> str:
    """Of an ISO date."""
    return instant(datetime.combine(date.fromisoformat(day), TURN, BANGKOK))


def last_day(report: Mapping[str, Any]) -> str:
    """The day on which the cover that an insurer reports ends; of a cancelled policy without one, that of its start."""
    return str(report["end"] if report["status"] == "active" else report.get("cancelledOn", report["start"]))


def _key(call: Call) -> str:
    return f"{call.operation}/{call.key}"
