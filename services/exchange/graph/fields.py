"""A described field, with a type that the checker follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry


def described(description: str | None = None, **metadata: Any) -> Callable[[Callable[..., Any]], Any]:
    """`strawberry.field` for a resolver that its name alone does not explain; `**rights(…)` says who may use it."""
    return strawberry.field(description=description, metadata=metadata)  # type: ignore[no-any-return]
