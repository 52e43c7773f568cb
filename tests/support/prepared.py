"""Processes of ours that start at once: forks of one that has imported everything.

To import the application takes two seconds of the processor, more than most commands need to do what they are for, and
a run of the tests starts many hundred of them. Here a process imports it once and then forks for each that is asked
for, which so is a process like any other: with an environment, files and signals of its own, to be killed at any
moment. `--thorough` starts each as a user does (`tests/support/server.py` chooses).
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parents[2]
IMPORTED: Final = ("api.cli", "api.app", "api.serving", "tests.identity.served")
_ORDER_BYTES_MAX: Final = 200_000
_POLL_SECONDS: Final = 0.005
_END_SECONDS: Final = 60


class Forked:
    """One process, with as much of `subprocess.Popen` as its users need."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self.returncode: int | None = None
        told = status.recv(64)
        if not told:
            status.close()
            raise RuntimeError("the prepared process ended: what it could not import is among what the tests say")
        self.pid = int(told)

    def poll(self) -> int | None:
        if self.returncode is None:
            self._status.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                self._ended(self._status.recv(64))
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired, as Popen does."""
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self._ended(self._status.recv(64))
            except TimeoutError:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended, and that is still to be told
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, told: bytes) -> None:
        self.returncode = int(told) if told else -signal.SIGKILL  # nothing is told when the parent was killed itself
        self._status.close()


class Nursery:
    """The process that has imported everything; started when the first is asked for. One for each test process."""

    def __init__(self, imported: Sequence[str] = IMPORTED) -> None:
        self._imported = imported
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        files: tuple[int, int, int] | None = None,
        cwd: Path = ROOT,
    ) -> Forked:
        """`python -m WORDS`, or `python WORDS` if the first is a file. Input, output and errors are these files;
        without them there is no input, and what it says is among what the test says."""
        with self._lock:
            orders = self._orders or self._begin()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = json.dumps({"words": list(words), "environment": dict(environment), "cwd": str(cwd)}).encode()
        with there, contextlib.ExitStack() as opened:
            given = files or (opened.enter_context(Path(os.devnull).open("rb")).fileno(), 1, 2)
            descriptors = array.array("i", [*given, there.fileno()])
            orders.sendmsg([order], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        return Forked(here)

    def stop(self) -> None:
        if self._process is not None and self._orders is not None:
            self._orders.close()
            self._process.wait(_END_SECONDS)
            self._process = self._orders = None

    def _begin(self) -> socket.socket:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ORDER_BYTES_MAX)
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.prepared", str(there.fileno()), *self._imported],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
            )
        self._orders = here
        return here


NURSERY: Final = Nursery()


def run(words: Sequence[str], *, environment: Mapping[str, str], given: str | None = None) -> tuple[int, str, str]:
    """`python -m WORDS` to its end: exit code, output and errors."""
    with contextlib.ExitStack() as opened:
        stdin, stdout, stderr = (opened.enter_context(tempfile.TemporaryFile()).fileno() for _ in range(3))
        os.pwrite(stdin, (given or "").encode(), 0)
        code = NURSERY.start(words, environment=environment, files=(stdin, stdout, stderr)).wait()
        out, err = (os.pread(file, os.fstat(file).st_size, 0).decode() for file in (stdout, stderr))
    return code, out, err


def _prepare(imported: Sequence[str]) -> None:
    gc.disable()
    for name in imported:
        importlib.import_module(name)
    if "api.app" in imported:
        _read_what_is_read_once()
    gc.collect()
    gc.freeze()
    gc.enable()


def _read_what_is_read_once() -> None:
    """The catalogue, the programmes, the agencies' plugins: whatever an application remembers of its files. The first
    is made as in production, where each route is made at once; the next shows what need not be made again."""
    app, settings, remembered = (
        importlib.import_module(name) for name in ("api.app", "core.settings", "tests.support.remembered")
    )
    with tempfile.TemporaryDirectory() as folder:
        for remember in (False, True):
            if remember:
                remembered.remember_adapters()
            app.create_app(settings.Settings(data=Path(folder)))


def _serve(orders: socket.socket) -> dict[str, Any]:
    """Forks for each order, and tells whoever asked the process's id and, when it has ended, how. Ends with the one
    who gives the orders; in a fork, answers its order."""
    ended, woken = socket.socketpair()
    woken.settimeout(0)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the tests, which then end this
    asked: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is ended:
                    ended.recv(4096)
                    _tell_the_ended(asked)
                    continue
                order, descriptors, _, _ = socket.recv_fds(orders, _ORDER_BYTES_MAX, 4)
                if not order:
                    raise SystemExit(0)
                pid = os.fork()
                if pid == 0:
                    for status in asked.values():
                        status.close()
                    signal.set_wakeup_fd(-1)
                    for one in (orders, ended, woken):
                        one.close()
                    return {**json.loads(order), "files": descriptors}
                for file in descriptors[:3]:
                    os.close(file)
                asked[pid] = socket.socket(fileno=descriptors[3])
                asked[pid].send(b"%d" % pid)


def _tell_the_ended(asked: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with asked.pop(pid) as told, contextlib.suppress(OSError):
                told.send(b"%d" % os.waitstatus_to_exitcode(status))


def _become(words: list[str], environment: dict[str, str], cwd: str, files: list[int]) -> NoReturn:
    """From here on this process is `python -m WORDS`."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["", *words[1:]]
    if words[0].endswith(".py"):
        runpy.run_path(words[0], run_name="__main__")
    else:
        if not hasattr(sys.modules.get(words[0]), "__path__"):
            sys.modules.pop(words[0], None)  # what runs as the program is a module of its own
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    raise SystemExit(0)


def _end(code: object) -> NoReturn:
    """As the interpreter ends, but for taking apart all that was imported, which would cost more than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit((code or 0) & 0xFF)


def main() -> NoReturn:
    try:
        with socket.socket(fileno=int(sys.argv[1])) as orders:
            _prepare(sys.argv[2:])
            order = _serve(orders)
        _become(**order)
    except SystemExit as ended:
        _end(ended.code)


if __name__ == "__main__":
    main()
