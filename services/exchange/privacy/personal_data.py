"""What this room itself holds of people, and which tables are nobody's (core/personal_data.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.crypto import KeyRing
from core.personal_data import Erased, Erasure, Fate, LegalBasis, Nobodys, PersonalData, Record, Rows, Store
from core.personal_rows import TableStore
from core.text import Text
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.states import COPY_UNDER_WAY, Kind, Status, Step

REQUESTS: Final = Store(
    name="privacy-requests",
    title=Text(th="คำขอใช้สิทธิเกี่ยวกับข้อมูลส่วนบุคคล", en="Requests about personal data"),
    description=Text(
        th="คำขอของท่านตามมาตรา 30 ถึง 34 สิ่งที่ทำ และไฟล์ที่เตรียมไว้ให้ดาวน์โหลดเจ็ดวัน",
        en="What you asked for under sections 30 to 34, what was done, and files prepared for you, kept for a week.",
    ),
    purpose=Text(th="ทำตามคำขอ และพิสูจน์ว่าทำแล้ว", en="To do what you ask, and to prove that it was done"),
    basis=LegalBasis.LEGAL_OBLIGATION,
    retention="privacy-requests",
    rows=(
        Rows("privacy_export", ("person",), Fate.DELETED, hidden=frozenset({"content_sealed"})),
        Rows("privacy_event", ("person",), Fate.UNNAMED, {"by": "the person, a job or an officer"}),
        Rows("legal_hold", (), Fate.UNNAMED, {"person": "whose data a law keeps", "officer": "an officer"}),
        Rows(
            "privacy_request",
            ("person",),
            Fate.BLANKED,
            hidden=frozenset({"leased_until", "failure"}),
            blank={"statement_sealed": None},
        ),
    ),
)

_KEYS: Final = Nobodys("keys of this machine")
_MONEY: Final = Nobodys("accounts of agencies; what was paid to whom is in `instalment`")
_TREE: Final = Nobodys("hashes of salted commitments, which lead to nobody")
_SUMS: Final = Nobodys("sums by agency and day, of no person")
_SERVICES: Final = Nobodys("what an agency offers, and what was done to it in the agency's name; it is public")
_ACTOR: Final = "an officer in the agency's name, or a system of it"
NOBODYS: Final[Mapping[str, Nobodys]] = {
    "attestation_key": _KEYS,
    "signing_key": _KEYS,
    "credential_key": _KEYS,
    "paper_certificate": _KEYS,
    "status_list": Nobodys("how many places of a list are given, by agency"),
    "credential_type": Nobodys("what kinds of credentials there are; it is public"),
    "printed_paper": Nobodys("hashes of files that were signed: whose a paper is stands elsewhere"),
    "credential_status": Nobodys("places of lists, published: which citizen a place is of stands elsewhere"),
    "client": Nobodys(
        "programs; who registered one is an officer's act", {"created_by": "an officer, in the trail too"}
    ),
    "juristic_person": Nobodys("companies, hospitals and the like: what agencies enter of them is public"),
    "pushed_request": Nobodys("what an app asked a sign-in for, before anybody signed in; gone in a day"),
    "revocation": Nobodys("ids of tokens, for as long as the tokens would live"),
    "ledger_account": _MONEY,
    "ledger_transaction": _MONEY,
    "ledger_unfinished": _MONEY,
    "ledger_period": _MONEY,
    "ledger_posting": _MONEY,
    "log_tile": _TREE,
    "log_head": _TREE,
    "log_state": _TREE,
    "agency_usage": _SUMS,
    "agency_usage_facts": _SUMS,
    "question_sum": _SUMS,
    "satisfaction": Nobodys("sums by month, programme and province, of no person"),
    "service": _SERVICES,
    "service_version": Nobodys(
        _SERVICES.reason, {"sent_by": _ACTOR, "submitted_by": _ACTOR, "lease": "of the process that checks it"}
    ),
    "service_event": Nobodys(_SERVICES.reason, {"by": _ACTOR}),
    "service_review": Nobodys(_SERVICES.reason, {"asked_by": _ACTOR, "decided_by": "an officer"}),
    "service_report": _SERVICES,
    "service_generation": _SERVICES,
    "graph_change": _SERVICES,
    "graph_deprecation": _SERVICES,
    "deprecated_use": Nobodys("sums by program, name of the graph and day, of no person"),
    "service_hour": Nobodys("sums by operation and hour, of no person"),
    "ingest_request": Nobodys("how far an agency's sending came; of what it sent, hashes and counts alone"),
    "ingest_chunk": Nobodys("which lines of an agency's sending were rejected, and why; nothing of what they said"),
    "ingest_notice": Nobodys("that somebody was told of a record: a keyed hash of its reference, and when"),
    "check_request": Nobodys("that a juristic person sent a list of candidates to be checked; of these nothing"),
    "check_line": Nobodys(
        "what a juristic person claims of a candidate, by a reference of its own; whose it is, elsewhere"
    ),
    "decision_rule": Nobodys("the law that decisions were taken by, as it was; nothing of any person"),
    "service_maintenance": Nobodys(_SERVICES.reason, {"announced_by": _ACTOR, "cancelled_by": _ACTOR}),
}
"""Tables that belong to no store, each with the reason."""


class _Requests(TableStore):
    async def export(self, session: AsyncSession, person: UUID) -> AsyncIterator[Record]:
        """Without legal holds: a copy must not warn whom an investigation is about. Who leaves is told of them."""
        async for table, record in super().export(session, person):
            if record.get("kind") not in (Step.HOLD_PLACED, Step.HOLD_RELEASE_ASKED, Step.HOLD_RELEASED):
                yield table, record

    async def prepare(self, session: AsyncSession, erasure: Erasure) -> None:
        """Ends copies: whoever is making one has it all in memory, loses the lease, and stores nothing more."""
        await self._end_copies(session, erasure)

    async def erase(self, session: AsyncSession, erasure: Erasure) -> Erased:
        await self._end_copies(session, erasure)  # one that was asked for meanwhile
        return await super().erase(session, erasure)

    async def _end_copies(self, session: AsyncSession, erasure: Erasure) -> None:
        if not erasure.whole:
            return
        await session.execute(
            update(PrivacyRequest)
            .where(
                col(PrivacyRequest.person) == erasure.person,
                col(PrivacyRequest.kind).in_([Kind.ACCESS.value, Kind.PORTABILITY.value]),
                col(PrivacyRequest.status).in_([one.value for one in COPY_UNDER_WAY]),
            )
            .values(status=Status.EXPIRED.value, leased_until=None, finished_at=erasure.at)
            .execution_options(synchronize_session=False)
        )


def personal_data(keys: KeyRing) -> list[PersonalData]:
    return [_Requests(REQUESTS, keys)]
