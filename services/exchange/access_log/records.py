"""Records of the access log as whoever holds their subject's key reads them; how they are kept, `sealing.py` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """A decision of the gate about one subject, committed before anything is read."""

    subject: UUID
    """Whom the facts are about."""
    id: UUID
    """A UUID version 7: entries sort by it in the order of their making."""
    at: datetime
    asker_kind: str
    asker_id: str
    """Never shown to a subject other than the asker."""
    asker_agency: str | None
    asker_label: Mapping[str, str]
    """`{"th": …, "en": …}`: the asker as the subject sees it."""
    request: UUID | None
    caused_by: UUID | None
    """The entry about another person that made this look necessary (a household's total). Never shown."""
    purpose: str
    basis: str
    consent: UUID | None
    """The consent it rests on, where that is the basis."""
    agreements: list[str] | None = None
    """Between the agencies, that it rests on: `<id>:<version>` each, sorted. None in what is older than version 3."""
    attributes: list[str]
    """Attribute ids, or one `<agency>:<operation>`; sorted."""
    decision: str
    reason: str | None
    """Why it was denied, a stable code."""
    salt: bytes
    """32 random bytes: the entry's commitment cannot be guessed from its contents."""
    blind: bytes = b""
    """32 random bytes under which what the subject may not see is hidden; never told. Empty in version 1."""
    disclosed_from: datetime | None = None
    """When the subject may learn of it; None: at once."""
    settled: str | None = None
    """The state in which every one of the attributes was answered, if that was known when the decision was made: nobody
    outside had to be asked. None where what came of it has records of its own, or nothing came of it."""

    @property
    def outcome(self) -> AccessOutcome | None:
        """What came of a decision that was settled at once, as a record of its own would tell it."""
        if self.settled is None:
            return None
        return AccessOutcome(
            subject=self.subject,
            entry=self.id,
            id=self.id,
            at=self.at,
            purpose=self.purpose,
            states=dict.fromkeys(self.attributes, self.settled),
            errors={},
            salt=self.salt,
            disclosed_from=self.disclosed_from,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOutcome:
    """What followed a decision; of one that was settled at once, what stands in the decision's own record.

    An entry of a citizen's own request may take several: the batches of one request share the entry. A batch that asks
    for more than the entry names first appends a record of `ASKED`, before it reads.
    """

    subject: UUID
    entry: UUID
    id: UUID
    at: datetime
    purpose: str
    """Of this batch; a request that looks for two purposes has both here."""
    states: Mapping[str, str]
    """By attribute: `ASKED`, or the state of the fact that was answered."""
    errors: Mapping[str, str]
    """By attribute, a stable code of what went wrong; only those that went wrong."""
    salt: bytes
    disclosed_from: datetime | None = None
    """That of its entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prolongation:
    """That the subject is to learn of a decision later than its class says: asked for, or approved by a second officer.

    Only one that is approved has an effect: none of the decision's records is shown before its `disclosed_from`.
    """

    subject: UUID
    entry: UUID
    id: UUID
    at: datetime
    step: str
    """`ASKED` or `APPROVED`."""
    until: datetime
    law: str
    """By which law, in the officer's words; told to the subject with the decision."""
    agency: str
    officer: str
    """Person id, 32 hex digits. Never shown."""
    salt: bytes
    blind: bytes
    disclosed_from: datetime | None
    """Of an approved one `until`; else that of its entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedRecord:
    """A record whose subject's key was destroyed: that it was made, and when, is all that can be known of it.

    The same is told of a record whose seal was broken: `sitthi log verify --contents` tells the two apart.
    """

    subject: UUID
    id: UUID
    entry: UUID
    at: datetime
    disclosed_from: datetime | None


Record: TypeAlias = AccessEntry | AccessOutcome | Prolongation
