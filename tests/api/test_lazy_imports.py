"""What a command does not need, it does not wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from api.house import House
from core.settings import Settings
House(Settings(redis_url={redis!r})).payments()
print(*sorted(sys.modules))
"""


def modules_of_a_command(data: Path, redis: str | None) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(redis=redis)],
        cwd=ROOT,
        env={"SITTHI_DATA": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("library", ["strawberry", "api.schema", "services.plugins.registry", "polars", "alembic"])
def test_a_command_that_asks_no_graph_does_not_load(tmp_path: Path, library: str) -> None:
    assert library not in modules_of_a_command(tmp_path, None)


def test_whoever_has_a_cache_does_not_load_the_stand_in(tmp_path: Path) -> None:
    assert "fakeredis" not in modules_of_a_command(tmp_path, "redis://localhost:1/0")
