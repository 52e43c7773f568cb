"""What the sequencer remembers from one round to the next, and what a round takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Snapshot(NamedTuple):
    """Which transactions are over: all before `xmax` but those in `xip` (PostgreSQL's `pg_snapshot`)."""

    xmin: int
    xmax: int
    xip: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        xmin, xmax, xip = text.split(":")
        return cls(int(xmin), int(xmax), tuple(int(one) for one in xip.split(",") if one))

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, self.xip))}"


@dataclass(frozen=True, slots=True)
class State:
    """The row of `log_state`."""

    size: int
    epoch: int
    cluster: str
    snapshot: Snapshot
    target: Snapshot | None
    cursor: tuple[int, UUID] | None
    backlog: bool


class Taken(NamedTuple):
    """Records that get the next places, in their order."""

    leaves: Sequence[bytes]
    """Their hashes (`canonical.leaf_hash`)."""
    last: tuple[int, UUID] | None
    """Transaction and id of the last one; None when there is none."""


class Head(NamedTuple):
    """A tree head that is to be stored."""

    size: int
    at: datetime
    root: bytes
    signed: str


class Sign(Protocol):
    """Makes the head of a tree. It may use the database, but not wait for whoever writes."""

    async def __call__(self, size: int, root: bytes) -> Head: ...


def after(state: State, taken: Taken, limit: int) -> State:
    """Where a round leaves the sequencer that took these of at most `limit`."""
    count = len(taken.leaves)
    size = state.size + count
    if state.backlog:
        return replace(state, size=size, backlog=count == limit)
    if count == limit:
        return replace(state, size=size, cursor=taken.last)
    return replace(state, size=size, snapshot=state.target or state.snapshot, target=None, cursor=None)
