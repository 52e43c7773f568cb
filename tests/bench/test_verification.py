"""Believing a token is measured as it is done: what should be refused is refused in the measured room too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.verification import AGAIN, AGAIN_PROVEN, FIRST, FIRST_PROVEN, RAW, Bench, lines, measure, opened
from identity.provider.dpop import InvalidDPoPProof
from identity.provider.errors import TokenInvalid


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path, None) as room:
        yield room


async def test_each_way_of_believing_a_token_is_measured(room: Bench) -> None:
    found = await measure(room, firsts=3, agains=10)
    assert list(found) == [RAW, FIRST, AGAIN, FIRST_PROVEN, AGAIN_PROVEN]
    assert all(microseconds >= 0 for microseconds in found.values())


async def test_the_measured_room_refuses_what_it_should(room: Bench) -> None:
    token, other = room.token(bound=True), room.token(bound=True)
    proof = room.proof(token)
    await room.proven(token, proof)
    with pytest.raises(InvalidDPoPProof):
        await room.proven(token, proof)
    with pytest.raises(InvalidDPoPProof):
        await room.proven(other, room.proof(token))
    with pytest.raises(TokenInvalid):
        await room.identity.verifier.verify(token)
    with pytest.raises(TokenInvalid):
        await room.identity.verifier.verify(room.token(bound=False)[:-4] + "AAAA")


def test_a_line_has_the_median_the_spread_and_the_ratio_to_the_floor() -> None:
    [_, line] = lines({RAW: [50.0, 70.0, 60.0], AGAIN: [0.6, 0.6, 0.9]})
    assert "0.60 (0.60–0.90)  ×0.010" in line
