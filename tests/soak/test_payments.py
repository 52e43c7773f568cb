"""Twenty of the kills of `script/soak pay` on each database: nobody is paid twice, and nobody never."""

from __future__ import annotations

import os
from pathlib import Path

from tests.soak.frame import crashing
from tests.soak.paying import Outcome, soak
from tests.support.postgres import Postgres

KILLS = int(os.environ.get("SITTHI_SOAK_KILLS", "20"))
SEED = 7


def held(outcome: Outcome) -> None:
    assert outcome.faults == []
    assert outcome.kills.total() == KILLS
    assert min(outcome.approved, outcome.entries, outcome.booked) > 0
    assert outcome.entries == outcome.instalments


def test_whatever_is_killed_everyone_is_paid_once_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sitthi.sqlite'}"
    held(soak(url, tmp_path, kills=KILLS, seed=SEED, crash=None, say=print))


def test_whatever_is_killed_everyone_is_paid_once_on_postgresql(tmp_path: Path) -> None:
    with Postgres.running(durable=True) as postgres:
        outcome = soak(postgres.create("sitthi"), tmp_path, kills=KILLS, seed=SEED, crash=crashing(postgres), say=print)
    held(outcome)
    assert outcome.kills["database"] > 0
