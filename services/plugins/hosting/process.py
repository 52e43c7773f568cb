"""One life of one host process: from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import httpx2
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import services
from core.clock import SystemClock
from services.plugins.connections import Agency
from services.plugins.contract import Operation
from services.plugins.contract.keys import SigningKey, VerifyingKey
from services.plugins.hosting.discovery import Package
from services.plugins.hosting.figures import figures
from services.plugins.hosting.handover import ALIVE_PATH, SOCKET, Handover
from services.plugins.hosting.leavings import PREFIX
from services.plugins.hosting.pace import Pace
from services.plugins.plugin import Plugin
from services.plugins.runner.remote import Wire, remote_functions

log = structlog.get_logger("services.plugins.hosting")

SAID_BYTES_MAX: Final = 4_000
"""Of what a package writes while it starts, for the log."""
ANSWER_SECONDS_MAX: Final = 15.0
"""A net below the operations' own limits, the longest of which is shorter."""
_SHUT: Final = b"shut "
_READY: Final = b"ready\n"
_ROOMS: Final = ("core", "identity", "services")


class Ended(StrEnum):
    """Why a host process is no more. Stable: labels of a metric."""

    NOT_STARTED = "NOT_STARTED"
    """It did not come to answer, in time or at all."""
    DIED = "DIED"
    HUNG = "HUNG"
    """It did not answer; it was killed."""
    TOO_LARGE = "TOO_LARGE"
    """It held more memory than it may; it was replaced."""


@dataclass(frozen=True, slots=True)
class _Signer:
    current: SigningKey


@dataclass(frozen=True, slots=True)
class _Shut:
    """What keeps a host in, by its own word from before it ran any code of the package."""

    landlock: int
    """Its version; 0: there is none."""
    is_alone: bool
    """Whether it can start no process."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of the way to a host process, for whoever signs calls of their own: a check."""

    url: str
    socket: str
    """The path at which it listens."""
    key: SigningKey
    """By which calls are signed."""
    keys: Mapping[str, VerifyingKey]
    """By which answers are signed."""


class HostFailed(Exception):
    """The host did not come to answer; with what it said."""


class HostProcess:
    """A running host. `functions` ask it."""

    def __init__(self, plugin: Plugin, process: asyncio.subprocess.Process, folder: Path, pace: Pace) -> None:
        self._plugin, self._process, self._folder, self._pace = plugin, process, folder, pace
        transport = httpx2.AsyncHTTPTransport(
            uds=str(folder / SOCKET), limits=httpx2.Limits(max_connections=None, max_keepalive_connections=50)
        )
        self._http = httpx2.AsyncClient(
            transport=transport, base_url="http://host.invalid", trust_env=False, timeout=ANSWER_SECONDS_MAX
        )
        self.functions: Mapping[str, Operation] = {}
        self.ends: Ends | None = None
        """Since it answers."""

    @classmethod
    async def start(cls, package: Package, plugin: Plugin, agency: Agency, pace: Pace) -> Self:
        """Raises :class:`HostFailed` with what it said. Whatever was begun is undone."""
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # readable by this user alone
        try:
            process = await _spawn(package, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        host = cls(plugin, process, folder, pace)
        try:
            await host._begin(package, agency)
        except BaseException:
            await host.end()
            raise
        return host

    @property
    def is_over(self) -> bool:
        return self._process.returncode is not None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def over(self) -> None:
        """Returns when the process has ended."""
        await self._process.wait()

    async def watched(self) -> Ended:
        """Looks after it until it ends, or must."""
        ending = asyncio.create_task(self._process.wait())
        try:
            while True:
                done, _ = await asyncio.wait({ending}, timeout=self._pace.watch_seconds)
                if done:
                    return Ended.DIED
                if self._resident_bytes() > self._pace.limits.resident_bytes_max:
                    return Ended.TOO_LARGE
                if not await self._answers(self._pace.hang_seconds):
                    # Its end may be known to the socket a moment before it is to us.
                    done, _ = await asyncio.wait({ending}, timeout=self._pace.watch_seconds)
                    return Ended.DIED if done else Ended.HUNG
        finally:
            ending.cancel()

    async def end(self, *, kindly: bool = False) -> None:
        """Ends it and all that it started. Kindly: calls that it has taken may finish."""
        try:
            if kindly and not self.is_over:
                with contextlib.suppress(ProcessLookupError):
                    self._process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), self._pace.stop_seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own
            await self._process.wait()
            await self._http.aclose()
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _begin(self, package: Package, agency: Agency) -> None:
        calls, answers = SigningKey.of(Ed25519PrivateKey.generate()), Ed25519PrivateKey.generate()
        url = f"http://{self._plugin.slug}.invalid"  # the name of no machine (RFC 6761 §6.4)
        handover = Handover(
            parent=os.getpid(),
            module=package.module,
            manifest=self._plugin.manifest.model_dump(mode="json"),
            url=url,
            calls_by=calls.jwk,
            answers_by=answers.private_bytes_raw(),
            agency=agency,
            limits=self._pace.limits,
            ours=_ours(),
        )
        self._tell(await self._started(handover))
        answered_by = SigningKey.of(answers).verifying
        # The system's clock, not the house's: it is the one that both ends of the socket look at.
        self.ends = Ends(url, str(self._folder / SOCKET), calls, {answered_by.keyid: answered_by})
        wire = Wire(self._http, url, self.ends.keys, _Signer(calls), SystemClock())
        self.functions = remote_functions(self._plugin.manifest, wire)

    def _tell(self, shut: _Shut) -> None:
        """Operators, of what the kernel does not keep this process from."""
        lacking = [] if shut.landlock else [("landlock", "package_not_confined", "the kernel has no Landlock")]
        if not shut.is_alone:
            lacking.append(("seccomp", "package_not_alone", "the kernel or the machine has no filter of system calls"))
        for what, event, why in lacking:
            log.warning(event, plugin=self._plugin.slug, why=why)
            figures().open.labels(self._plugin.slug, what).inc()

    async def _started(self, handover: Handover) -> _Shut:
        """How it is confined. Raises :class:`HostFailed`."""
        asked, written = self._process.stdin, bytearray()
        assert asked is not None
        saying = asyncio.create_task(self._say(written))
        try:
            async with asyncio.timeout(self._pace.start_seconds):
                asked.write(handover.line())
                with contextlib.suppress(ConnectionError):  # it ended before it read; what it said tells why
                    await asked.drain()
                shut = await self._ready()
                if shut is not None and await self._answers(self._pace.start_seconds):
                    return shut
                if shut is None:
                    await saying
                    written += b" (it ended with status %d)" % await self._process.wait()
        except TimeoutError:
            written += b" (it did not come to answer in time)"
        finally:
            saying.cancel()
        raise HostFailed(written.decode(errors="replace").strip())

    async def _ready(self) -> _Shut | None:
        """How it is confined; None when it ended instead."""
        told = self._process.stdout
        assert told is not None
        line = await told.readline()
        if not line.startswith(_SHUT):
            return None
        version, is_alone = (int(word) for word in line.removeprefix(_SHUT).split())
        return _Shut(version, bool(is_alone)) if await told.readline() == _READY else None

    async def _say(self, written: bytearray) -> None:
        """Keeps the last that it writes before it is ready; afterwards it writes nowhere: it may be people's data."""
        told = self._process.stderr
        assert told is not None
        while piece := await told.read(SAID_BYTES_MAX):
            written += piece
            del written[:-SAID_BYTES_MAX]

    async def _answers(self, within_seconds: float) -> bool:
        try:
            reply = await self._http.get(ALIVE_PATH, timeout=within_seconds)
        except httpx2.HTTPError:
            return False
        return reply.status_code == httpx2.codes.NO_CONTENT

    def _resident_bytes(self) -> int:
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):  # no such system, or it has just ended
            return 0
        held = pages * os.sysconf("SC_PAGE_SIZE")
        figures().memory.labels(self._plugin.slug).set(held)
        return held


async def _spawn(package: Package, folder: Path) -> asyncio.subprocess.Process:
    work = folder / "work"
    work.mkdir()
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-s", "-B", "-m", "services.plugins.hosting", package.slug),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=work,
        env=_environment(work),
        start_new_session=True,  # an interrupt at the keyboard is the server's, which then ends its hosts in order
    )


def _environment(work: Path) -> dict[str, str]:
    """Nothing of ours: only what Python needs."""
    path = [place for place in sys.path if Path(place).is_absolute()]
    return {
        "PYTHONPATH": os.pathsep.join(path),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(work),
        "TMPDIR": str(work),
        "MALLOC_ARENA_MAX": "2",
    }


def _ours() -> tuple[str, ...]:
    root = Path(services.__file__).parents[1]
    installed = root.name in ("site-packages", "dist-packages")
    return () if installed else tuple(str(root / room) for room in _ROOMS)
