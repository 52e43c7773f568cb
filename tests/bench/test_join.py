"""The table of joining. The way itself is walked, word for word, by tests/services/plugins/test_join_docs.py."""

from __future__ import annotations

from bench.join import AFTER_PLATFORM, PARTS, SUMS, TOTAL, _table


def test_each_part_stands_in_a_row_with_its_median_and_spread_for_each_footing() -> None:
    seconds = {part: [float(place), 3.0 + place, 1.0 + place] for place, part in enumerate((*PARTS, *SUMS))}
    header, *rows = _table({"sqlite": seconds, "postgresql": {**seconds, TOTAL: [2.04, 1.0, 9.06]}})
    assert header.split() == ["sqlite", "postgresql"]
    assert [row[2 : row.index("  ", 2)] for row in rows] == [*PARTS, *SUMS]
    told = dict(zip((*PARTS, *SUMS), rows, strict=True))
    assert told[PARTS[0]].split("  ")[-1].strip() == "1.0 (0.0–3.0)"
    assert told[TOTAL].endswith("2.0 (1.0–9.1)")
    assert told[AFTER_PLATFORM].count("11.0 (10.0–13.0)") == 2
