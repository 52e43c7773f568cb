"""A host that the kernel cannot shut in says so before it runs a stranger's code, and operators are told each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from structlog.testing import capture_logs

from services.plugins.hosting.figures import figures
from tests.services.plugins.hosting.conftest import Installed, running

ELSEWHERE = """
import platform

platform.machine = lambda: "riscv64"  # on which there is no filter of ours
"""


def counted(plugin: str, lacks: str) -> float:
    return float(figures().open.labels(plugin, lacks)._value.get())


async def started(installed: Installed) -> list[str]:
    """What the log says of a host that begins."""
    with capture_logs() as logs:
        async with running(installed.hosted()) as asking:
            assert await asking.probe("1 + 1") == "2"
    return [str(one["event"]) for one in logs if one["log_level"] == "warning"]


async def test_a_host_that_can_start_processes_is_told_and_counted(
    package: Callable[..., Installed], tmp_path: Path
) -> None:
    installed = package()
    (tmp_path / "site" / "sitecustomize.py").write_text(ELSEWHERE, encoding="utf-8")
    before = counted(installed.package.slug, "seccomp")
    assert "package_not_alone" in await started(installed)
    assert counted(installed.package.slug, "seccomp") == before + 1


async def test_a_host_that_cannot_is_not(package: Callable[..., Installed]) -> None:
    installed = package()
    before = counted(installed.package.slug, "seccomp")
    assert "package_not_alone" not in await started(installed)
    assert counted(installed.package.slug, "seccomp") == before
