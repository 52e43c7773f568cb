"""A host process is there whenever it is asked, whatever becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.errors import ServiceUnavailable
from services.plugins.contract import OperationKind
from services.plugins.hosting.handover import HostLimits
from services.plugins.hosting.pace import Pace
from services.plugins.hosting.process import Ended
from services.plugins.hosting.supervisor import Hosts
from tests.services.plugins.hosting.conftest import PACE, PROBE, Asking, Installed, running

ROOT = Path(__file__).parents[4]
WAIT_SECONDS = 60.0


async def other_than(asking: Asking, pid: int) -> None:
    """Waits until another process answers than that one."""
    await until(lambda: asking.hosted.pid not in (None, pid))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - of processes nobody tells us
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def folder_of(pid: int) -> Path:
    """That of its socket, above its working folder."""
    return Path(f"/proc/{pid}/cwd").readlink().parent


async def test_what_is_asked_while_the_host_dies_is_answered_by_the_next(package: Callable[..., Installed]) -> None:
    async with running(package().hosted()) as asking:
        first = asking.hosted.pid
        assert first is not None
        under_way = [asyncio.create_task(asking.loans("0.3")) for _ in range(10)]
        await asyncio.sleep(0.1)
        os.kill(first, signal.SIGKILL)
        assert await asyncio.gather(*under_way) == [[]] * 10
        assert asking.hosted.pid not in (None, first)


async def test_a_call_that_kills_its_host_is_unavailable_and_the_next_call_works(
    package: Callable[..., Installed],
) -> None:
    async with running(package().hosted()) as asking:
        first = asking.hosted.pid
        with pytest.raises(ServiceUnavailable):
            await asking.probe("os._exit(1)")
        assert await asking.probe("'well'") == "'well'"
        assert asking.hosted.pid != first


async def test_a_call_with_an_effect_is_not_made_again(package: Callable[..., Installed]) -> None:
    installed = package()
    async with running(installed.hosted(kinds={"loans": OperationKind.CANCEL})) as asking:
        asked = asyncio.create_task(asking.loans("0.3", key="00000001"))
        await asyncio.sleep(0.1)
        os.kill(asking.hosted.pid or 0, signal.SIGKILL)
        with pytest.raises(ServiceUnavailable):
            await asked


async def test_a_host_that_hangs_is_replaced(package: Callable[..., Installed]) -> None:
    pace = replace(PACE, hang_seconds=1.5)
    async with running(package().hosted(pace)) as asking:
        pid = asking.hosted.pid
        assert pid is not None
        with capture_logs() as logs:
            os.kill(pid, signal.SIGSTOP)
            await other_than(asking, pid)
        assert not alive(pid)
    assert Ended.HUNG in [line.get("why") for line in logs]


async def test_a_host_that_holds_too_much_memory_is_replaced_and_its_calls_are_answered(
    package: Callable[..., Installed],
) -> None:
    pace = replace(PACE, limits=HostLimits(resident_bytes_max=200_000_000))
    async with running(package().hosted(pace)) as asking:
        pid = asking.hosted.pid
        assert pid is not None
        with capture_logs() as logs:
            under_way = asyncio.create_task(asking.loans("1"))
            await asking.probe("held.append(b'x' * 200_000_000)")
            assert await under_way == []
            await other_than(asking, pid)
    assert Ended.TOO_LARGE in [line.get("why") for line in logs]


async def test_a_package_that_cannot_start_says_why_does_not_spin_and_is_tried_for_ever(
    package: Callable[..., Installed],
) -> None:
    installed = package("raise RuntimeError('the licence has run out')\n" + PROBE)
    hosted = installed.hosted()
    with capture_logs() as logs:
        async with Hosts([hosted]).running(wait_seconds=0.1):
            await until(lambda: hosted.failures >= 3)
            (installed.folder / "plugin.py").write_text(PROBE, encoding="utf-8")
            async with asyncio.timeout(WAIT_SECONDS):
                await hosted.up()
    told = [line for line in logs if line["event"] == "package_host_failed"]
    assert all("the licence has run out" in line["said"] for line in told)
    waits = [line["again_in_seconds"] for line in logs if line["event"] == "package_host_ended"]
    assert len(waits) >= 3
    assert waits[2] > waits[0]


async def test_whatever_goes_wrong_at_a_start_it_is_tried_again(
    package: Callable[..., Installed], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing of ours is known to raise this; a supervisor that ended over it would leave the package dead for good.
    hosted = package().hosted()
    async with AsyncExitStack() as stack:
        with monkeypatch.context() as patch:
            patch.setattr("services.plugins.hosting.process.remote_functions", _fails)
            await stack.enter_async_context(Hosts([hosted]).running(wait_seconds=0.1))
            await until(lambda: hosted.failures > 0)
        async with asyncio.timeout(WAIT_SECONDS):
            await hosted.up()


def _fails(*_: object) -> None:
    raise LookupError


@pytest.mark.parametrize(
    ("failures", "least", "most"), [(1, 0.1, 0.25), (2, 0.25, 0.5), (5, 2, 4), (9, 30, 60), (99, 30, 60)]
)
def test_the_wait_before_a_new_start_doubles_up_to_a_minute(failures: int, least: float, most: float) -> None:
    waits = [Pace().wait_seconds(failures) for _ in range(100)]
    assert least <= min(waits) <= max(waits) <= most
    assert len(set(waits)) > 1


async def test_when_the_server_stops_its_hosts_are_gone_and_so_are_their_folders(
    package: Callable[..., Installed],
) -> None:
    async with running(package().hosted()) as asking:
        pid = asking.hosted.pid
        assert pid is not None
        folder = folder_of(pid)
        assert folder.stat().st_mode & 0o077 == 0
        under_way = asyncio.create_task(asking.loans("0.3"))
        await asyncio.sleep(0.1)
    assert await under_way == []
    assert not alive(pid)
    assert not folder.exists()


async def test_where_nobody_keeps_a_host_running_its_operations_are_unavailable_at_once(
    package: Callable[..., Installed],
) -> None:
    with pytest.raises(ServiceUnavailable):
        await Asking(package().hosted()).probe("1")


SERVER = """
import asyncio, sys
from pathlib import Path
from tests.services.plugins.hosting.conftest import Installed, running
from services.plugins.hosting.discovery import installed

site = sys.argv[1]
sys.path.insert(0, site)
[found] = installed([site])


async def main():
    async with running(Installed(found.folder, found).hosted()) as asking:
        print(asking.hosted.pid, flush=True)
        await asyncio.sleep(600)


asyncio.run(main())
"""


@pytest.mark.parametrize("stopped", [False, True], ids=["turning", "stopped"])
async def test_no_host_outlives_a_server_that_was_killed(package: Callable[..., Installed], stopped: bool) -> None:
    installed = package()
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVER, str(installed.folder.parent)),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert server.stdout is not None
    pid = 0
    async for line in server.stdout:
        if line.strip().isdigit():
            pid = int(line)
            break
    assert alive(pid)
    if stopped:  # it cannot see that its standard input has ended
        os.kill(pid, signal.SIGSTOP)
    server.kill()
    await server.wait()
    await until(lambda: not alive(pid))
