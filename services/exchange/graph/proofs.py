"""Proofs of the access log, for the citizen to check without us (docs/access-log.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import strawberry

from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.graph import Access, Info, field
from services.exchange.access_log.disclosure import HOUSEHOLD, disclosure_classes
from services.exchange.access_log.households import disclosed_from, month_of
from services.exchange.access_log.proofs import Inclusion, TreeReader
from services.exchange.access_log.repository import AccessLogReader, Evidence

LogNumber = NewType("LogNumber", int)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a place in the log is a whole number")
    return value


LOG_NUMBER_SCALAR = strawberry.scalar(
    name="LogNumber",
    description="A whole number that may be larger than an `Int`: up to 2^53, a JSON number without a fraction.",
    serialize=_whole,
    parse_value=_whole,
)


@strawberry.enum(
    description="Whether a record's place in the log's tree can be shown: now; not yet, for about a second; or later, "
    "from `availableFrom` on, because the place would tell when somebody else in the household did something."
)
class ProofState(StrEnum):
    PROVED = "PROVED"
    NOT_YET = "NOT_YET"
    LATER = "LATER"


@strawberry.type(
    description="A record as it was committed to. Its leaf is SHA-256(0x00 ‖ id ‖ time ‖ SHA-256(salt ‖ document))."
)
class LogRecord:
    id: str = strawberry.field(description="16 bytes in hexadecimal digits.")
    time: LogNumber = strawberry.field(description="Microseconds since 1970; 8 bytes in the leaf, big-endian.")
    salt: str = strawberry.field(description="32 bytes in hexadecimal digits.")
    document: str = strawberry.field(description="JSON (RFC 8785), as it was committed to; UTF-8 in the leaf.")


@strawberry.type(description="That a leaf stands in the log's tree (RFC 9162 §2.1.3).")
class LogInclusion:
    leaf_index: LogNumber = strawberry.field(description="From 0.")
    tree_size: LogNumber
    path: list[str] = strawberry.field(description="Hashes in hexadecimal digits, from the leaf to the root.")
    head: str = strawberry.field(description="The tree's signed head: a JWS over `size` and `root`.")


@strawberry.type(description="What shows that a record of the citizen stands in the log.")
class LogProof:
    state: ProofState
    record: LogRecord | None
    inclusion: LogInclusion | None = strawberry.field(description="Null unless the state is PROVED.")
    available_from: datetime | None = strawberry.field(description="Of the state LATER: when it can be shown.")


@strawberry.type(description="The log's tree at a moment.")
class LogHead:
    size: LogNumber
    root: str = strawberry.field(description="In hexadecimal digits.")
    at: datetime
    signed: str = strawberry.field(description="A JWS (RFC 7515) over it. Who keeps it can tell a changed log.")


@strawberry.type(description="That a tree of the log begins with all of an earlier one (RFC 9162 §2.1.4).")
class LogConsistency:
    path: list[str] = strawberry.field(description="Hashes in hexadecimal digits.")


@strawberry.type
class LogQuery:
    @field(Access.PUBLIC, description="The newest signed head of the access log; null before its first record.")
    async def log_head(self, info: Info) -> LogHead | None:
        found = await TreeReader(info.context.db).head()
        if found is None:
            return None
        return LogHead(size=LogNumber(found.size), root=found.root.hex(), at=found.at, signed=found.signed)

    @field(Access.PUBLIC, description="Proves that the log of `to` records begins with that of `from` records.")
    async def log_consistency(
        self, info: Info, from_: Annotated[LogNumber, strawberry.argument(name="from")], to: LogNumber
    ) -> LogConsistency | None:
        found = await TreeReader(info.context.db).consistency(from_, to)
        return LogConsistency(path=[one.hex() for one in found.path])


async def proofs(info: Info, subject: UUID, entry: UUID) -> Sequence[LogProof]:
    """Of all records behind an entry that is shown."""
    month = month_of(entry)
    if month is not None:
        shown_from = disclosed_from(month) + disclosure_classes()[HOUSEHOLD].proof_after
        if info.context.clock.now() < shown_from:
            return [LogProof(state=ProofState.LATER, record=None, inclusion=None, available_from=shown_from)]

    async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Sequence[LogProof]]:
        now = info.context.clock.now()
        found: dict[tuple[UUID, UUID], Sequence[Evidence]] = {}
        async with info.context.db.read() as session:
            log = AccessLogReader(session, SubjectKeys(info.context.room(KeyRing)))
            for one in {of for of, _ in keys}:
                told = await log.evidence(one, [key for of, key in keys if of == one], at=now)
                found |= {(one, key): records for key, records in told.items()}
        places = await TreeReader(info.context.db).inclusions([e.id for records in found.values() for e in records])
        return [[_proof(one, places.get(one.id)) for one in found.get(key, ())] for key in keys]

    loaded: Sequence[LogProof] = await info.context.loader("exchange.proofs", batch).load((subject, entry))
    return loaded


def _proof(evidence: Evidence, place: Inclusion | None) -> LogProof:
    record = LogRecord(
        id=evidence.id.hex,
        time=LogNumber((evidence.at - _EPOCH) // _MICROSECOND),
        salt=evidence.salt.hex(),
        document=evidence.canonical.decode(),
    )
    if place is None:
        return LogProof(state=ProofState.NOT_YET, record=record, inclusion=None, available_from=None)
    inclusion = LogInclusion(
        leaf_index=LogNumber(place.index),
        tree_size=LogNumber(place.head.size),
        path=[one.hex() for one in place.path],
        head=place.head.signed,
    )
    return LogProof(state=ProofState.PROVED, record=record, inclusion=inclusion, available_from=None)
