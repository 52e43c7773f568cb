from __future__ import annotations

import pytest

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from identity.counter.service import Counter
from tests.identity.officers_of_tests import Office


@pytest.fixture
def office(database: Database, keys: KeyRing, clock: FixedClock) -> Office:
    return Office(database, keys, clock)


@pytest.fixture
def counter(office: Office) -> Counter:
    return Counter(office.keys, office.clock, office.people, office.officers)
