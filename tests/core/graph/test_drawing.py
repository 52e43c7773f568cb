"""QR codes in one request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.errors import BadInput
from core.graph.drawing import QR_CODES_MAX, drawn


async def test_as_many_are_drawn_in_one_request_as_it_says_and_no_more() -> None:
    async def draw() -> str:
        return "drawn"

    memo: dict[Any, Any] = {}
    assert [await drawn(memo, key, draw) for key in range(QR_CODES_MAX)] == ["drawn"] * QR_CODES_MAX
    with pytest.raises(BadInput):
        await drawn(memo, QR_CODES_MAX, draw)
    assert await drawn(memo, 0, draw) == "drawn", "one that was drawn is told again"
    assert await drawn({}, QR_CODES_MAX, draw) == "drawn", "another request has codes of its own"


async def test_one_that_is_asked_for_under_many_names_is_drawn_once() -> None:
    times = 0

    async def draw() -> str:
        nonlocal times
        times += 1
        await asyncio.sleep(0)
        return str(times)

    memo: dict[Any, Any] = {}
    assert await asyncio.gather(*(drawn(memo, "one", draw) for _ in range(50))) == ["1"] * 50
