"""What the code of a package can do in its host process, tried from inside."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ServiceUnavailable
from services.plugins.hosting.confinement import confine
from tests.services.plugins.hosting.conftest import Installed, running


def tried(expression: str) -> str:
    """The name of the error that the expression ends in, or what it comes to."""
    return f"tried(lambda: {expression})"


TRIED = """

def tried(function):
    try:
        return function()
    except BaseException as error:
        return type(error).__name__
"""


@pytest.fixture
def probe(package: Callable[..., Installed]) -> Installed:
    installed = package()
    with (installed.folder / "plugin.py").open("a", encoding="utf-8") as code:
        code.write(TRIED)
    return installed


async def test_it_knows_nothing_of_our_settings(probe: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_SECRET_KEYS", "not for packages")
    monkeypatch.setenv("DATABASE_URL", "postgresql://sitthi:secret@db/sitthi")
    async with running(probe.hosted()) as asking:
        environment = await asking.probe("dict(os.environ)")
        arguments = await asking.probe("sys.argv")
    assert "SITTHI" not in environment
    assert "secret" not in environment + arguments


async def test_it_reads_python_and_itself_and_no_other_file_of_this_user(probe: Installed, tmp_path: Path) -> None:
    secret = tmp_path / "data" / "keys.json"
    secret.parent.mkdir()
    secret.write_text("{}", encoding="utf-8")
    ours = Path.cwd() / "pyproject.toml"
    async with running(probe.hosted()) as asking:
        assert "contract = 1" in await asking.probe(f"Path({str(probe.folder / 'manifest.toml')!r}).read_text()")
        assert "PermissionError" in await asking.probe(tried(f"Path({str(secret)!r}).read_text()"))
        assert "PermissionError" in await asking.probe(tried(f"Path('/proc/{os.getpid()}/environ').read_bytes()"))
        assert "PermissionError" in await asking.probe(tried(f"Path({str(ours)!r}).read_text()"))
        assert "PermissionError" in await asking.probe(tried("os.listdir('/')"))


async def test_it_writes_in_its_own_folder_alone_and_only_so_much(probe: Installed) -> None:
    async with running(probe.hosted()) as asking:
        assert await asking.probe("Path('note').write_text('one')") == "3"
        assert "PermissionError" in await asking.probe(tried(f"Path({str(probe.folder)!r}, 'x').write_text('')"))
        assert "PermissionError" in await asking.probe(tried("Path('/tmp/of-a-package').write_text('')"))
        assert "OSError" in await asking.probe(tried("Path('large').write_bytes(bytes(65_000_000))"))


async def test_it_starts_no_program_and_signals_nobody(probe: Installed) -> None:
    async with running(probe.hosted()) as asking:
        assert "PermissionError" in await asking.probe(tried("subprocess.run(['/bin/true'])"))
        assert "PermissionError" in await asking.probe(tried(f"os.kill({os.getpid()}, 0)"))


async def test_it_connects_to_the_port_of_its_agency_alone(probe: Installed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as agency, socket.create_server(("127.0.0.1", 0)) as database:
        ports = agency.getsockname()[1], database.getsockname()[1]
        async with running(probe.hosted(base_url=f"http://127.0.0.1:{ports[0]}")) as asking:
            allowed, not_allowed = [
                await asking.probe(tried(f"socket.create_connection(('127.0.0.1', {port})) and 'connected'"))
                for port in ports
            ]
    assert "connected" in allowed
    assert "PermissionError" in not_allowed


async def test_memory_beyond_its_limit_is_not_given(probe: Installed) -> None:
    async with running(probe.hosted()) as asking:
        assert "MemoryError" in await asking.probe(tried("bytearray(2_000_000_000)"))
        assert await asking.probe("resource.getrlimit(resource.RLIMIT_CORE)") == "(0, 0)"


async def test_what_it_prints_goes_nowhere(probe: Installed, capfd: pytest.CaptureFixture[str]) -> None:
    async with running(probe.hosted()) as asking:
        await asking.probe("print('0000000000001') or os.write(2, b'0000000000001')")
    told = capfd.readouterr()
    assert "0000000000001" not in told.out + told.err


async def test_what_it_raises_is_no_ones_to_read(probe: Installed) -> None:
    async with running(probe.hosted()) as asking:
        with pytest.raises(ServiceUnavailable) as caught:
            await asking.probe("1 / 0")
    assert "zero" not in str(caught.value)


def test_a_kernel_without_landlock_shuts_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("services.plugins.hosting.confinement.sys.platform", "darwin")
    assert confine(reads=[], lists=[], writes=tmp_path, connects=[]) == 0
