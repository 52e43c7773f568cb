"""docs/sandbox-agencies.md: the stand-ins of agencies, as their folders bring them."""

from __future__ import annotations

import inspect

from services.sandbox.folders import stand_ins

HEAD = """# The agencies of the sandbox

Made by `sitthi reference` from `services/agencies/*/sandbox.py`. How to ask: [the sandbox](sandbox.md#the-agencies).

| path | agency | holds |
|---|---|---|
"""


def sandbox_page() -> str:
    rows = [
        f"| `/{slug}/{path}` | {one.title.en} | {' '.join((inspect.getdoc(answer) or '').split())} |"
        for slug, one in stand_ins().items()
        for path, answer in one.sandbox.answers.items()
    ]
    return HEAD + "\n".join(rows) + "\n"
