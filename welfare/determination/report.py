"""An impact as its author reads it: as JSON, or as lines. Nothing is in it but what figures.py lets leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from welfare.determination.figures import SMALL, Cell, Figures, Rate, Told, table, told
from welfare.determination.impact import NOT_KNOWN, Impact, differs
from welfare.programmes import Version

WITHHELD: Final = f"withheld (a figure under {SMALL})"
_WORDS: Final[Mapping[Cell, str]] = {
    Cell.NEWLY: "gain: entitled, and not before",
    Cell.MORE: "gain: entitled to more",
    Cell.NO_LONGER: "lose: entitled no longer",
    Cell.LESS: "lose: entitled to less",
    Cell.MIXED: "more of one thing and less of another",
    Cell.SAME: "unchanged: entitled to the same",
    Cell.NEVER: "unchanged: not entitled",
    Cell.UNKNOWN: "unknown",
}
_RATES: Final[Mapping[Rate, str]] = {
    Rate.YEAR: "a year",
    Rate.ONCE: "paid once",
    Rate.DAY: "for each day of a claim",
}


@dataclass(frozen=True, slots=True)
class Report:
    """`before` and `after` are None where no law holds on the day. `provinces` names them by their codes."""

    programme: str
    on: date
    before: Version | None
    after: Version | None
    impact: Impact
    provinces: Mapping[str, str]

    def written(self) -> dict[str, Any]:
        """For JSON; sums are whole satang, null is withheld."""
        return {
            "programme": self.programme,
            "on": self.on.isoformat(),
            "inForce": _law(self.before),
            "toBe": _law(self.after),
            "forEach": (self.after or self._before).for_each.value,
            "smallFiguresUnder": SMALL,
            **_written(told(self.impact.whole)),
            "byAge": _rows(self.impact.by_age),
            "byProvince": _rows(self.impact.by_province),
            "toldOfNobody": list(self.impact.told_of_nobody),
        }

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        whole = told(self.impact.whole)
        yield f"{self.programme} on {self.on}, if everybody drew it who is entitled"
        yield f"  in force: {_named(self.before)}"
        yield f"  to be:    {_named(self.after)}"
        if not differs(self.before, self.after):
            yield "  They decide alike. What the file proposes is compared by --proposed, another day by --on."
        yield f"{_count(whole.people)} {'children' if self._for_children else 'people'}"
        yield from (f"  {_count(whole.cells[cell]):>16}  {_WORDS[cell]}" for cell in Cell)
        yield from _money(whole)
        yield "by age:"
        yield from _lines(self.impact.by_age, {})
        yield "by province:"
        yield from _lines(self.impact.by_province, self.provinces)
        if self.impact.told_of_nobody:
            yield f"Known of nobody here: {', '.join(self.impact.told_of_nobody)}."

    @property
    def _before(self) -> Version:
        assert self.before is not None, "one of the two is there"
        return self.before

    @property
    def _for_children(self) -> bool:
        return (self.after or self._before).for_each.value == "child"


def _law(version: Version | None) -> dict[str, Any] | None:
    if version is None:
        return None
    starts = None if version.starts is None else version.starts.isoformat()
    return {"from": starts, "status": version.status.value, "law": {"th": version.law.th, "en": version.law.en}}


def _named(version: Version | None) -> str:
    if version is None:
        return "nothing"
    return f"{version.law.en} ({version.status.value}, from {version.starts or 'a day not named'})"


def _written(found: Told) -> dict[str, Any]:
    money = {
        rate.value: {"before": found.before[rate], "after": found.after[rate]}
        for rate in Rate
        if found.before is not None and found.after is not None
    }
    return {
        "people": found.people,
        "counts": {cell.value: found.cells[cell] for cell in Cell},
        "satang": money or None,
    }


def _rows(rows: Mapping[str, Figures]) -> dict[str, Any] | None:
    found = table(rows)
    if found is None:
        return None
    shown = {label: _written(told(row)) for label, row in found.rows.items()}
    rest = None if found.rest is None else {"rows": found.rest_of} | _written(told(found.rest))
    return {"rows": shown, "rest": rest}


def _lines(rows: Mapping[str, Figures], names: Mapping[str, str]) -> Iterator[str]:
    found = table(rows)
    if found is None:
        yield f"  {WITHHELD}"
        return
    for label, row in found.rows.items():
        name = "not known" if label == NOT_KNOWN else names.get(label, label)
        yield f"  {name:>24}  {_short(told(row))}"
    if found.rest is not None:
        yield f"  {'the rest':>24}  {_short(told(found.rest))} ({found.rest_of} rows)"


def _short(found: Told) -> str:
    def several(*cells: Cell) -> str:
        counts = [found.cells[cell] for cell in cells]
        return _count(None if None in counts else sum(count for count in counts if count is not None))

    parts = [
        f"gain {several(Cell.NEWLY, Cell.MORE)}",
        f"lose {several(Cell.NO_LONGER, Cell.LESS)}",
        f"mixed {several(Cell.MIXED)}",
        f"unchanged {several(Cell.SAME, Cell.NEVER)}",
        f"unknown {several(Cell.UNKNOWN)}",
    ]
    return "  ".join([*parts, *(line.strip() for line in _money(found))])


def _money(found: Told) -> Iterator[str]:
    if found.before is None or found.after is None:
        yield f"  cost: {WITHHELD}"
        return
    for rate in Rate:
        old, new = found.before[rate], found.after[rate]
        if old or new or rate is Rate.YEAR:
            yield f"  satang {_RATES[rate]}: {old:,} → {new:,} ({new - old:+,})"


def _count(count: int | None) -> str:
    return "withheld" if count is None else f"{count:,}"
