"""A described field, with a type that the checker follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry


def described(description: str) -> Callable[[Callable[..., Any]], Any]:
    """`strawberry.field` for a resolver that its name alone does not explain."""
    return strawberry.field(description=description)  # type: ignore[no-any-return]
