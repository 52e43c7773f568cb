"""Twenty of the soak's kills on each database; `script/soak` does a thousand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.soak.frame import crashing
from tests.soak.killing import soak
from tests.support.postgres import Postgres

KILLS = int(os.environ.get("SITTHI_SOAK_KILLS", "20"))
SEED = 20


def test_whatever_is_killed_nothing_of_the_log_is_lost_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sitthi.sqlite'}"
    outcome = soak(url, tmp_path, kills=KILLS, seed=SEED, crash=None, say=print)
    assert outcome.faults == []
    assert outcome.kills.total() == KILLS
    assert outcome.answered > 0
    assert 0 < outcome.settled < outcome.entries  # killed were both, who asked a source and who did not


@pytest.mark.parametrize("seed", [SEED])
def test_whatever_is_killed_nothing_of_the_log_is_lost_on_postgresql(tmp_path: Path, seed: int) -> None:
    with Postgres.running(durable=True) as postgres:
        outcome = soak(postgres.create("sitthi"), tmp_path, kills=KILLS, seed=seed, crash=crashing(postgres), say=print)
    assert outcome.faults == []
    assert outcome.kills["database"] > 0
    assert outcome.answered > 0
    assert 0 < outcome.settled < outcome.entries  # killed were both, who asked a source and who did not
