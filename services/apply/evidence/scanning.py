"""Scanners of malware: whoever is asked says that a file is clean or what is in it, or nobody is asked."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Protocol

import structlog

from core.errors import ServiceUnavailable
from core.text import Text
from services.apply.evidence.errors import EvidenceClosed, EvidenceInfected

PORTION_BYTES: Final = 64 * 1024
SECONDS_MAX: Final = 30.0
ANSWER_BYTES_MAX: Final = 4_096
SCANNER: Final = Text(th="ระบบตรวจไวรัส", en="The virus scanner")

log = structlog.get_logger("services.apply.evidence")


class Scanner(Protocol):
    async def scan(self, content: bytes) -> str | None:
        """The name of the scanner that found nothing; None where nobody looks.

        Raises :class:`EvidenceInfected`, and :class:`ServiceUnavailable` for one that gives no answer: what it has not
        passed is not kept.
        """
        ...

    def must_be_open(self) -> None:
        """Raises :class:`EvidenceClosed` where nothing may be taken. Asked before a file is read."""
        ...


class NoScanner:
    """Nobody looks: while developing. In production nothing is taken then."""

    def __init__(self, *, takes: bool) -> None:
        self._takes = takes

    async def scan(self, _content: bytes) -> str | None:
        self.must_be_open()
        return None

    def must_be_open(self) -> None:
        if not self._takes:
            raise EvidenceClosed


class ClamdScanner:
    """clamd(8) by its command INSTREAM over TCP. It keeps nothing; its StreamMaxLength must not be below ours."""

    def __init__(self, host: str, port: int, *, seconds_max: float = SECONDS_MAX) -> None:
        self._host, self._port, self._seconds_max = host, port, seconds_max

    def must_be_open(self) -> None:
        return None

    async def scan(self, content: bytes) -> str | None:
        try:
            async with asyncio.timeout(self._seconds_max):
                said = await self._ask(content)
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:  # a time-out is an OSError
            log.warning("evidence.scanner_silent", error=type(error).__name__)
            raise ServiceUnavailable(SCANNER) from None
        if said == b"stream: OK":
            return "clamd"
        if said.startswith(b"stream: ") and said.endswith(b" FOUND"):
            log.warning("evidence.infected", signature=said[8:-6].decode("ascii", "replace"))
            raise EvidenceInfected
        log.error("evidence.scanner_refused", said=said[:200].decode("ascii", "replace"))
        raise ServiceUnavailable(SCANNER)

    async def _ask(self, content: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=ANSWER_BYTES_MAX)
        try:
            writer.write(b"zINSTREAM\0")
            for begin in range(0, len(content), PORTION_BYTES):
                portion = content[begin : begin + PORTION_BYTES]
                writer.write(len(portion).to_bytes(4, "big") + portion)
                await writer.drain()
            writer.write(bytes(4))
            await writer.drain()
            return (await reader.readuntil(b"\0")).removesuffix(b"\0").strip()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def scanner_of(address: str | None, *, needed: bool) -> Scanner:
    """By the setting `clamd` (`host:port`). Without one, nobody looks; where that is `needed`, nothing is taken."""
    if address is None:
        return NoScanner(takes=not needed)
    host, _, port = address.rpartition(":")
    return ClamdScanner(host.strip("[]"), int(port))
