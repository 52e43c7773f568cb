from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from services.sandbox.folders import stand_ins
from services.sandbox.population.generator import generate
from services.sandbox.population.personas import PERSONAS

DAY = date(2026, 11, 16)
PAGE = Path(__file__).parents[3] / "docs" / "sandbox.md"


def test_the_page_names_every_persona() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [one.slug for one in PERSONAS if f"`{one.slug}`" not in text] == []


def test_the_page_tells_each_personas_number() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told: dict[str, str] = {}
    for line in lines:
        slugs, numbers = (re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:3])
        told |= zip(slugs, numbers, strict=False)
    assert {one.slug: told.get(one.slug) for one in PERSONAS} == {one.slug: one.national_id for one in PERSONAS}


def test_every_answer_says_what_it_holds() -> None:
    silent = [
        f"/{slug}/{path}"
        for slug, one in stand_ins().items()
        for path, answer in one.sandbox.answers.items()
        if not answer.__doc__
    ]
    assert silent == []


def test_the_stand_in_of_the_page_works_as_it_stands() -> None:
    [snippet] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module: dict[str, Any] = {}
    exec(compile(snippet, "sandbox.md", "exec"), module)  # noqa: S102 - our own page
    [table] = module["SANDBOX"].tables
    homes = list(generate(20, 1, DAY).households())
    rows = [row for home in homes for row in table.rows_of(home, DAY)]
    assert 0 < len(rows) <= len(homes)
    assert all(len(row) == table.width for row in rows)
