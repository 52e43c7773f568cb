"""What lies on the disk after a whole way of one benefit: no national ID and no citizen's name that could be read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from core.clock import SystemClock
from core.ids import NationalId
from services.sandbox.population.personas import PERSONAS, Persona
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.server import Process, running
from tests.test_spine import APPLY, CONFIRM, PAYMENTS, add_officers, ask, token_of

OFFICERS: Final = "officer-"
"""The name of an officer who acts for an agency is public, and kept as it is written."""
OUTSIDE: Final = "sandbox"
"""The registers of the agencies that own the data, and the bank's books: not ours, though they stand in our folder."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(request: pytest.FixtureRequest, data: Path) -> Iterator[Process]:
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    with running(data) as process:
        yield process


def test_the_ways_of_hiding_a_number_are_all_looked_for() -> None:
    elder = PERSONAS[0]
    number = elder.national_id
    hidden = [
        number.encode(),
        number.encode("utf-16"),
        json.dumps({"pid": number, "name": elder.name.th}).encode(),
        json.dumps({"name": elder.name.th}, ensure_ascii=False).encode(),
        *(base64.b64encode(b"x" * before + number.encode() + b"yz") for before in range(6)),
        number.encode().hex().encode(),
    ]
    for content in hidden:
        assert any(written in content for written in readable(elder).values()), content


def test_nothing_that_is_kept_names_a_citizen(server: Process, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    go_the_whole_way(server)
    kept = {path.relative_to(data).as_posix(): path.read_bytes() for path in files_of(data)}
    printed = capfd.readouterr()
    kept |= {"standard output": printed.out.encode(), "standard error": printed.err.encode()}
    assert kept["sitthi.sqlite"]
    assert "standard error" in kept
    found = [
        f"{where}: {persona.slug} as {how}"
        for where, content in kept.items()
        for persona in PERSONAS
        for how, written in readable(persona).items()
        if written in content
    ]
    assert found == []


def go_the_whole_way(server: Process) -> None:
    """Everything that a citizen does for one benefit, for themself and for a child, and the officers for them."""
    elder = token_of(server, "elder")
    given = {"input": {"programme": "old-age-allowance", "idempotencyKey": "the-elder-applies"}}
    assert ask(server, elder, APPLY, given)["apply"]["problems"] == []
    parent = token_of(server, "newborn-parent")
    seen = ask(server, parent, HOME)["viewer"]
    child = next(
        e["beneficiary"]["id"] for e in seen["entitlements"] if e["programme"]["slug"] == "child-support-grant"
    )
    given = {"input": {"programme": "child-support-grant", "beneficiary": child, "idempotencyKey": "for-the-child"}}
    assert ask(server, parent, APPLY, given)["apply"]["problems"] == []
    add_officers(server)
    run = server.command("pay", "plan", "--period", "this-month", "--as", "officer-one").split()[0]
    server.command("pay", "approve", run, "--as", "officer-two")
    server.command("pay", "send", run, "--as", "officer-one")
    server.command("pay", "reconcile", "--as", "officer-one")
    [payment] = ask(server, elder, PAYMENTS)["viewer"]["payments"]["nodes"]
    receipt = payment["receipt"]["id"]
    confirm = {"receipt": receipt, "idempotencyKey": "the-elder-confirms"}
    rate = {"receipt": receipt, "score": 5, "idempotencyKey": "the-elder-rates-it"}
    assert ask(server, elder, CONFIRM, {"confirm": confirm, "rate": rate})["rate"]["problems"] == []
    copy = {"input": {"kind": "ACCESS", "idempotencyKey": "the-elder-wants-a-copy"}}
    assert ask(server, elder, COPY, copy)["requestMyData"]["problems"] == []
    stop = {"input": {"ground": "ACCURACY", "statement": PERSONAS[0].name.th, "idempotencyKey": "the-elder-stops-it"}}
    assert ask(server, elder, STOP, stop)["restrictUse"]["problems"] == []
    server.command("privacy", "run")
    [copied] = [one for one in ask(server, elder, COPIED)["viewer"]["privacyRequests"]["nodes"] if one["files"]]
    assert copied["status"] == "READY"


COPY: Final = "mutation($input: RequestMyDataInput!) { requestMyData(input: $input) { problems { code } } }"
COPIED: Final = "{ viewer { privacyRequests { nodes { status files { format } } } } }"
STOP: Final = "mutation($input: RestrictUseInput!) { restrictUse(input: $input) { problems { code } } }"
HOME: Final = """
{ viewer { profile { name { value { full } } birthDate { value } address { value { text } } }
  entitlements { programme { slug } beneficiary { id name { value { full } } } reasons { facts { value } } }
  insurance { policies { number } } transcripts { degrees { title } } } }
"""


def files_of(data: Path) -> Iterator[Path]:
    return (path for path in data.rglob("*") if path.is_file() and path.relative_to(data).parts[0] != OUTSIDE)


def readable(persona: Persona) -> dict[str, bytes]:
    """The ways in which a number or a name could lie there for anyone to read."""
    number = NationalId(persona.national_id).digits
    dashed = f"{number[0]}-{number[1:5]}-{number[5:10]}-{number[10:12]}-{number[12]}"
    ways = {
        "a national ID": number.encode(),
        "a national ID with dashes": dashed.encode(),
        "a national ID in UTF-16": number.encode("utf-16-le"),
        "a national ID in hexadecimal": number.encode().hex().encode(),
        "a national ID as an integer": int(number).to_bytes(6, "big"),
    }
    if not persona.slug.startswith(OFFICERS):
        for script, name in (("Thai", persona.name.th), ("English", persona.name.en)):
            ways |= {
                f"a name in {script}": name.encode(),
                f"a name in {script} in JSON": json.dumps(name)[1:-1].encode(),
            }
    return ways | {f"a national ID in base64 ({n})": part for n, part in enumerate(base64_anywhere(number.encode()))}


def base64_anywhere(content: bytes) -> Iterator[bytes]:
    """What is common to every base64 text that holds these bytes, for each of the three places they may begin at."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + content)
        first = (before * 8 + 5) // 6
        yield text[first : (before + len(content)) * 8 // 6]
