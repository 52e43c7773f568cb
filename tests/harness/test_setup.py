"""The commands of script/: set-up is skipped in a blink, and says in a sentence what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "script").iterdir() if path.is_file())


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SITTHI_", "PIP_"))}
    return subprocess.run(
        command, cwd=cwd, env=inherited | environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with the scripts and locks, and no .venv."""
    tree = tmp_path / "a check out"
    shutil.copytree(ROOT / "script", tree / "script")
    for lock in ROOT.glob("*.lock"):
        shutil.copy(lock, tree)
    return tree


def fake_python(folder: Path, version: str, modules: str) -> Path:
    """A program that answers as a Python of this version, with or without the modules venv and ensurepip."""
    program = folder / "python-like"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *version_info*) {version};; *ensurepip*) {modules};; --version) echo Python;; *) exit 1;; esac\n'
    )
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_command_says_what_it_does(script: Path) -> None:
    answer = run(script, "--help")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"Usage: script/{script.name}")


def test_without_a_python_set_up_says_so(checkout: Path) -> None:
    answer = run("script/setup", cwd=checkout, SITTHI_PYTHON="no-such-python")
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer" in answer.stderr


def test_with_an_old_python_set_up_says_so(checkout: Path, tmp_path: Path) -> None:
    old = fake_python(tmp_path, "exit 1", "exit 0")
    answer = run("script/setup", cwd=checkout, SITTHI_PYTHON=str(old))
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer" in answer.stderr


def test_without_the_venv_module_set_up_names_the_package(checkout: Path, tmp_path: Path) -> None:
    bare = fake_python(tmp_path, "exit 0", "exit 1")
    answer = run("script/setup", cwd=checkout, SITTHI_PYTHON=str(bare))
    assert answer.returncode == 1
    assert "python3-venv" in answer.stderr


def test_without_a_network_set_up_says_so(checkout: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    answer = run("script/setup", cwd=checkout, **nowhere, PIP_NO_CACHE_DIR="1")
    assert answer.returncode == 1
    assert "package index cannot be reached" in answer.stderr
    again = run("script/setup", cwd=checkout, **nowhere, PIP_NO_CACHE_DIR="1")
    assert again.returncode == 1, "a set-up that failed must not count as done"


def test_a_set_up_that_is_done_is_skipped_without_starting_python(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("")
    empty = run("script/setup", cwd=checkout)
    assert empty.returncode == 0, empty.stderr
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").write_text("#!/bin/sh\nexit 9\n")
    (checkout / ".venv/bin/python").chmod(0o755)
    start = time.perf_counter()
    again = run("script/setup", cwd=checkout)
    assert (again.returncode, again.stdout) == (0, "")
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("change", ["lock", "place"])
def test_set_up_runs_again_when_something_changed(checkout: Path, change: str) -> None:
    (checkout / "requirements.lock").write_text("")
    assert run("script/setup", cwd=checkout).returncode == 0
    if change == "lock":
        (checkout / "requirements.lock").write_text("# another\n")
    else:
        checkout = checkout.rename(checkout.with_name("elsewhere"))
    again = run("script/setup", cwd=checkout)
    assert again.returncode == 0, again.stderr
    assert "Set-up is done." in again.stdout
    site = next((checkout / ".venv").glob("lib/python*/site-packages"))
    assert (site / "sitthi.pth").read_text().strip() == str(checkout)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("has_pip", [False, True], ids=["without pip", "with pip"])
def test_an_environment_behind_a_link_is_somebody_elses_and_stays_as_it_is(
    checkout: Path, tmp_path: Path, *, has_pip: bool
) -> None:
    elses = tmp_path / "elsewhere/.venv"
    (elses / "bin").mkdir(parents=True)
    (elses / "kept.txt").write_text("theirs")
    (elses / ".sitthi-root").write_text(str(elses.parent))
    python = elses / "bin/python"
    python.write_text(f"#!/bin/sh\nexit {0 if has_pip else 1}\n")
    python.chmod(0o755)
    before = contents(elses)
    (checkout / ".venv").symlink_to(elses)
    answer = run("script/setup", cwd=checkout)
    assert answer.returncode == 1
    assert f".venv is a link to {elses}, where this checkout has no environment of its own" in answer.stderr
    assert contents(elses) == before


def test_nothing_is_made_behind_a_link(checkout: Path, tmp_path: Path) -> None:
    """venv empties what is there, and then says that it makes none behind a link."""
    (checkout / ".venv").symlink_to(tmp_path / "gone")
    answer = run("script/setup", cwd=checkout)
    assert (answer.returncode, "remove the link (rm .venv)" in answer.stderr) == (1, True)


def test_an_environment_that_set_up_did_not_make_and_cannot_use_stays_as_it_is(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv/kept.txt").write_text("mine")
    answer = run("script/setup", cwd=checkout)
    assert answer.returncode == 1
    assert "was not made by script/setup, so it stays as it is" in answer.stderr
    assert contents(checkout / ".venv") == {"kept.txt": "mine"}


def test_an_environment_that_was_made_here_may_move_behind_a_link(checkout: Path, tmp_path: Path) -> None:
    """To a disk with more room, for instance."""
    (checkout / "requirements.lock").write_text("")
    assert run("script/setup", cwd=checkout).returncode == 0
    (checkout / ".venv").rename(tmp_path / "large disk")
    (checkout / ".venv").symlink_to(tmp_path / "large disk")
    (checkout / "requirements.lock").write_text("# another\n")
    again = run("script/setup", cwd=checkout)
    assert (again.returncode, "Set-up is done." in again.stdout) == (0, True), again.stderr


def test_what_was_broken_off_before_there_was_pip_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv/.sitthi-root").write_text(str(checkout))
    (checkout / "requirements.lock").write_text("")
    answer = run("script/setup", cwd=checkout)
    assert answer.returncode == 0, answer.stderr


def test_the_wheel_carries_the_rooms_and_the_migrations_but_no_alembic_at_the_top(tmp_path: Path) -> None:
    import zipfile  # noqa: PLC0415

    from hatchling.builders.wheel import WheelBuilder  # noqa: PLC0415

    path = next(iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])))
    names = zipfile.ZipFile(path).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"api", "core", "identity", "services", "welfare"}
    assert "core/_migrations/env.py" in names
    assert [name for name in names if "__pycache__" in name] == []
