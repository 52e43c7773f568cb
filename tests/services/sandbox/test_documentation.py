from __future__ import annotations

from pathlib import Path

from services.sandbox.folders import stand_ins
from services.sandbox.population.personas import PERSONAS

PAGE = Path(__file__).parents[3] / "docs" / "sandbox.md"


def test_the_page_names_every_persona() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [one.slug for one in PERSONAS if f"`{one.slug}`" not in text] == []


def test_every_answer_says_what_it_holds() -> None:
    silent = [
        f"/{slug}/{path}"
        for slug, one in stand_ins().items()
        for path, answer in one.sandbox.answers.items()
        if not answer.__doc__
    ]
    assert silent == []
