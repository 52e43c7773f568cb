"""The room of evidence as the settings ask for it."""

from __future__ import annotations

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.settings import Environment, Settings
from services.apply.evidence.examining import ProcessExaminer
from services.apply.evidence.scanning import scanner_of
from services.apply.evidence.service import EvidenceDesk, People


def open_evidence(db: Database, clock: Clock, keys: KeyRing, people: People, settings: Settings) -> EvidenceDesk:
    """In production nothing is taken that nobody scans."""
    scanner = scanner_of(settings.clamd, needed=settings.environment is Environment.PRODUCTION)
    return EvidenceDesk(db, clock, keys, people, ProcessExaminer(), scanner)
