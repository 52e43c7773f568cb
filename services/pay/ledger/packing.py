"""Transactions of two lines as PostgreSQL reads them fastest: the binary format of COPY, made in one pass.

A driver that is handed rows encodes field by field, which takes several times as long as the database takes to store
them. Every posting is of the same length, so here one call writes both lines of a transaction. The format is described
under COPY, "Binary Format", in PostgreSQL's documentation, and that of each field is its type's `send` function.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from services.pay.ledger.errors import KeyReused, Unbalanced
from services.pay.ledger.service import transaction_bytes

if TYPE_CHECKING:
    from services.pay.ledger.bulk import Booking

SATANG_MAX: Final = 2**63 - 1
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_END: Final = struct.pack(">h", -1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Of a `timestamptz`, in microseconds."""
_MICROSECOND: Final = timedelta(microseconds=1)
_LINE: Final = "hi16siii16siq"
"""Four fields, each after its length: transaction (uuid), line (int4), account (uuid), satang (int8)."""
_LINES: Final = struct.Struct(f">{_LINE}{_LINE}")
_HEAD: Final = struct.Struct(">hi16si")
"""Three fields, of which id (uuid) and the length of the key; the key itself and the moment follow."""
_MOMENT: Final = struct.Struct(">iq")
_AT_ONCE: Final = 2_000
"""Transactions whose rows are sent in one piece, a quarter of a megabyte."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows of some transactions, each once, in the order of their ids, in which an index takes them fastest."""

    bookings: Sequence[Booking]
    postings: Sequence[bytes]
    """Both lines of a transaction each."""
    heads: Sequence[bytes]

    def of_postings(self) -> AsyncIterator[bytes]:
        """A whole COPY of `transaction_id, line, account, satang`."""
        return _pieces(self.postings)

    def of_heads(self) -> AsyncIterator[bytes]:
        """A whole COPY of `id, key, booked_at`."""
        return _pieces(self.heads)


def once_each(bookings: Iterable[Booking]) -> dict[bytes, Booking]:
    """By the bytes of their ids, and in their order.

    Raises :class:`Unbalanced` for an amount that is not positive or beyond 64 bits, :class:`KeyReused` where two that
    have one key differ.
    """
    found: dict[bytes, Booking] = {}
    for one in bookings:
        if not 0 < one.satang <= SATANG_MAX:
            raise Unbalanced
        first = found.setdefault(transaction_bytes(one.key), one)
        if first is not one and first.moves != one.moves:
            raise KeyReused(key=one.key)
    return {key: found[key] for key in sorted(found)}


def packed(bookings: Iterable[Booking], accounts: Mapping[tuple[str, str], UUID]) -> Packed:
    """Raises what :func:`once_each` raises. It asks nobody, so that a thread can do it while the database works."""
    ordered = once_each(bookings)
    # What most rows have in common is looked up once for all of them.
    agency: str | None = None
    debit = credit = at = None
    from_account = to_account = moment = b""
    lines, head = _LINES.pack, _HEAD.pack
    postings, heads = [], []
    for key, one in ordered.items():
        if one.debit is not debit or one.credit is not credit or one.agency != agency:
            agency, debit, credit = one.agency, one.debit, one.credit
            to_account, from_account = accounts[agency, debit.code].bytes, accounts[agency, credit.code].bytes
        if one.at is not at:
            at, moment = one.at, _moment(one.at)
        satang, name = one.satang, one.key.encode()
        # fmt: off
        postings.append(lines(
            4, 16, key, 4, 1, 16, to_account, 8, satang,
            4, 16, key, 4, 2, 16, from_account, 8, -satang,
        ))
        # fmt: on
        heads.append(head(3, 16, key, len(name)) + name + moment)
    return Packed(list(ordered.values()), postings, heads)


def _moment(at: datetime) -> bytes:
    return _MOMENT.pack(8, (at - _EPOCH) // _MICROSECOND)


async def _pieces(rows: Sequence[bytes]) -> AsyncIterator[bytes]:
    yield _SIGNATURE
    for start in range(0, len(rows), _AT_ONCE):
        yield b"".join(rows[start : start + _AT_ONCE])
    yield _END
