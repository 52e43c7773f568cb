from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from services.plugins.hosting.handover import SOCKET
from services.plugins.hosting.leavings import PREFIX, sweep


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    return tmp_path


def folder(temporary: Path, name: str, *, seconds_old: int) -> Path:
    path = temporary / name
    (path / "work").mkdir(parents=True)
    made = path.stat().st_mtime - seconds_old
    os.utime(path, (made, made))
    return path


def test_what_a_killed_servers_host_left_is_removed(temporary: Path) -> None:
    left = folder(temporary, f"{PREFIX}left", seconds_old=700)
    assert sweep() == 1
    assert not left.exists()


def test_the_folder_of_a_host_that_answers_of_one_that_starts_and_of_somebody_else_stay(temporary: Path) -> None:
    lives = temporary / f"{PREFIX}lives"
    lives.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{lives.name}/{SOCKET}")
        listener.listen()
        os.utime(lives, (0, 0))
        starts = folder(temporary, f"{PREFIX}starts", seconds_old=500)
        others = folder(temporary, "others", seconds_old=700)
        assert sweep() == 0
    assert all(path.exists() for path in (lives, starts, others))
