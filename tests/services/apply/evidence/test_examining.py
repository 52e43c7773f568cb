"""A file is looked through by a process of its own, which a bad file can end and nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from services.apply.evidence.examining import ProcessExaminer
from services.apply.evidence.refusals import Reason, Refused
from tests.services.apply.evidence.papers import paper, png, with_action


async def refused(examiner: ProcessExaminer, content: bytes) -> Reason:
    with pytest.raises(Refused) as caught:
        await examiner.examine(content)
    return caught.value.reason


async def test_the_process_says_what_a_file_is_and_why_it_is_refused() -> None:
    examiner = ProcessExaminer()
    assert await examiner.examine(paper()) == "application/pdf"
    assert await refused(examiner, with_action("/Launch")) is Reason.ACTIVE
    assert await refused(examiner, b"MZ") is Reason.WRONG_TYPE
    assert await refused(examiner, png(1, 1, bytes(50_000_000))) is Reason.TOO_MUCH_INSIDE


async def test_a_process_that_does_not_end_is_ended() -> None:
    examiner = ProcessExaminer((sys.executable, "-c", "while True: pass"), seconds_max=0.2)
    assert await refused(examiner, b"%PDF-") is Reason.TOO_MUCH_INSIDE


@pytest.mark.parametrize(
    "program", ["raise SystemExit(1)", "import os; os.abort()", "print('APPROVED')", "print('BRO')"]
)
async def test_a_process_that_breaks_or_says_something_else_passes_nothing(program: str) -> None:
    assert await refused(ProcessExaminer((sys.executable, "-c", program)), b"%PDF-") is Reason.TOO_MUCH_INSIDE


async def test_whoever_stops_waiting_leaves_no_process_behind(tmp_path: Path) -> None:
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    program = f"import os; open({str(pipe)!r}, 'w').write(str(os.getpid()))\nwhile True: pass"
    asked = asyncio.create_task(ProcessExaminer((sys.executable, "-c", program)).examine(b"%PDF-"))
    process = int(await asyncio.to_thread(pipe.read_text))
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize(
    "act", ["bytearray(2_000_000_000)", "os.write(os.open({file!r}, os.O_CREAT | os.O_WRONLY), b'x')"]
)
async def test_a_process_has_so_much_memory_and_writes_no_file(act: str, tmp_path: Path) -> None:
    file = tmp_path / "left"
    begin = "import os; from services.apply.evidence.looking import limit; "
    end = act.format(file=str(file)) + "; print('image/png', end='')"
    assert await ProcessExaminer((sys.executable, "-c", begin + end)).examine(b"") == "image/png"
    file.unlink(missing_ok=True)
    limited = ProcessExaminer((sys.executable, "-c", begin + "limit(); " + end))
    assert await refused(limited, b"") is Reason.TOO_MUCH_INSIDE
    assert not file.exists() or file.read_bytes() == b""
