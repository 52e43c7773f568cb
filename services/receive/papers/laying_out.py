"""Lays a paper out: typst runs the plugin's template in a folder that holds nothing but the paper's own files.

What a template may read is that folder: typst reads no file outside its root. A template that names a package is
refused before, as typst would fetch it from the network.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from core.paper import compiled
from services.receive.papers.press import Press

_PACKAGE: Final = re.compile(r"@[a-z]+/")
_MAIN: Final = """#let host = json(bytes(sys.inputs.host))
#include "template.typ"
#for one in host.attached {
  pdf.attach(one.name, read(one.file, encoding: none), mime-type: one.type, relationship: one.relationship,
    description: one.description)
}
"""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file within the PDF (ISO 19005-3 §6.8)."""

    name: str
    media_type: str
    relationship: str
    description: str
    content: bytes


async def laid_out(
    template: str,
    data: Mapping[str, Any],
    host: Mapping[str, Any],
    enclosed: Sequence[Enclosed],
    at: datetime,
    press: Press | None = None,
) -> bytes:
    """The PDF/A-3a. A template finds `sys.inputs.data`, the plugin's, and `sys.inputs.host`, ours, both JSON.

    Without a press it is laid out in this process, which a template of somebody else's is not to be.

    Raises ValueError for a template that asks for a package, NotPrinted of a press, and else typst's own error for one
    that is wrong.
    """
    if _PACKAGE.search(template):
        raise ValueError("a template names a package of typst's, which would be fetched from the network")
    with tempfile.TemporaryDirectory(prefix="sitthi-paper-") as made:
        folder = Path(made)
        inputs = await asyncio.to_thread(_written, folder, template, data, host, enclosed)
        if press is not None:
            return await press.compiled(_MAIN.encode(), inputs, at, folder)
        return await asyncio.to_thread(compiled, _MAIN.encode(), inputs, at, standard="a-3a", root=folder)


def _written(
    folder: Path, template: str, data: Mapping[str, Any], host: Mapping[str, Any], enclosed: Sequence[Enclosed]
) -> dict[str, str]:
    """What typst is told beside the files that it finds in the folder."""
    (folder / "template.typ").write_text(template, encoding="utf-8")
    attached = []
    for place, one in enumerate(enclosed):
        (folder / f"{place}.bin").write_bytes(one.content)
        attached.append(
            {
                "name": one.name,
                "file": f"{place}.bin",
                "type": one.media_type,
                "relationship": one.relationship,
                "description": one.description,
            }
        )
    return {
        "data": orjson.dumps(data).decode(),
        "host": orjson.dumps({**host, "attached": attached}).decode(),
    }
