"""A package's host process takes applications, issues documents and answers queries, as the contract has it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, Final

import pytest

from core.ids import NationalId
from services.exchange.errors import SourceSilent
from services.plugins.contract import ApplicationState, Document, OperationKind, State
from services.plugins.runner import Trouble
from tests.services.plugins.hosting.conftest import PERSON, Asking, Installed, running
from tests.services.plugins.hosting.test_supervisor import other_than

KINDS: Final = {"loans": OperationKind.SUBMIT, "membership": OperationKind.ISSUE}
OFFICE: Final = """
from services.plugins.contract import Call, Host

taken, issued = [], []


async def search_shelves(host: Host, call: Call):
    return [{"title": str([taken, issued])}]


async def loans(host: Host, call: Call):
    taken.append(call.arguments["application"]["id"])
    return {"reference": f"L-{len(taken)}", "state": "RECEIVED", "at": host.clock.now().isoformat()}


async def membership(host: Host, call: Call):
    issued.append(call.arguments["size"])
    content = b"%PDF-1.7 " + b"x" * (call.arguments["size"] - 9)
    title = {"th": "บัตร", "en": "Card"}
    return {"name": "card.pdf", "mediaType": "application/pdf", "title": title, "content": content}
"""
"""What it did, the query tells."""


class Office(Asking):
    async def submit(self, application: str, key: str, *, person: NationalId = PERSON) -> ApplicationState:
        at = "2026-11-16T03:00:00Z"
        arguments = {"application": {"id": application, "submittedAt": at, "answers": {}, "facts": {}}}
        told = await self._run("loans", arguments, key, person)
        assert isinstance(told, ApplicationState)
        return told

    async def issue(self, size: int, key: str) -> Document:
        told = await self._run("membership", {"size": size}, key, PERSON)
        assert isinstance(told, Document)
        return told

    async def did(self) -> str:
        return await self.probe("nothing")

    async def _run(self, operation: str, arguments: Any, key: str, person: NationalId) -> Any:
        plugin = self.hosted.plugin
        return await self._runner.run(plugin, operation, asker="test", person=person, arguments=arguments, key=key)


async def test_a_query_a_submit_and_an_issue_go_through_the_host_process_each_once_under_its_key(
    package: Callable[..., Installed],
) -> None:
    async with running(package(OFFICE).hosted(kinds=KINDS)) as asking:
        office = Office(asking.hosted)
        first = await office.submit("a" * 32, "application-a")
        assert (first.reference, first.state) == ("L-1", State.RECEIVED)
        assert await office.submit("a" * 32, "application-a") == first
        assert (await office.submit("b" * 32, "application-b")).reference == "L-2"
        document = await office.issue(20, "document-1")
        assert (document.name, document.media_type, len(document.content)) == ("card.pdf", "application/pdf", 20)
        assert await office.issue(20, "document-1") == document
        assert await office.did() == str([["a" * 32, "b" * 32], [20]])


async def test_another_call_under_a_key_has_no_effect_and_is_told_as_a_conflict(
    package: Callable[..., Installed],
) -> None:
    async with running(package(OFFICE).hosted(kinds=KINDS)) as asking:
        office = Office(asking.hosted)
        await office.submit("a" * 32, "application-a")
        for other in ({"application": "b" * 32}, {"application": "a" * 32, "person": NationalId("0000000000019")}):
            with pytest.raises(SourceSilent) as caught:
                await office.submit(key="application-a", **other)
            assert caught.value.reason is Trouble.CONFLICT
        assert await office.did() == str([["a" * 32], []])


async def test_a_document_that_is_larger_than_the_manifest_allows_is_not_read_to_its_end(
    package: Callable[..., Installed],
) -> None:
    async with running(package(OFFICE).hosted(kinds=KINDS)) as asking:
        office = Office(asking.hosted)
        assert len((await office.issue(700_000, "document-1")).content) == 700_000
        with pytest.raises(SourceSilent) as caught:
            await office.issue(800_000, "document-2")  # which is more than a million bytes in base64
        assert caught.value.reason is Trouble.TOO_LARGE


async def test_what_a_host_remembers_dies_with_it_and_the_key_comes_again_to_the_next(
    package: Callable[..., Installed],
) -> None:
    async with running(package(OFFICE).hosted(kinds=KINDS)) as asking:
        office, pid = Office(asking.hosted), asking.hosted.pid
        assert pid is not None
        await office.submit("a" * 32, "application-a")
        os.kill(pid, signal.SIGKILL)
        await other_than(asking, pid)
        assert (await office.submit("a" * 32, "application-a")).reference == "L-1"
        assert await office.did() == str([["a" * 32], []]), "a table of its own would have known it"
