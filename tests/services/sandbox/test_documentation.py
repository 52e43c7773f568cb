from __future__ import annotations

from pathlib import Path

from services.sandbox.folders import stand_ins
from services.sandbox.population.personas import PERSONAS

PAGE = Path(__file__).parents[3] / "docs" / "sandbox.md"


def test_the_page_names_every_persona_and_every_path() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [one.slug for one in PERSONAS if f"`{one.slug}`" not in text]
    missing += [
        f"/{slug}/{path}"
        for slug, one in stand_ins().items()
        for path in one.sandbox.answers
        if f"`/{slug}/{path}`" not in text
    ]
    assert missing == []
