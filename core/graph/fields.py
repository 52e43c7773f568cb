"""Fields that declare who may use them: of the roots, and of `Citizen`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry

from core.assurance import Demand
from core.graph.context import Access
from core.graph.rights import Delegate, rights


def field(
    access: Access, *, delegate: Delegate | None = None, demand: Demand | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """A root field that declares who may call it.

    `delegate`: what who acts for a citizen may do with it; as anybody may with what is public, else nothing.

    `demand`: how sure the sign-in must be.
    """
    if delegate is None:
        delegate = Delegate.AS_ANYONE if access is Access.PUBLIC else Delegate.NOTHING
    return strawberry.field(metadata={"access": access, **rights(delegate, demand)}, **options)  # type: ignore[no-any-return]


def citizen_field(
    delegate: Delegate, *, demand: Demand | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """A field of `Citizen`, which says what who acts for the citizen may do with it."""
    return strawberry.field(metadata=rights(delegate, demand), **options)  # type: ignore[no-any-return]
