"""What a run keeps in memory goes with it, though it was killed; where there is none, it keeps nothing there."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

import pytest

from tests.support import rundir
from tests.support.postgres import Postgres
from tests.support.rundir import RunDirectory, sweep

REAL: Final = rundir._MEMORY


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for it."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(rundir, "_MEMORY", folder)
    monkeypatch.setattr(rundir, "_MEMORY_BYTES_MIN", 1)
    return folder


def test_it_goes_with_the_run(memory: Path) -> None:
    with RunDirectory.create() as run:
        folder = run.in_memory()
        assert folder == run.in_memory() == RunDirectory.attach(run.path).in_memory()
        assert folder is not None
        assert folder.parent == memory
        (folder / "data").write_text("thrown away")
    assert list(memory.iterdir()) == []


def test_what_a_killed_run_left_there_goes_with_the_next(memory: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    killed = RunDirectory.create(base)
    folder = killed.in_memory()
    assert folder is not None
    other = memory / "sitthi-run-other"
    other.mkdir()
    assert sweep(base) == []
    assert killed._lock is not None
    fcntl.flock(killed._lock, fcntl.LOCK_UN)
    assert sweep(base) == [killed.path]
    os.close(killed._lock)
    assert list(memory.iterdir()) == [other]


def test_where_there_is_little_or_none_nothing_is_kept_there(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunDirectory.create() as run:
        monkeypatch.setattr(rundir, "_MEMORY_BYTES_MIN", 1 << 62)
        assert run.in_memory() is None
        monkeypatch.setattr(rundir, "_MEMORY_BYTES_MIN", 1)
        monkeypatch.setattr(rundir, "_MEMORY", memory / "not there")
        assert run.in_memory() is None
    assert list(memory.iterdir()) == []


@pytest.mark.skipif(not REAL.is_dir(), reason="there is no such folder on this system")
def test_a_cluster_there_serves_and_is_stopped_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundir, "_MEMORY", REAL)  # another account must be able to reach it
    with RunDirectory.create() as run:
        memory = run.in_memory()
        assert memory is not None
        cluster = Postgres(run.path / "postgres", memory=memory)
        cluster.start()
        with cluster.administer() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert cluster.data.resolve().is_relative_to(memory)
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
    assert rundir._command_line(pid) == ""
    assert not memory.exists()
