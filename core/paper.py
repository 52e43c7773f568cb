"""Papers: PDFs made by typst, which shapes and breaks Thai rightly, with the tags that screen readers need.

What is said comes in as JSON and is never markup. The font is Sarabun, the font of the state's documents, which set-up
puts into web/vendor with its licence (SIL OFL 1.1); without it, another Thai font of the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import orjson

Standard: TypeAlias = Literal["a-2a", "a-3a"]
"""Typst's names of what is tagged and kept for ever: PDF/A-2a, and PDF/A-3a, which may hold other files."""
FONTS: Final = Path(__file__).parents[1] / "web" / "vendor"
"""Where set-up puts Sarabun (web/ide.json)."""
THAI_FAMILIES: Final = ("Sarabun", "TH Sarabun New", "Laksaman", "Noto Sans Thai", "Garuda", "Loma", "Waree")
"""The first of them that is there is used."""


@cache
def font_families() -> tuple[str, ...]:
    """Thai fonts that are there, the best first; empty when a PDF would show boxes."""
    import typst  # noqa: PLC0415 - a large library, needed by few

    found = set(typst.Fonts(font_paths=_paths()).families())
    return tuple(name for name in THAI_FAMILIES if name in found)


async def printed(source: bytes, data: Mapping[str, Any], made_at: datetime, *, standard: Standard) -> bytes:
    """The PDF of a typst document whose `sys.inputs.data` is `data` as JSON."""
    inputs = {"data": orjson.dumps(data).decode()}
    return await asyncio.to_thread(compiled, source, inputs, made_at, standard=standard)


def _paths() -> list[Path]:
    return [FONTS] if FONTS.is_dir() else []


def compiled(
    source: bytes, inputs: Mapping[str, str], made_at: datetime, *, standard: Standard, root: Path | None = None
) -> bytes:
    """The PDF of a typst document. It takes a core for a moment: call it in a thread. A document that comes with a
    `root` may read what lies in that folder."""
    import typst  # noqa: PLC0415 - as above

    where: Any = root  # its types say that the two are of one type, and it takes a path beside a text
    made = typst.compile(
        source,
        format="pdf",
        root=where,
        font_paths=typst.Fonts(font_paths=_paths()),
        sys_inputs=dict(inputs),
        pdf_standards=standard,
        timestamp=int(made_at.timestamp()),
    )
    assert isinstance(made, bytes), "one document"
    return made
