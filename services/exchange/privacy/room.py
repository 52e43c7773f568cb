"""The room, joined: what `api/house.py` builds and the edge uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.attestation.service import Attestor
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.personal_data import Outside, PersonalData
from identity.inbox.service import Inbox
from services.exchange.access_log.log import AccessLog
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Gate
from services.exchange.privacy.erasure import Eraser
from services.exchange.privacy.export import Downloads, Exporter
from services.exchange.privacy.holds import LegalHolds
from services.exchange.privacy.requests import PrivacyRequests
from services.exchange.privacy.retention import Over, Retention


@dataclass(frozen=True, slots=True)
class Done:
    """What one run of the jobs did."""

    exports: int
    erasures: int
    over: Sequence[Over]


class PrivacyRoom:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        *,
        stores: Sequence[PersonalData],
        outside: Sequence[Outside],
        gate: Gate,
        catalogue: Catalogue,
        attestor: Attestor,
        inbox: Inbox,
        issuer: str,
    ) -> None:
        self.stores = stores
        self.requests = PrivacyRequests(clock, keys, stores, inbox)
        self.holds = LegalHolds(keys, clock, stores)
        self.eraser = Eraser(db, clock, keys, stores, outside, AccessLog(db, clock, keys), inbox)
        self.exporter = Exporter(db, clock, keys, stores, gate, catalogue, attestor, inbox, issuer)
        self.downloads = Downloads(db, clock, keys)
        self.retention = Retention(db, clock, keys, stores)

    async def run(self) -> Done:
        """All jobs once. May run in several processes at once, and be cut off anywhere."""
        return Done(await self.exporter.run(), await self.eraser.run(), await self.retention.run())
