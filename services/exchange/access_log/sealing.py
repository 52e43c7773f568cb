"""How a record is kept: its commitment in clear, its content under the key of the person it is about.

What is sealed: 32 bytes of salt, the length of the canonical form (4 bytes, big-endian), the canonical form, and, of
a decision, the values that the canonical form hides, and under what (JSON). Who holds the key can show the subject all
but the last. Spaces fill it up to a size that nearly all have, so that its length tells of no purpose or decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from core.envelope import DataKey
from core.sealed import binding_of, bound_to
from services.exchange.access_log.canonical import SALT_BYTES, canonical, commitment
from services.exchange.access_log.models import AccessRecord
from services.exchange.access_log.records import AccessEntry, AccessOutcome, Prolongation, Record

_LENGTH_BYTES: Final = 4
_LABEL: Final = binding_of(AccessRecord.payload_sealed).label
_CANONICAL_FROM: Final = SALT_BYTES + _LENGTH_BYTES
SIZE_MIN: Final = 1024
"""Bytes that are sealed of a record at least; what is longer has twice, four times as many, and so on."""


class Prepared(NamedTuple):
    """A record whose form is settled; only its seal is missing."""

    subject: UUID
    id: UUID
    entry: UUID
    at: datetime
    commitment: bytes
    plain: bytes
    disclosed_from: datetime | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a payload holds: the record's canonical form, its salt, and the record itself."""

    canonical: bytes
    salt: bytes
    record: Record


def prepared(record: Record) -> Prepared:
    """Raises TypeError for a record that has no canonical form (text that is not Unicode)."""
    form = canonical(record)
    plain = record.salt + len(form).to_bytes(_LENGTH_BYTES, "big") + form
    entry = record.id
    if isinstance(record, AccessEntry):
        caused_by = record.caused_by.hex if record.caused_by else None
        plain += orjson.dumps([record.asker_id, caused_by, record.blind.hex()])
    else:
        entry = record.entry
    if isinstance(record, Prolongation):
        plain += orjson.dumps([record.officer, record.blind.hex()])
    return Prepared(
        record.subject,
        record.id,
        entry,
        record.at,
        commitment(record.salt, form),
        _filled_up(plain),
        record.disclosed_from,
    )


def _filled_up(plain: bytes) -> bytes:
    size = SIZE_MIN
    while size < len(plain):
        size *= 2
    return plain.ljust(size)


def sealed_payload(record: Prepared, key: DataKey) -> bytes:
    # The words of `binding`, without looking them up each time: the hottest path of the log.
    return key.seal(record.plain, bound_to=f"{_LABEL}:{record.subject.hex}:{record.id.hex}")


def binding(subject: UUID, record: UUID) -> str:
    """What a payload is bound to."""
    return bound_to(AccessRecord.payload_sealed, subject, record)


def opened(row: Any, key: DataKey) -> Opened:
    """The content of a row of `access_record`. Raises :class:`core.crypto.SealBroken`."""
    plain = key.open(row.payload_sealed, bound_to=binding(row.subject, row.id))
    end = _CANONICAL_FROM + int.from_bytes(plain[SALT_BYTES:_CANONICAL_FROM], "big")
    salt, form = plain[:SALT_BYTES], plain[_CANONICAL_FROM:end]
    document = orjson.loads(form)
    if document["kind"] == "outcome":
        return Opened(form, salt, _outcome(row, document, salt))
    if document["kind"] == "prolongation":
        return Opened(form, salt, _prolongation(row, document, salt, *orjson.loads(plain[end:])))
    return Opened(form, salt, _entry(row, document, salt, *orjson.loads(plain[end:])))


def _entry(
    row: Any, document: dict[str, Any], salt: bytes, asker_id: str, caused_by: str | None, blind: str = ""
) -> AccessEntry:
    asker = document["asker"]
    return AccessEntry(
        subject=row.subject,
        id=row.id,
        at=row.at,
        asker_kind=asker["kind"],
        asker_id=asker_id,
        asker_agency=asker["agency"],
        asker_label=asker["label"],
        request=_key(document["request"]),
        caused_by=_key(caused_by),
        purpose=document["purpose"],
        basis=document["basis"],
        consent=_key(document["consent"]),
        agreements=document.get("agreements"),
        attributes=document["attributes"],
        decision=document["decision"],
        reason=document["reason"],
        settled=document.get("settled"),
        salt=salt,
        blind=bytes.fromhex(blind),
        disclosed_from=row.disclosed_from,
    )


def _outcome(row: Any, document: dict[str, Any], salt: bytes) -> AccessOutcome:
    return AccessOutcome(
        subject=row.subject,
        entry=row.entry,
        id=row.id,
        at=row.at,
        purpose=document["purpose"],
        states=document["states"],
        errors=document["errors"],
        salt=salt,
        disclosed_from=row.disclosed_from,
    )


def _prolongation(row: Any, document: dict[str, Any], salt: bytes, officer: str, blind: str) -> Prolongation:
    return Prolongation(
        subject=row.subject,
        entry=row.entry,
        id=row.id,
        at=row.at,
        step=document["step"],
        until=datetime.fromisoformat(document["until"]),
        law=document["law"],
        agency=document["agency"],
        officer=officer,
        salt=salt,
        blind=bytes.fromhex(blind),
        disclosed_from=row.disclosed_from,
    )


def _key(text: str | None) -> UUID | None:
    return UUID(hex=text) if text is not None else None
