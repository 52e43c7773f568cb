"""Keeps the host processes of packages running while the server does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx2
import structlog

from services.plugins.connections import Agency
from services.plugins.contract import Call, Host, Manifest, Operation
from services.plugins.contract.kinds import EFFECTS
from services.plugins.hosting.discovery import Package
from services.plugins.hosting.figures import figures
from services.plugins.hosting.leavings import sweep
from services.plugins.hosting.pace import Pace
from services.plugins.hosting.process import Ended, Ends, HostFailed, HostProcess
from services.plugins.plugin import Origin, Plugin

log = structlog.get_logger("services.plugins.hosting")

BROKEN: Final = (httpx2.NetworkError, httpx2.RemoteProtocolError)


class Hosted:
    """One package and its host process, which is started again whenever it ends.

    `plugin` is as it was checked, without functions; :attr:`plugin` of this object has functions that ask the host.
    """

    def __init__(
        self,
        package: Package,
        plugin: Plugin,
        agency: Agency,
        pace: Pace | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._package, self._agency, self._pace, self._seconds = package, agency, pace or Pace(), seconds
        functions = {operation: self._function(operation, plugin.manifest) for operation in plugin.manifest.operations}
        self.plugin: Final = replace(plugin, functions=functions, origin=Origin.PACKAGE)
        self._host: HostProcess | None = None
        self._up = asyncio.Event()
        self._is_running = False
        self.failures = 0
        """Ends soon after a start, in a row."""

    @property
    def pid(self) -> int | None:
        """Of the host process that answers now."""
        return None if self._host is None or self._host.is_over else self._host.pid

    async def up(self) -> HostProcess:
        """The host that answers, waited for. Raises `httpx2.ConnectError` where nobody keeps it running."""
        while True:
            if not self._is_running:
                raise httpx2.ConnectError("no host is kept running here")
            await self._up.wait()
            if self._host is not None and not self._host.is_over:
                return self._host
            self._up.clear()

    @property
    def folder(self) -> Path:
        """Of the package's code and documents."""
        return self._package.folder

    @asynccontextmanager
    async def apart(self, agency: Agency) -> AsyncIterator[Ends]:
        """A second host process, which asks that agency and no other; of it citizens notice nothing. Gone after the
        block. Raises :class:`HostFailed`."""
        host = await HostProcess.start(self._package, self.plugin, agency, self._pace)
        try:
            assert host.ends is not None, "it answers"
            yield host.ends
        finally:
            await host.end()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps it running while the block does; does not wait for it to answer."""
        self._is_running = True
        task = asyncio.create_task(self._keep(), name=f"host of {self._package.slug}")
        try:
            yield
        finally:
            self._is_running = False
            self._up.set()  # whoever waits is told
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            began = self._seconds()
            why = await self._life()
            self.failures = 1 if self._seconds() - began >= self._pace.steady_seconds else self.failures + 1
            wait = self._pace.wait_seconds(self.failures)
            figures().ended.labels(self._package.slug, why).inc()
            log.warning(
                "package_host_ended",
                plugin=self._package.slug,
                why=str(why),
                in_a_row=self.failures,
                again_in_seconds=round(wait, 2),
            )
            await asyncio.sleep(wait)

    async def _life(self) -> Ended:
        """One host process, from start to end."""
        told, slug = figures().up, self._package.slug
        try:
            host = await HostProcess.start(self._package, self.plugin, self._agency, self._pace)
        except (HostFailed, OSError) as failed:
            log.error("package_host_failed", plugin=slug, package=self._package.distribution, said=str(failed))  # noqa: TRY400 - it says why
            return Ended.NOT_STARTED
        except Exception:
            log.exception("package_host_failed", plugin=slug, package=self._package.distribution)
            return Ended.NOT_STARTED
        why: Ended | None = None
        try:
            self._host = host
            self._up.set()
            told.labels(slug).set(1)
            log.info("package_host_up", plugin=slug, package=self._package.distribution, pid=host.pid)
            why = await host.watched()
            return why
        finally:
            self._up.clear()
            told.labels(slug).set(0)
            # One that hangs does nothing kindly any more.
            await host.end(kindly=why in (None, Ended.TOO_LARGE))

    def _function(self, operation: str, manifest: Manifest) -> Operation:
        has_effect = manifest.operations[operation].kind in EFFECTS

        async def ask(host: Host, call: Call) -> Any:
            asked = await self.up()
            try:
                return await asked.functions[operation](host, call)
            except Exception as error:
                if has_effect or not (isinstance(error, BROKEN) or asked.is_over):
                    raise  # of a call with an effect nobody knows whether it had it
            # It died over this call or another one's. A question may be asked again, once: of the next.
            await self._gone(asked)
            return await (await self.up()).functions[operation](host, call)

        return ask

    async def _gone(self, host: HostProcess) -> None:
        """Waits until it is known that the host has ended, if it has: the connection breaks a moment before."""
        try:
            async with asyncio.timeout(self._pace.again_seconds):
                await host.over()
        except TimeoutError:
            return


class Hosts:
    """The packages of this process."""

    def __init__(self, hosted: Iterable[Hosted]) -> None:
        self._hosted = {one.plugin.slug: one for one in hosted}

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        return tuple(one.plugin for one in self._hosted.values())

    def __getitem__(self, slug: str) -> Hosted:
        return self._hosted[slug]

    @asynccontextmanager
    async def running(self, *, wait_seconds: float = 10.0) -> AsyncIterator[None]:
        """Keeps all running. Waits so long for the first answers, and no longer: a package that does not come up keeps
        nobody else's service from starting."""
        if self._hosted:
            await asyncio.to_thread(sweep)
        async with AsyncExitStack() as stack:
            for one in self._hosted.values():
                await stack.enter_async_context(one.running())
            starting = [asyncio.create_task(_answer(one)) for one in self._hosted.values()]
            if starting:
                await asyncio.wait(starting, timeout=wait_seconds)
                for task in starting:
                    task.cancel()
            yield


async def _answer(one: Hosted) -> None:
    await one.up()
