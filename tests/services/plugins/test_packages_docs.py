"""docs/packages.md, "Making one", word for word: its blocks in one shell, from nothing to an answer in the graph.

What differs from a stranger's machine are ports and folders, and that pip installs beside the environment of the tests
instead of into it, with the build tool that is there.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from services.plugins.scaffold import Layout, Start, tree
from tests.support.server import ROOT, free_port

PAGE: Final = (ROOT / "docs" / "packages.md").read_text(encoding="utf-8")
SECTION: Final = PAGE[PAGE.index("## Making one") : PAGE.index("## Installing one")]
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines that all of it said."""
    if shutil.which("curl") is None:
        pytest.skip("not on this machine: curl")
    folder = tmp_path_factory.mktemp("packages")
    site = folder / "site"
    script = "set -e\n" + "\n".join(text for kind, text in BLOCKS if kind == "sh")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SITTHI_")},
        "TMPDIR": str(folder),
        "PYTHONPATH": str(site),
        "LANG": "C.UTF-8",
        "PIP_TARGET": str(site),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PORT": str(free_port()),
        "AGENCY_PORT": str(free_port()),
        "SITTHI_DATA": str(folder / "data"),
        "SITTHI_DEMO_CITIZENS": "0",
    }
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told, _ = shell.communicate(timeout=240)
    finally:  # the server and the stand-in, which the page leaves running
        os.killpg(shell.pid, signal.SIGTERM)
    logs = "".join(file.read_text(encoding="utf-8") for file in folder.glob("tmp.*/*.log"))
    assert shell.returncode == 0, told + logs
    assert "Traceback" not in told + logs
    return str(told).splitlines()


@pytest.mark.parametrize("line", [line for kind, text in BLOCKS if kind == "text" for line in text.splitlines()])
def test_it_says_what_the_page_promises(line: str, said: list[str]) -> None:
    pattern = ".*".join(re.escape(part) for part in line.split("…"))
    assert any(re.fullmatch(pattern, one) for one in said), "\n".join(said)


def test_the_project_of_the_page_is_the_one_that_is_written() -> None:
    (shown,) = [text for kind, text in BLOCKS if kind == "toml"]
    written = tomllib.loads(tree(Start("waterworks", Layout.PACKAGE))["pyproject.toml"])
    assert_within(tomllib.loads(shown), written)


def assert_within(part: Any, whole: Any) -> None:
    if isinstance(part, dict):
        for name, value in part.items():
            assert_within(value, whole[name])
    else:
        assert part == whole


def test_the_secret_of_the_page_opens_made_up_data_alone() -> None:
    access = (Path(ROOT) / "services" / "sandbox" / "agencies" / "access.py").read_text(encoding="utf-8")
    (secret,) = re.findall(r"WATERWORKS_SECRET=(\S+)", SECTION)
    assert f'"{secret}"' in access
