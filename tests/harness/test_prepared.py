"""Processes that are forks of a prepared one are processes like any other."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import prepared
from tests.support.prepared import Forked, Nursery, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="they are started one by one elsewhere")
NURSERY = Nursery(["core.clock"])
"""Small, so that it costs little: how its processes begin and end does not hang on what it has imported."""
HERE: Mapping[str, str] = {"PATH": os.defpath, "PYTHONPATH": "", "COLOUR": "สีฟ้า"}


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "NURSERY", NURSERY)
        yield
    NURSERY.stop()


def program(folder: Path, text: str) -> tuple[list[str], Mapping[str, str]]:
    """A file of one's own in that folder."""
    (folder / "told.py").write_text(text, encoding="utf-8")
    return [str(folder / "told.py"), "one", "two"], HERE


def test_it_has_its_own_arguments_environment_and_files(tmp_path: Path) -> None:
    words, environment = program(
        tmp_path,
        "import os, sys\nprint(os.environ['COLOUR'], sys.stdin.read(), file=sys.stderr)\n"
        "print(sys.argv[1:], sorted(os.environ))",
    )
    code, out, err = run([*words], environment=environment, given="ถาม")
    assert (code, err) == (0, "สีฟ้า ถาม\n"), out
    assert out == f"{['one', 'two']} {sorted(environment)}\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("raise SystemExit(3)", 3), ("import os\nos._exit(4)", 4), ("raise ValueError('no')", 1), ("", 0)),
        *(("raise SystemExit(None)", 0), ("raise SystemExit(-1)", 255), ("raise SystemExit(True)", 1)),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    ],
)
def test_how_it_ends_is_told(text: str, code: int, tmp_path: Path) -> None:
    words, environment = program(tmp_path, text)
    assert run(words, environment=environment)[0] == code


def test_it_can_be_waited_for_and_killed(tmp_path: Path) -> None:
    words, environment = program(tmp_path, "import time\ntime.sleep(600)")
    process = NURSERY.start(words, environment=environment)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == process.poll() == -signal.SIGKILL
    process.terminate()  # of who has ended nobody is killed
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_who_has_just_ended_is_not_killed_though_that_is_still_to_be_told() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    there.send(b"%d" % ended.pid)
    process = Forked(here)
    process.terminate()
    assert process.poll() is None
    there.send(b"0")
    there.close()
    assert process.wait(60) == 0


def test_two_do_not_see_what_the_other_changed(tmp_path: Path) -> None:
    words, environment = program(
        tmp_path,
        "import core.clock, os, random\n"
        "print(getattr(core.clock, 'x', 'new'), os.getpid(), random.random())\n"
        "core.clock.x = 1",
    )
    first, second = (run(words, environment=environment)[1].split() for _ in range(2))
    assert first[0] == second[0] == "new"
    assert first[1] != second[1]
    assert first[2] != second[2]


def test_many_at_once_all_end_and_none_is_taken_for_another(tmp_path: Path) -> None:
    words, environment = program(tmp_path, "import sys\nraise SystemExit(int(sys.argv[-1]))")
    processes = [NURSERY.start([*words[:-1], str(number)], environment=environment) for number in range(20)]
    assert [process.wait(60) for process in processes] == list(range(20))


def test_what_is_to_be_done_at_the_end_is_done_and_its_last_words_are_told(tmp_path: Path) -> None:
    text = (
        "import atexit, threading, time\n"
        "atexit.register(print, 'the end')\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('a thread'))).start()\n"
        "print('the program')\n"
        "raise SystemExit('why')"
    )
    words, environment = program(tmp_path, text)
    assert run(words, environment=environment) == (1, "the program\na thread\nthe end\n", "why\n")


def test_it_ends_with_the_tests_that_asked_for_it() -> None:
    text = (
        "from tests.support.prepared import Nursery\n"
        "nursery = Nursery(['core.clock'])\n"
        "nursery.start(['core.clock'], environment={}).wait()\n"
        "print(nursery.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    pid, until = int(done.stdout), time.monotonic() + 60
    while is_running(pid):
        assert time.monotonic() < until
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whoever has ended may still wait for the one who adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
