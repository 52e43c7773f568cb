"""clamd is asked by its own protocol; whatever is no clear answer passes nothing."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from core.errors import ServiceUnavailable
from core.settings import Settings
from services.apply.evidence.errors import EvidenceClosed, EvidenceInfected
from services.apply.evidence.scanning import ClamdScanner, NoScanner, scanner_of

HARMFUL = b"what the signature knows"


@dataclass
class Clamd:
    """Speaks INSTREAM as clamd(8) describes it. `says` stands in place of a verdict; `hangs` gives none."""

    says: bytes | None = None
    hangs: bool = False
    closes_after: int | None = None
    """So many bytes of content, as at StreamMaxLength."""
    scanned: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            content = b""
            while length := struct.unpack(">I", await reader.readexactly(4))[0]:
                content += await reader.readexactly(length)
                if self.closes_after is not None and len(content) > self.closes_after:
                    writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                    return
            self.scanned.append(content)
            if self.hangs:
                await reader.read()
                return
            found = b"stream: Test.Signature FOUND" if HARMFUL in content else b"stream: OK"
            writer.write((self.says if self.says is not None else found) + b"\0")
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running(clamd: Clamd, **given: float) -> AsyncIterator[ClamdScanner]:
    server = await asyncio.start_server(clamd.serve, "127.0.0.1", 0)
    clamd.port = server.sockets[0].getsockname()[1]
    async with server:
        yield ClamdScanner("127.0.0.1", clamd.port, **given)


@pytest.mark.parametrize("size", [1, 64 * 1024, 64 * 1024 + 1, 1_000_000])
async def test_every_byte_is_scanned(size: int) -> None:
    clamd, content = Clamd(), bytes(range(256)) * (size // 256 + 1)
    async with running(clamd) as scanner:
        assert await scanner.scan(content[:size]) == "clamd"
    assert clamd.scanned == [content[:size]]


async def test_what_it_finds_is_refused() -> None:
    async with running(Clamd()) as scanner:
        with pytest.raises(EvidenceInfected):
            await scanner.scan(bytes(65_530) + HARMFUL)


@pytest.mark.parametrize("says", [b"", b"stream: ", b"UNKNOWN COMMAND", b"stream: OK FOUNDED", b"OK", b"x" * 10_000])
async def test_an_unclear_answer_passes_nothing(says: bytes) -> None:
    async with running(Clamd(says=says)) as scanner:
        with pytest.raises(ServiceUnavailable):
            await scanner.scan(b"content")


async def test_a_scanner_that_is_gone_hangs_or_takes_no_more_passes_nothing() -> None:
    async with running(Clamd(closes_after=100_000)) as scanner:
        with pytest.raises(ServiceUnavailable):
            await scanner.scan(bytes(1_000_000))
    with pytest.raises(ServiceUnavailable):
        await scanner.scan(b"content")
    async with running(Clamd(hangs=True), seconds_max=0.2) as scanner:
        with pytest.raises(ServiceUnavailable):
            await scanner.scan(b"content")


async def test_where_nobody_scans_nothing_is_passed_and_in_production_nothing_is_taken() -> None:
    assert await scanner_of(None, needed=False).scan(b"content") is None
    closed = scanner_of(None, needed=True)
    with pytest.raises(EvidenceClosed):
        closed.must_be_open()
    with pytest.raises(EvidenceClosed):
        await closed.scan(b"content")
    assert isinstance(scanner_of("clamd.example:3310", needed=True), ClamdScanner)
    assert isinstance(scanner_of(None, needed=True), NoScanner)


def test_the_setting_names_a_host_and_a_port() -> None:
    assert Settings(clamd="[::1]:3310").clamd == "[::1]:3310"
    for wrong in ("clamd", "http://clamd:3310", "clamd:port", ":3310"):
        with pytest.raises(ValidationError):
            Settings(clamd=wrong)
