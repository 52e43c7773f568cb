"""Has a file looked through by a process of its own (`looking`), and waits for its word."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Final, Protocol

import structlog

from services.apply.evidence.refusals import Reason, Refused

AT_ONCE: Final = 2
"""Of one server: each takes a processor for as long as it looks."""
SECONDS_MAX: Final = 25.0
_TYPES: Final = frozenset({"application/pdf", "image/jpeg", "image/png"})

log = structlog.get_logger("services.apply.evidence")


class Examiner(Protocol):
    async def examine(self, content: bytes) -> str:
        """The media type. Raises :class:`Refused`."""
        ...


class ProcessExaminer:
    """Starts a process for each file. `command` stands for the program in tests of one that does not end."""

    def __init__(self, command: tuple[str, ...] | None = None, *, seconds_max: float = SECONDS_MAX) -> None:
        python = (sys.executable, "-P", "-s", "-B", "-m", "services.apply.evidence.looking")
        self._command, self._seconds_max = command or python, seconds_max
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def examine(self, content: bytes) -> str:
        async with self._turns:
            word = await self._word(content)
        if word in _TYPES:
            return word
        try:
            raise Refused(Reason(word))
        except ValueError:  # it was ended by a limit, or broke
            log.warning("evidence.examiner_ended", size=len(content))
            raise Refused(Reason.TOO_MUCH_INSIDE) from None

    async def _word(self, content: bytes) -> str:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a library's complaint may quote the paper
            env=_environment(),
            cwd="/",
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._seconds_max):
                told, _ = await process.communicate(content)
        except TimeoutError:
            return ""
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return told.decode("ascii", "replace") if process.returncode == 0 else ""


def _environment() -> dict[str, str]:
    """Nothing of ours: only what Python needs to find the program."""
    path = [place for place in sys.path if Path(place).is_absolute()]
    return {"PYTHONPATH": os.pathsep.join(path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}
