"""The room, and the way in that stores first."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias
from uuid import UUID

import pytest

from core.idempotency import Claim
from services.apply.acceptance.kind import Accepted
from services.apply.acceptance.service import Acceptance
from tests.services.apply.conftest import PROGRAMME, Room, accepting

Accept: TypeAlias = Callable[..., Coroutine[Any, Any, Accepted | None]]


def claim_of(person: UUID, key: str = "key-00000001") -> Claim:
    return Claim(person, "test-app", "apply", key, b"h" * 32)


@pytest.fixture
def acceptance(room: Room) -> Acceptance:
    return accepting(room)


@pytest.fixture
def accept(acceptance: Acceptance) -> Accept:
    async def one(person: UUID, key: str = "key-00000001", answers: object = None) -> Accepted | None:
        return await acceptance.accept(claim_of(person, key), PROGRAMME, answers, asked=True)

    return one
