from __future__ import annotations

import pytest

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database

KEYS = KeyRing("k1", {"k1": bytes(range(32))}, bytes(range(32, 64)))


@pytest.fixture
def attestor(database: Database, clock: FixedClock) -> Attestor:
    return Attestor(database, KEYS, clock, "http://localhost:8000")
