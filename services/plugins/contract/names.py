"""How the parts of a plugin are called after each other."""

from __future__ import annotations

import re


def function_name(operation: str) -> str:
    """The function of an operation: `ageLimit` → `age_limit`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", operation).lower()
