"""Two compulsory policies on one vehicle for the same minutes: both are taken, and whoever reports is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from services.plugins.contract import BANGKOK, StoreTransaction

COMPULSORY: Final = "compulsory"
NAMED_MAX: Final = 5
_AT_ONCE: Final = 100
_ROWS_MAX: Final = 2_000
"""Of so many vehicles: a chassis number that a thousand policies bear is nobody's vehicle."""


async def overlaps(
    tx: StoreTransaction, rows: Mapping[int, Mapping[str, Any]], *, numbers: bool
) -> list[dict[str, Any]]:
    """What is told of those of these rows, by the place of their record, that others overlap; they are kept already.

    Whose the other is and for which days; its number (`numbers`) only to the office, which knows it.
    """
    covering = {place: row for place, row in rows.items() if row["class"] == COMPULSORY and _covers(row)}
    on = await _on(tx, sorted({row["chassis"] for row in covering.values()}))
    told = []
    for place, row in sorted(covering.items()):
        others = [
            other
            for other in on[row["chassis"]]
            if (other["insurer"], other["number"]) != (row["insurer"], row["number"])
            and other["start_at"] < row["until_at"]
            and row["start_at"] < other["until_at"]
        ]
        if others:
            named = [_named(other, numbers=numbers) for other in others[:NAMED_MAX]]
            told.append({"record": place, "answer": {"overlaps": named, "more": len(others) > NAMED_MAX}})
    return told


async def _on(tx: StoreTransaction, vehicles: Sequence[str]) -> Mapping[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for at in range(0, len(vehicles), _AT_ONCE):
        values: dict[str, Any] = {f"c{n}": chassis for n, chassis in enumerate(vehicles[at : at + _AT_ONCE])}
        sql = (
            "SELECT insurer, number, chassis, start_at, until_at FROM policy "  # noqa: S608 - names of values
            f"WHERE chassis IN ({', '.join(f':{name}' for name in values)}) AND class = '{COMPULSORY}' "
            f"AND until_at > start_at ORDER BY chassis, start_at, insurer, number LIMIT {_ROWS_MAX}"
        )
        for row in await tx.fetch(sql, values):
            found[row["chassis"]].append(row)
    return found


def _covers(row: Mapping[str, Any]) -> bool:
    return bool(row["start_at"] < row["until_at"])


def _named(row: Mapping[str, Any], *, numbers: bool) -> dict[str, Any]:
    told = {"insurer": row["insurer"], "start": _day(row["start_at"]), "end": _day(row["until_at"])}
    return {**told, "number": row["number"]} if numbers else told


def _day(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(BANGKOK).date()}"
