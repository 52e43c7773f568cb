"""Figures as people read them: the median of the rounds, their spread, and how often the floor fits in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final

from bench.load import Outcome

MEASURES: Final[Mapping[str, Callable[[Outcome], float]]] = {
    "CPU ms/request": lambda outcome: outcome.cpu_ms,
    "p50 ms": lambda outcome: outcome.p50_ms,
    "p99 ms": lambda outcome: outcome.p99_ms,
    "requests/s": lambda outcome: outcome.requests_per_second,
}


def table(connections: int, outcomes: Mapping[str, Sequence[Outcome]], floor: str) -> list[str]:
    """Lines of one table: a row per system, each cell `median (least–most)` and the ratio to the floor's median."""
    width, names = 31, max(14, *map(len, outcomes))
    lines = [
        f"concurrency {connections}",
        f"  {'':<{names}}" + "".join(f"{name:>{width}}" for name in MEASURES),
    ]
    for system, rounds in outcomes.items():
        cells = []
        for read in MEASURES.values():
            figures = [read(outcome) for outcome in rounds]
            ratio = "" if system == floor else f"  ×{_short(median(figures) / _floor(read, outcomes[floor]))}"
            cells.append(f"{_short(median(figures))} ({_short(min(figures))}–{_short(max(figures))}){ratio}")
        lines.append(f"  {system:<{names}}" + "".join(f"{cell:>{width}}" for cell in cells))
        for helper in rounds[0].helpers_ms:
            figures = [outcome.helpers_ms[helper] for outcome in rounds]
            spread = f"{_short(median(figures))} ({_short(min(figures))}–{_short(max(figures))})"
            lines.append(f"    + {helper:<{names - 4}}{spread:>{width}}")
    return lines


def _floor(read: Callable[[Outcome], float], rounds: Sequence[Outcome]) -> float:
    return max(median(map(read, rounds)), 1e-6)  # few requests can be less than a tick of the CPU's clock


def _short(figure: float) -> str:
    """Three figures, no exponent."""
    if figure >= 100:
        return f"{figure:.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}" if figure >= 1 else f"{figure:.3f}"
