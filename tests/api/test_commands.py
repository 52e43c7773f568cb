"""What the command says when it cannot go on: one sentence, and exit status 1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.server import ROOT, free_port, run_program


def sitthi(*words: str, **settings: str) -> tuple[int, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SITTHI_")}
    code, out, err = run_program(["api.cli", *words], kept | settings)
    assert "Traceback" not in err
    return code, out + err


def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        data = tmp_path / "data"
        status, said = sitthi("serve", PORT=str(port), SITTHI_DATA=str(data))
    assert status == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in said
    assert "PORT=" in said
    assert not data.exists()


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_data_folder_that_cannot_be_made_is_said(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    status, said = sitthi(command, PORT=str(free_port()), SITTHI_DATA=str(tmp_path / "file" / "data"))
    assert status == 1
    assert "SITTHI_DATA" in said


def test_a_setting_that_cannot_be_is_said_without_its_value(tmp_path: Path) -> None:
    status, said = sitthi("migrate", PORT="many", SITTHI_DATA=str(tmp_path))
    assert (status, "PORT" in said, "many" in said) == (1, True, False)


@pytest.mark.parametrize(
    "words",
    [
        ("sign-in", "--persona", "nobody"),
        ("officer", "sign-in", "--persona", "nobody"),
        ("officer", "add", "--agency", "dla", "--role", "pay.plan", "--persona", "nobody"),
    ],
)
def test_a_persona_that_is_none_is_told_which_there_are(words: tuple[str, ...], tmp_path: Path) -> None:
    status, said = sitthi(*words, SITTHI_DATA=str(tmp_path))
    assert status == 1
    assert "“nobody”" in said
    assert "elder" in said


def test_several_processes_over_the_embedded_parts_are_refused_with_the_reason(tmp_path: Path) -> None:
    status, said = sitthi("serve", "--workers", "2", SITTHI_DATA=str(tmp_path))
    assert status == 1
    assert "SITTHI_DATABASE_URL" in said


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "30/11/2026"])
def test_a_day_that_is_none_is_refused(day: str, tmp_path: Path) -> None:
    status, said = sitthi("demo", "--citizens", "0", "--as-of", day, SITTHI_DATA=str(tmp_path))
    assert (status, day in said) == (1, True)


def test_the_demo_makes_what_it_was_asked_for_and_says_when_it_is_there(tmp_path: Path) -> None:
    words = ("demo", "--citizens", "5", "--seed", "3", "--as-of", "2026-01-31")
    assert "is made" in sitthi(*words, SITTHI_DATA=str(tmp_path))[1]
    assert "there already" in sitthi(*words, SITTHI_DATA=str(tmp_path))[1]


def test_a_client_that_is_not_registered_leaves_no_key_in_the_way_of_the_next(tmp_path: Path) -> None:
    key, settings = tmp_path / "key.json", {"SITTHI_DATA": str(tmp_path / "data"), "PORT": str(free_port())}
    assert sitthi("migrate", **settings)[0] == 0
    words = ("client", "new", "A bank", "--fapi", "--key", str(key), "--redirect-uri")
    status, said = sitthi(*words, "http://bank.example/callback", **settings)
    assert (status, "(BAD_INPUT)" in said, key.exists()) == (1, True, False), said
    status, said = sitthi(*words, "https://bank.example/callback", **settings)
    assert (status, key.exists()) == (0, True), said
    status, said = sitthi(*words, "https://bank.example/callback", **settings)
    assert (status, key.exists()) == (1, True), "a key of somebody's is never removed"


FAILING: Final = """
import structlog
from api.cli import before_any_command

def fails(secret):
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("test").exception("job failed")

before_any_command()
fails(chr(119) + "ritten")
"""


def test_what_a_command_logs_shows_no_variables_and_is_beside_its_output(tmp_path: Path) -> None:
    settings = {**os.environ, "SITTHI_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FAILING], cwd=ROOT, env=settings, capture_output=True, text=True, check=True
    )
    assert "RuntimeError: broken" in done.stderr
    assert "written" not in done.stderr, "the variables of a frame are people's data"
    assert done.stdout == ""
