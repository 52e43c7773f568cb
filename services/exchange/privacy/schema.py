"""What an export looks like: a JSON Schema (draft 2020-12), published and versioned."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def export_schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files(__package__) / "data" / "export.schema.json").read_text("utf-8"))
    return found
