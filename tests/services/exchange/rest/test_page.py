"""docs/agency-facts.md, word for word: its own blocks in one shell, beside a server as a stranger starts it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from api.errors import HTTP_STATUS
from api.rate_limits import AGENCY
from services.exchange.rest.requests import ATTRIBUTES_MAX, BATCH_MAX, FactsRequest
from services.sandbox.population.personas import persona
from tests.support import node
from tests.support.server import ROOT, Process, running

PAGE: Final = (ROOT / "docs" / "agency-facts.md").read_text()
END: Final = "-- end of block --"


@dataclass(frozen=True)
class Block:
    script: str
    promised: tuple[str, ...] = ()


def blocks() -> list[Block]:
    """The shell's, each with the output that the page promises; those for Node.js where there is one."""
    found: list[Block] = []
    for kind, text in re.findall(r"^```([\w ]*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if kind == "sh" or (kind == "sh node" and node.find() is not None):
            found.append(Block(text))
        elif kind == "text":
            found[-1] = Block(found[-1].script, tuple(text.splitlines()))
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block said, run one after the other."""
    if shutil.which("curl") is None:
        pytest.skip("not on this machine: curl")
    folder = tmp_path_factory.mktemp("agency-facts")
    with running(folder / "data", SITTHI_DEMO_CITIZENS="0") as server:
        return list(_said(server, folder))


def _said(server: Process, folder: Path) -> list[str]:
    found = node.find()
    path = f"{Path(found).parent}:{os.environ['PATH']}" if found else os.environ["PATH"]
    script = "set -e\n" + "".join(f"{one.script}\necho '{END}'\n" for one in blocks())
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**server.environment, "TMPDIR": str(folder), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.split(f"{END}\n")[:-1]


def test_every_block_says_what_the_page_promises(told: list[str]) -> None:
    assert len(told) == len(blocks())
    for block, said in zip(blocks(), told, strict=True):
        for line in block.promised:
            pattern = ".*".join(re.escape(part) for part in line.split("…"))
            assert any(re.fullmatch(pattern, one) for one in said.splitlines()), (line, said)


def test_what_was_told_is_verified_in_both_languages(told: list[str]) -> None:
    at_court = [
        json.loads(said) for block, said in zip(blocks(), told, strict=True) if "verify_facts.py" in block.script
    ]
    assert [one["requester"]["agency"] for one in at_court] == ["slf"]
    if node.find() is not None:
        said = told[-1]
        again = json.loads(said[said.index("{") :])
        assert (again["requester"]["agency"], again["facts"][1]["reason"]) == ("oic", "NO_AGREEMENT")


def test_the_number_on_the_page_is_that_of_the_persona() -> None:
    assert persona("graduate").national_id == "1500000000616"
    assert set(re.findall(r"\b\d{13}\b", PAGE)) == {"1500000000616"}


def test_the_request_on_the_page_is_one() -> None:
    [body] = [
        text for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) if "requestId" in text
    ]
    assert FactsRequest.model_validate_json(body).agent.officer is not None


def test_limits_and_codes_on_the_page_are_those_of_the_program() -> None:
    assert f"1 to {ATTRIBUTES_MAX} ids" in PAGE
    assert f"1 to {BATCH_MAX} of them" in PAGE
    assert f"{AGENCY.count:,} requests a minute" in PAGE
    table = PAGE[PAGE.index("## When it goes wrong") :]
    for status, codes in re.findall(r"^\| (\d{3}) (`.*?) \|", table, re.MULTILINE):
        for code in re.findall(r"(\d{3})?\s*`([A-Z_]+)`", codes):
            assert HTTP_STATUS.get(code[1], 422) == int(code[0] or status), code
