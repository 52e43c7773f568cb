"""What the code of a package can do in its host process, tried from inside."""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from core.errors import ServiceUnavailable
from services.plugins.hosting.confinement import confine, landlock_version
from tests.services.plugins.hosting.conftest import PROBE, Asking, Installed, installed_in, running
from tests.support.programs import absent

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one host process for all: nothing here changes it
SCOPED = 6
"""The version of Landlock that keeps signals in."""
TRIED = """

def tried(function):
    try:
        return function()
    except BaseException as error:
        return type(error).__name__
"""


@dataclass
class Inside:
    asking: Asking
    installed: Installed
    agency_port: int

    async def sees(self, expression: str) -> str:
        """What the expression comes to inside, or the name of the error that it ends in."""
        return await self.asking.probe(f"tried(lambda: {expression})")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as agency:
        patch.setenv("SITTHI_SECRET_KEYS", "not for packages")
        patch.setenv("DATABASE_URL", "postgresql://sitthi:secret@db/sitthi")
        installed = installed_in(tmp_path_factory.mktemp("packages"), patch, PROBE + TRIED)
        port = agency.getsockname()[1]
        async with running(installed.hosted(base_url=f"http://127.0.0.1:{port}")) as asking:
            yield Inside(asking, installed, port)


async def test_it_knows_nothing_of_our_settings(inside: Inside) -> None:
    told = await inside.sees("dict(os.environ)") + await inside.sees("sys.argv")
    assert "SITTHI" not in told
    assert "secret" not in told
    assert "not for packages" not in told


@pytest.fixture
def landlock() -> None:
    """Skips by name where the kernel has not all that shuts a host in."""
    if landlock_version() < SCOPED:
        absent("Landlock of Linux 6.12 or later")


@pytest.mark.usefixtures("landlock")
async def test_it_reads_python_and_itself_and_no_other_file_of_this_user(inside: Inside, tmp_path: Path) -> None:
    secret, ours = tmp_path / "keys.json", Path.cwd() / "pyproject.toml"
    secret.write_text("{}", encoding="utf-8")
    assert "contract = 1" in await inside.sees(f"Path({str(inside.installed.folder / 'manifest.toml')!r}).read_text()")
    for path in (str(secret), str(ours), f"/proc/{os.getpid()}/environ"):
        assert "PermissionError" in await inside.sees(f"Path({path!r}).read_bytes()")
    assert "PermissionError" in await inside.sees("os.listdir('/')")


@pytest.mark.usefixtures("landlock")
async def test_it_writes_in_its_own_folder_alone_and_only_so_much(inside: Inside) -> None:
    assert await inside.sees("Path('note').write_text('one')") == "3"
    assert "PermissionError" in await inside.sees(f"Path({str(inside.installed.folder)!r}, 'x').write_text('')")
    assert "PermissionError" in await inside.sees("Path('/tmp/of-a-package').write_text('')")
    assert "OSError" in await inside.sees("Path('large').write_bytes(bytes(65_000_000))")


@pytest.mark.usefixtures("landlock")
async def test_it_starts_no_program_and_signals_nobody(inside: Inside) -> None:
    assert "PermissionError" in await inside.sees("subprocess.run(['/bin/true'])")
    assert "PermissionError" in await inside.sees(f"os.kill({os.getpid()}, 0)")


@pytest.mark.usefixtures("landlock")
async def test_it_connects_to_the_port_of_its_agency_alone(inside: Inside) -> None:
    with socket.create_server(("127.0.0.1", 0)) as database:
        other = database.getsockname()[1]
        for port, comes_to in ((inside.agency_port, "connected"), (other, "PermissionError")):
            assert comes_to in await inside.sees(f"socket.create_connection(('127.0.0.1', {port})) and 'connected'")


async def test_memory_beyond_its_limit_is_not_given(inside: Inside) -> None:
    assert "MemoryError" in await inside.sees("bytearray(2_000_000_000)")
    assert await inside.sees("resource.getrlimit(resource.RLIMIT_CORE)") == "(0, 0)"


async def test_what_it_prints_goes_nowhere(inside: Inside, capfd: pytest.CaptureFixture[str]) -> None:
    await inside.sees("print('0000000000001') or os.write(2, b'0000000000001')")
    told = capfd.readouterr()
    assert "0000000000001" not in told.out + told.err


async def test_what_it_raises_is_no_ones_to_read(inside: Inside) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        await inside.asking.probe("1 / 0")
    assert "zero" not in str(caught.value)


async def test_a_kernel_without_landlock_shuts_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("services.plugins.hosting.confinement.sys.platform", "darwin")
    assert confine(reads=[], lists=[], writes=tmp_path, connects=[]) == 0


FORKING = """

def forked():
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)


def threaded():
    thread = threading.Thread(target=lambda: held.append("ran"))
    thread.start()
    thread.join()
    return held
"""


async def test_it_starts_threads_and_no_process_that_would_outlive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in a session of its own was still there when host and server had ended."""
    if platform.machine() not in ("x86_64", "aarch64") or sys.platform != "linux":
        absent("Linux on x86-64 or ARM64")
    installed = installed_in(tmp_path, monkeypatch, PROBE + TRIED + FORKING)
    async with running(installed.hosted()) as asking:
        assert await asking.probe("tried(forked)") == "'PermissionError'"
        assert await asking.probe("tried(threaded)") == "['ran']"
