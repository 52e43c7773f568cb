"""A document that a remote agency issues by the signed protocol: read in bounds, sealed, and for its citizen alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.api.test_issue_document import KEY, download, issue, issued, kept, refused
from tests.services.exchange.privacy.world import dump
from tests.services.plugins.documents.office import CONTENT, Office, manifest_of
from tests.support.app import Served
from tests.support.plugins.far_side import FarSide, reply_like

UNAVAILABLE: list[tuple[str, list[str]]] = [("SERVICE_UNAVAILABLE", [])]
WHOLE = 3_700_000
"""Bytes of content that fit, in base64 and with what stands around them, into five million; a tenth more do not."""
pytestmark = pytest.mark.sqlite_only  # what is stored is tried on both beside this


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def far(sitthi: Served, office: Office) -> AsyncIterator[FarSide]:
    manifest = manifest_of()
    async with FarSide(sitthi.clock, dict.fromkeys(manifest.operations, office.issue), manifest=manifest) as far:
        sitthi.house.registry.add(far.plugin)
        yield far


async def test_it_is_asked_for_once_kept_sealed_and_had_by_its_citizen_alone(
    sitthi: Served, office: Office, far: FarSide
) -> None:
    document = await issued(sitthi, idempotencyKey=KEY)
    assert await issued(sitthi, idempotencyKey=KEY) == document
    assert len(far.between.requests) == 1
    assert CONTENT not in b"\n".join((await dump(sitthi.house.db)).values())
    for _ in range(2):  # as often as they like, until it expires
        answer = await download(sitthi, document["url"])
        assert (answer.status_code, answer.content) == (200, CONTENT)
    assert (await download(sitthi, document["url"], "graduate")).status_code == 404
    assert (await download(sitthi, document["url"], None)).status_code == 401


async def test_an_answer_that_is_lost_is_given_again_to_the_same_wish(
    sitthi: Served, office: Office, far: FarSide
) -> None:
    def lost(_: httpx2.Response) -> httpx2.Response:
        raise httpx2.ReadError("gone")

    far.between.after = lost
    assert refused(await issue(sitthi, idempotencyKey=KEY)) == UNAVAILABLE
    far.between.after = lambda reply: reply
    assert refused(await issue(sitthi, idempotencyKey=KEY, arguments={"year": 1})) == [
        ("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])
    ]
    await issued(sitthi, idempotencyKey=KEY)
    assert len(office.calls) == 1, "the agency's own memory answers"


async def test_of_too_large_a_document_nothing_is_kept(sitthi: Served, office: Office, far: FarSide) -> None:
    office.content = b"%PDF-" + b"x" * (WHOLE - 5)
    assert len((await download(sitthi, (await issued(sitthi))["url"])).content) == WHOLE
    office.content = office.content + b"x" * (WHOLE // 10)
    office.issued.clear()
    assert refused(await issue(sitthi)) == UNAVAILABLE
    assert await kept(sitthi) == (1, 1)


@pytest.mark.parametrize(
    ("media_type", "content", "taken"),
    [
        ("application/pdf", b"%PDF-2.0", True),
        ("application/pdf", b"<html>", False),
        ("application/pdf", b"MZ\x90\x00", False),
        ("image/png", b"\x89PNG\r\n\x1a\n", True),
        ("image/png", b"%PDF-2.0", False),
        ("image/jpeg", b"\xff\xd8\xff\xe0", True),
        ("image/jpeg", b"GIF89a", False),
        ("application/zip", b"PK\x03\x04", True),
        ("application/zip", b"Rar!", False),
        ("text/plain", b"whatever", True),
        ("text/plain", b"\x7fELF", False),
        ("application/octet-stream", b"#!/bin/sh", False),
    ],
)
async def test_what_is_not_what_it_says_is_not_taken(
    sitthi: Served, office: Office, far: FarSide, media_type: str, content: bytes, taken: bool
) -> None:
    office.media_type, office.content = media_type, content
    payload = await issue(sitthi)
    if taken:
        assert payload["problems"] == []
        return
    assert refused(payload) == UNAVAILABLE
    assert await kept(sitthi) == (0, 0)


async def test_what_is_changed_on_the_way_is_not_taken(sitthi: Served, office: Office, far: FarSide) -> None:
    far.between.after = lambda reply: reply_like(reply, content=reply.content.replace(b"certificate", b"Certificate"))
    assert refused(await issue(sitthi)) == UNAVAILABLE
    assert b"A certificate" in far.between.replies[-1].content, "there was something to change"
    assert await kept(sitthi) == (0, 0)
