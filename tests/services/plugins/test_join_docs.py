"""docs/join.md, word for word: its own blocks in one shell, beside a server as a stranger starts it.

What differs from a stranger's machine are ports, folders, and that a program stands in for the reviewer's browser.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from services.sandbox.population.personas import persona
from tests.support import node
from tests.support.server import ROOT, Process, free_port, running

PAGE: Final = (ROOT / "docs" / "join.md").read_text(encoding="utf-8")
END: Final = "-- end of block --"


@dataclass(frozen=True)
class Block:
    """A block of the shell, and the lines that the page promises of it (`…` stands for anything)."""

    script: str
    promised: tuple[str, ...] = ()


def blocks() -> list[Block]:
    """Those for Node.js where there is one with its packages."""
    found: list[Block] = []
    left_out = False
    for kind, text in re.findall(r"^```([\w ]*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if kind in ("sh", "sh node"):
            left_out = kind == "sh node" and (node.find() is None or not (node.FOLDER / "node_modules").is_dir())
            if not left_out:
                found.append(Block(text))
        elif kind == "text" and not left_out:
            found[-1] = Block(found[-1].script, tuple(text.splitlines()))
    return found


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block said, run one after the other."""
    if shutil.which("curl") is None:
        pytest.skip("not on this machine: curl")
    folder = tmp_path_factory.mktemp("join")
    browser = f"{sys.executable} -m tests.support.passkey_browser official %s"
    with running(folder / "data", SITTHI_DEMO_CITIZENS="0", BROWSER=browser) as server:
        return _said(server, folder)


def _said(server: Process, folder: Path) -> list[str]:
    found = node.find()
    path = f"{Path(found).parent}:{os.environ['PATH']}" if found else os.environ["PATH"]
    ports = {name: str(free_port()) for name in ("DESK_PORT", "WATER_PORT")}
    script = "set -e\n" + "".join(f"{one.script}\necho '{END}'\n" for one in blocks())
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**server.environment, **ports, "TMPDIR": str(folder), "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told, _ = shell.communicate(timeout=300)
    finally:  # what the page leaves running in a terminal of its own
        os.killpg(shell.pid, signal.SIGTERM)
    assert shell.returncode == 0, told
    assert "Traceback" not in told
    parts: list[str] = told.split(f"{END}\n")
    return parts[:-1]


def test_every_block_says_what_the_page_promises(said: list[str]) -> None:
    assert len(said) == len(blocks())
    for block, told in zip(blocks(), said, strict=True):
        for line in block.promised:
            pattern = ".*".join(re.escape(part) for part in line.split("…"))
            assert any(re.fullmatch(pattern, one) for one in told.splitlines()), (line, told)


def test_the_persona_of_the_page_is_one_of_the_sandbox() -> None:
    assert persona("elder").national_id in PAGE
