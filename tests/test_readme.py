"""The README's tour and the longer walk, word for word: each one's blocks in one shell, beside the README's server.

What differs from a stranger's machine is the port, where the data lies, and who touches the passkey.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from core.paper import font_families
from tests.support import programs
from tests.support.server import free_port

ROOT: Final = Path(__file__).parents[1]
README: Final = ROOT / "README.md"
WALK: Final = ROOT / "docs/walk.md"
PAGES: Final = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda path: path.relative_to(ROOT).as_posix()
)
START_SECONDS: Final = 120
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block, with the output that the README promises for it (`…` stands for anything)."""

    script: str
    promised: tuple[str, ...] = ()


def blocks(page: Path = README) -> list[Block]:
    found: list[Block] = []
    for kind, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        if kind == "sh":
            found.append(Block(text))
        else:
            assert kind == "text", f"a block of an unknown kind: {kind!r}"
            found[-1] = Block(found[-1].script, tuple(text.splitlines()))
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A shell's environment, with the server of the README's first block running in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SITTHI_")}
    port = free_port()
    data = tmp_path_factory.mktemp("var")
    given = {**kept, "PORT": str(port), "SITTHI_DATA": str(data), "LANG": "C.UTF-8"}
    server = subprocess.Popen(["bash", "-c", blocks()[0].script], cwd=ROOT, env=given, start_new_session=True)
    try:
        until = time.monotonic() + START_SECONDS
        while not answers(port):
            assert server.poll() is None, "script/server ended"
            assert time.monotonic() < until, "script/server did not become ready"
            time.sleep(0.1)
        yield given
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def typed(tour: list[Block], environment: Mapping[str, str]) -> list[str]:
    """What one shell prints for each block, errors among it; fails when a block's last command does."""
    mark = "=== end of a block"
    script = "".join(f"{block.script}\nprintf '\\n{mark} %s\\n' $?\n" for block in tour)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    printed = re.split(rf"^{mark} (\d+)\n", done.stdout, flags=re.MULTILINE)
    assert printed[1::2] == ["0"] * len(tour), done.stdout
    assert "Traceback" not in done.stdout
    return printed[0:-1:2]


def occurs(line: str, output: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in line.split("…"))
    return re.search(f"^{pattern}$", output, re.MULTILINE) is not None


@pytest.mark.needs("curl")
def test_the_tour_does_what_it_says_and_does_it_once(environment: Mapping[str, str]) -> None:
    server, *tour = blocks()
    assert server.script == "script/server\n"
    outputs = typed(tour, environment)
    for block, output in zip(tour, outputs, strict=True):
        assert [line for line in block.promised if not occurs(line, output)] == []
    whole = "".join(outputs)
    assert '"errors": [' not in whole
    assert re.findall(r'"problems": \[[^\]]', whole) == []
    for word in (
        '"APPROVED"',
        '"SETTLED"',
        '"satang": 60000',
        '"confirmedAt": "2',
        '"score": 5',
        "Payment officer of dla",
    ):
        assert word in whole
    [address] = re.findall(r'"verifyUrl": "(http://localhost:.*)"', whole)
    with urllib.request.urlopen(address) as page:  # noqa: S310 - the pattern pins the scheme
        assert "600.00" in page.read().decode()

    again = "".join(typed(tour, environment))
    assert "NOTHING_DUE" in again
    assert whole.count('"SETTLED"') == again.count('"SETTLED"') == 1
    assert '"APPROVED"' in again


@pytest.mark.needs("curl")
def test_the_longer_walk_does_what_it_says(environment: Mapping[str, str]) -> None:
    if not font_families():
        programs.absent("no Thai font: script/setup fetches one")
    helper = next(block for block in blocks() if "ask() {" in block.script)
    walk = [helper, *blocks(WALK)]
    browser = f"{sys.executable} -m tests.support.passkey_browser newborn-parent %s"
    outputs = typed(walk, {**environment, "BROWSER": browser})
    for block, output in zip(walk, outputs, strict=True):
        assert [line for line in block.promised if not occurs(line, output)] == []
    whole = "".join(outputs)
    assert '"errors"' not in whole
    assert re.findall(r'"problems": \[[^\]]', whole) == []
    for word in (
        "told: PAID",
        '"status": "INSURANCE_MISSING"',
        '"nameMatches": true',
        '"state":"APPROVED"',
        '"title": "Preliminary compensation, road victims"',
    ):
        assert word in whole


def test_the_readme_names_every_room() -> None:
    text = README.read_text()
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {"services"}
    rooms |= {path.name for path in (ROOT / "services").iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert {room for room in rooms if not re.search(rf"`(services/)?{room}/?`", text)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    local = [link for link in LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in local if not (page.parent / link.partition("#")[0]).exists()] == []


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = ROOT / "docs/README.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text())}
    pages = {path.resolve() for path in (ROOT / "docs").rglob("*.md")} - {index.resolve()}
    assert pages - linked == set()
