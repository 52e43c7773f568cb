"""Contract 1 is what its pages say: whatever it names is explained there, and the worked example is recomputed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from services.plugins import contract
from services.plugins.contract import CONTRACT_VERSION, EventKind, OperationKind, kinds, manifest, wire
from services.plugins.contract.keys import verifying_keys
from services.plugins.contract.kinds import EFFECTS
from services.plugins.contract.signatures import (
    NotSigned,
    content_digest,
    signature_base,
    signature_of,
    verify_answer,
    verify_call,
)
from services.plugins.runner import Trouble

ROOT = Path(__file__).parents[3]
PROTOCOL = (ROOT / "docs" / "plugin-protocol.md").read_text(encoding="utf-8")
PAGES = PROTOCOL + (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
AT = datetime(2026, 11, 16, 3, tzinfo=UTC)


def block(title: str) -> str:
    """What stands in the page's block of that title."""
    found = re.search(rf'```\w+ title="{re.escape(title)}"\n(.*?)\n```', PROTOCOL, re.DOTALL)
    assert found, f"no block is called {title}"
    return found[1]


def message(title: str) -> tuple[str, dict[str, str], bytes]:
    """First line, headers and body of a message as the page prints it."""
    head, _, body = block(title).partition("\n\n")
    first, *lines = head.split("\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first, {name.lower(): value for name, value in headers.items()}, body.encode()


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class TestTheWorkedExample:
    def test_the_call_is_signed_as_the_page_says(self) -> None:
        first, headers, body = message("call")
        method, path, _ = first.split(" ")
        url = f"https://{headers['host']}{path}"
        parameters = headers["signature-input"].removeprefix("sitthi=")
        lines = [
            ('"@method"', method),
            ('"@target-uri"', url),
            ('"content-type"', headers["content-type"]),
            ('"content-digest"', content_digest(body)),
            ('"traceparent"', headers["traceparent"]),
        ]
        assert signature_base(lines, parameters).decode() == block("base of the call")
        keys = verifying_keys([orjson.loads(block("our key"))])
        found = verify_call(method, url, raw(headers), body, keys, now=AT)
        assert (found.created, found.nonce) == (int(AT.timestamp()), "Q2hvb3NlIGEgbmV3IG9u")
        with pytest.raises(NotSigned):
            verify_call(method, url, raw(headers), body.replace(b"true", b"null"), keys, now=AT)

    def test_the_answer_is_signed_as_the_page_says(self) -> None:
        _, call, _ = message("call")
        first, headers, body = message("answer")
        status = first.split(" ")[1]
        parameters = headers["signature-input"].removeprefix("sitthi=")
        lines = [
            ('"@status"', status),
            ('"content-type"', headers["content-type"]),
            ('"content-digest"', content_digest(body)),
            ('"signature";req;key="sitthi"', call["signature"].removeprefix("sitthi=")),
        ]
        assert signature_base(lines, parameters).decode() == block("base of the answer")
        keys = verifying_keys([orjson.loads(block("your key"))])
        verify_answer(int(status), raw(headers), body, signature_of(call), keys, now=AT)
        with pytest.raises(NotSigned):
            verify_answer(422, raw(headers), body, signature_of(call), keys, now=AT)

    def test_the_bodies_are_what_the_tables_say(self) -> None:
        _, _, body = message("call")
        told = orjson.loads(body)
        assert told["contract"] == CONTRACT_VERSION
        assert all(f"`{member}`" in PROTOCOL for member in told)
        _, _, answer = message("answer")
        assert orjson.loads(answer)["about"] == told["about"]

    @pytest.mark.parametrize("title", ["our key", "your key"])
    def test_no_private_key_is_printed(self, title: str) -> None:
        assert "d" not in orjson.loads(block(title))


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in module.__all__:
        yield name, getattr(module, name)


def models(module: ModuleType) -> Iterator[type[BaseModel]]:
    for name, found in vars(module).items():
        if inspect.isclass(found) and issubclass(found, BaseModel) and not name.startswith("_"):
            yield found


def names_of(module: ModuleType) -> Iterator[str]:
    for model in models(module):
        for name, field in model.model_fields.items():
            yield field.alias or name


NAMES = {
    "member of a manifest": sorted(set(names_of(manifest))),
    "member of a kind": sorted(set(names_of(kinds))),
    "trouble": [*Trouble],
    "event": [*EventKind],
    **{
        name: [*found]
        for name, found in public(contract)
        if inspect.isclass(found) and issubclass(found, StrEnum) and found is not contract.Precision
    },
}
"""Of a date's precision the pages speak as years, months and days."""


def is_named(name: str) -> bool:
    """In backticks, alone or as a member of JSON or TOML."""
    return (
        re.search(rf"(?<![A-Za-z_]){re.escape(name)}(?![A-Za-z_])", "\n".join(re.findall(r"`[^`\n]+`", PAGES)))
        is not None
    )


@pytest.mark.parametrize(("what", "name"), [(what, name) for what, names in NAMES.items() for name in names])
def test_every_name_of_the_contract_is_on_its_pages(what: str, name: str) -> None:
    assert is_named(str(name)), f"the {what} {name} stands neither in plugin-protocol.md nor in plugins.md"


def test_a_name_that_is_not_on_the_pages_would_be_found() -> None:
    assert not is_named("never_heard_of")
    assert not is_named("laces")  # a part of a word is no name


@pytest.mark.parametrize("name", [name for name in vars(wire) if name.isupper()])
def test_every_word_of_the_wire_is_in_the_protocol(name: str) -> None:
    value = getattr(wire, name)
    if name == "KEY_PATTERN":
        assert "8 to 128 visible characters of ASCII" in PROTOCOL
        return
    for word in value if isinstance(value, tuple) else (value,):
        assert str(word).lower() in PROTOCOL.lower(), f"{name}: {word}"


@pytest.mark.parametrize(
    "status",
    [200, wire.DECLARED, wire.MALFORMED, wire.UNSIGNED, wire.UNKNOWN_OPERATION, wire.KEY_REUSED, 413, wire.BUSY],
)
def test_every_status_has_a_line(status: int) -> None:
    assert f"\n| {status} |" in PROTOCOL


def test_the_table_of_kinds_says_which_have_an_effect() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", PROTOCOL, re.MULTILINE))
    assert rows == {kind.value: "yes" if kind in EFFECTS else "no" for kind in OperationKind}


def needed(page: str) -> Iterator[tuple[str, str]]:
    """Each member of the tables of that part of the page, with when it is needed."""
    for members, when in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|`]*(?:`\w+`[^|`]*)*)\| .*\|$", page, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", members):
            yield name, when.strip()


@pytest.mark.parametrize("model", [manifest.Manifest, manifest.OperationSpec])
def test_the_page_says_which_members_are_always_needed(model: type[BaseModel]) -> None:
    of_manifest, of_operation = PROTOCOL.split("\nOf an operation:\n")
    told = dict(needed(of_manifest if model is manifest.Manifest else of_operation))
    for name, field in model.model_fields.items():
        assert name in told, f"{name} has no line"
        assert (told[name] == "always") == field.is_required(), name


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    for days in (wire.KEY_REPEATED_DAYS_MAX, wire.KEY_REMEMBERED_DAYS):
        assert f"{days} days" in PROTOCOL
    for figure in (wire.FRESH_SECONDS, 2 * wire.FRESH_SECONDS):
        assert f"{figure} seconds" in PROTOCOL
    for figure in (manifest.ANSWER_BYTES_MAX, manifest.DOCUMENT_BYTES_MAX):
        assert f"{figure:,}" in PROTOCOL
    assert f"{manifest.PLACES} unless said, {manifest.PLACES_MAX} at most" in PROTOCOL


@pytest.mark.parametrize(
    ("name", "found"), [(n, f) for n, f in public(contract) if inspect.isclass(f) or inspect.isfunction(f)]
)
def test_every_public_name_says_what_it_is(name: str, found: Any) -> None:
    documented = inspect.getdoc(found)
    assert documented, f"{name} has no docstring"
    assert not documented.startswith(f"{name}("), f"{name} has the docstring that dataclass made"


@pytest.mark.parametrize("module", [contract, wire, kinds, manifest])
def test_every_module_says_what_it_is(module: ModuleType) -> None:
    assert module.__doc__


def test_the_index_leads_to_the_page() -> None:
    assert "(plugin-protocol.md)" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
