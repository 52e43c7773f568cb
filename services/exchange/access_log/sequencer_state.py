"""What the sequencer remembers from one round to the next, and what a round takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from services.exchange.access_log.canonical import leaf_hash
from services.exchange.access_log.growing import Grown, grown
from services.exchange.access_log.merkle import Tile


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
    """A record to be given its place."""

    subject: UUID
    id: UUID
    at: datetime
    commitment: bytes
    epoch: int
    xid: int


class Head(NamedTuple):
    """A tree head that is to be stored."""

    size: int
    at: datetime
    root: bytes
    signed: str


class Sign(Protocol):
    """Makes the head of a tree. It may use the database, but not wait for whoever writes."""

    async def __call__(self, size: int, root: bytes) -> Head: ...


def appended(state: State, edge: Mapping[Tile, bytes], taken: Sequence[Taken]) -> Grown:
    """The tree with the records in it, in their order."""
    return grown(state.size, edge, [leaf_hash(one.id, one.at, one.commitment) for one in taken])


def after(state: State, size: int, taken: Sequence[Taken], limit: int) -> State:
    """Where a round leaves the sequencer that took these of at most `limit`."""
    if state.backlog:
        return replace(state, size=size, backlog=len(taken) == limit)
    if len(taken) == limit:
        return replace(state, size=size, cursor=(taken[-1].xid, taken[-1].id))
    return replace(state, size=size, snapshot=state.target or state.snapshot, target=None, cursor=None)
