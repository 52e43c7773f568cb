"""A template that takes too much is ended with its process, and the next paper is printed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from services.receive.papers.laying_out import laid_out
from services.receive.papers.press import NotPrinted, Press

NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
GOOD: Final = "#set document(title: [a])\n= words"
GREEDY: Final = '#let a = ("x" * 4096,) * {times}\n#a.map(one => one + "y").join().len()'
ENDLESS: Final = "#for one in range(100000) { for other in range(100000) { let a = one * other } }"


@pytest.fixture
def press() -> Iterator[Press]:
    made = Press()
    yield made
    made.close()


async def printed(press: Press, template: str = GOOD) -> bytes:
    return await laid_out(template, {}, {}, [], NOW, press)


def processes(press: Press) -> list[int]:
    return [worker._process.pid for worker in press._idle]


async def test_a_process_prints_one_paper_after_the_other(press: Press) -> None:
    first = await printed(press)
    assert first.startswith(b"%PDF-")
    [process] = processes(press)
    assert await printed(press) == first
    assert processes(press) == [process]


async def test_as_many_processes_as_papers_at_once(press: Press) -> None:
    made = await asyncio.gather(*(printed(press) for _ in range(3)))
    assert len(set(made)) == 1
    assert 1 <= len(processes(press)) <= 3


@pytest.mark.parametrize("template", ["#undefined", '#read("/etc/passwd")', '#read("../../etc/passwd")'])
async def test_a_template_that_is_wrong_is_refused_with_its_process(press: Press, template: str) -> None:
    with pytest.raises(NotPrinted):
        await printed(press, template)
    assert processes(press) == []
    assert (await printed(press)).startswith(b"%PDF-")


async def test_a_template_that_takes_too_much_memory_is_ended() -> None:
    press = Press(memory_bytes_max=600 << 20)
    with pytest.raises(NotPrinted):
        await printed(press, GREEDY.format(times=1_000_000))
    assert (await printed(press, GREEDY.format(times=1_000))).startswith(b"%PDF-")
    press.close()


async def test_a_template_that_does_not_end_is_ended() -> None:
    press = Press(seconds_max=2.0)
    with pytest.raises(NotPrinted):
        await printed(press, ENDLESS)
    assert processes(press) == []
    press.close()


async def test_a_process_that_somebody_ended_is_replaced(press: Press) -> None:
    await printed(press)
    [process] = processes(press)
    os.kill(process, signal.SIGKILL)
    assert (await printed(press)).startswith(b"%PDF-")
    assert processes(press) != [process]


async def test_processes_end_with_the_press() -> None:
    press = Press()
    await printed(press)
    [process] = processes(press)
    del press
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_has_nothing_of_our_environment_that_is_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SITTHI_MASTER_KEY", "not-for-templates")
    press = Press()
    asyncio.run(printed(press))
    [process] = processes(press)
    assert b"not-for-templates" not in Path(f"/proc/{process}/environ").read_bytes()
    press.close()
