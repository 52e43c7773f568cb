"""The canonical form of the log's records, and their commitments.

leaf = SHA-256(0x00 ‖ id ‖ time ‖ C) with C = SHA-256(salt ‖ canonical form): a leaf after RFC 9162 §2.1.1 that tells
nothing of what it commits to. `time` is microseconds since 1970 in 8 bytes, big-endian; `id` is the UUID's 16 bytes.

The canonical form is JSON after RFC 8785: keys sorted, no spaces, UTF-8 as it is. All values are text, null, lists or
mappings of text. What a subject may not see (who exactly asked, which entry about another person was the cause) stands
in it as SHA-256(HMAC-SHA-256(blind, field name) ‖ value), so that the subject can check the whole without learning it.
The subject is told the salt and never the blind: with it, a name could be found by trying. (Version 2 did not say on
which agreements it rests. Version 1 had no blind and used the salt, and did not say from when on the entry is shown.)
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from services.exchange.access_log.records import AccessEntry, AccessOutcome, Prolongation, Record

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
VERSION: Final = "3"
SETTLED: Final = "4"
"""Of a decision that also says in which state all its attributes were answered."""
WITHOUT_AGREEMENTS: Final = "2"
FORMER: Final = "1"
SALT_BYTES: Final = 32
BLIND_BYTES: Final = 32


def canonical_entry(entry: AccessEntry) -> bytes:
    blind = entry.blind or entry.salt
    shown_from = {"disclosed_from": entry.disclosed_from.isoformat() if entry.disclosed_from else None}
    rests_on = {"agreements": entry.agreements} if entry.agreements is not None else {}
    version = VERSION if rests_on else WITHOUT_AGREEMENTS if entry.blind else FORMER
    settled = {"v": SETTLED, "settled": entry.settled} if entry.settled is not None else {}
    return _json(
        {
            "v": version,
            **(shown_from if entry.blind else {}),
            **rests_on,
            "kind": "entry",
            "subject": entry.subject.hex,
            "asker": {
                "kind": entry.asker_kind,
                "id": hidden(blind, "asker.id", entry.asker_id),
                "agency": entry.asker_agency,
                "label": entry.asker_label,
            },
            "request": _hex(entry.request),
            "caused_by": hidden(blind, "caused_by", entry.caused_by.hex) if entry.caused_by else None,
            "purpose": entry.purpose,
            "basis": entry.basis,
            "consent": _hex(entry.consent),
            "attributes": entry.attributes,
            "decision": entry.decision,
            "reason": entry.reason,
            **settled,
        }
    )


def canonical_outcome(outcome: AccessOutcome) -> bytes:
    return _json(
        {
            "v": FORMER,  # nothing is hidden in it, and it is shown with its decision
            "kind": "outcome",
            "subject": outcome.subject.hex,
            "entry": outcome.entry.hex,
            "purpose": outcome.purpose,
            "states": outcome.states,
            "errors": outcome.errors,
        }
    )


def canonical_prolongation(record: Prolongation) -> bytes:
    return _json(
        {
            "v": FORMER,
            "kind": "prolongation",
            "subject": record.subject.hex,
            "entry": record.entry.hex,
            "step": record.step,
            "until": record.until.isoformat(),
            "law": record.law,
            "agency": record.agency,
            "officer": hidden(record.blind, "officer", record.officer),
        }
    )


def canonical(record: Record) -> bytes:
    if isinstance(record, Prolongation):
        return canonical_prolongation(record)
    return canonical_entry(record) if isinstance(record, AccessEntry) else canonical_outcome(record)


def commitment(salt: bytes, canonical_form: bytes) -> bytes:
    """32 bytes: C."""
    return hashlib.sha256(salt + canonical_form).digest()


def leaf_hash(record: UUID, at: datetime, committed: bytes) -> bytes:
    """32 bytes: what stands in the tree for a record, from what anyone may know of it."""
    return hashlib.sha256(b"\x00" + record.bytes + _time(at) + committed).digest()


def leaf(record: Record) -> bytes:
    """The same, from the record itself."""
    return leaf_hash(record.id, record.at, commitment(record.salt, canonical(record)))


def hidden(blind: bytes, field: str, value: str) -> str:
    """A value that stays undisclosed, as 64 hex digits."""
    return hashlib.sha256(hmac.digest(blind, field.encode(), hashlib.sha256) + value.encode()).hexdigest()


def _time(at: datetime) -> bytes:
    return ((at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big")


def _hex(key: UUID | None) -> str | None:
    return key.hex if key else None


def _json(document: dict[str, Any]) -> bytes:
    # RFC 8785 sorts keys by UTF-16, orjson by UTF-8: the same for the ASCII keys used here.
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
