"""Lays papers out in processes of their own, which may take so much memory and so much time, and are ended when they
take more: what a template does, however wrong, ends with it, and takes no thread of ours along.

A process is kept for the next paper, as starting one costs more than a page. It has no secrets, writes no file, and
ends by itself when we do.
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Final

import orjson

MEMORY_BYTES_MAX: Final = 2 << 30
"""Of addresses: a transcript of 48 courses takes a tenth of it."""
SECONDS_MAX: Final = 20.0
PAPERS_MAX: Final = 200
"""Of one process: typst remembers what it laid out."""
_ROOT: Final = Path(__file__).parents[3]
_FRAME: Final = struct.Struct(">BI")
_MADE: Final = 0


class NotPrinted(RuntimeError):
    """The template failed, or took more than it may."""


class _Gone(NotPrinted):
    """The process ended, and nobody had to end it."""


class Press:
    """One per application; any number of papers at once. `close` it, or it ends with the last who knows it."""

    def __init__(self, *, memory_bytes_max: int = MEMORY_BYTES_MAX, seconds_max: float = SECONDS_MAX) -> None:
        self._memory, self._seconds = memory_bytes_max, seconds_max
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._end = weakref.finalize(self, _end_all, self._idle, self._lock)

    async def compiled(self, source: bytes, inputs: Mapping[str, str], made_at: datetime, root: Path) -> bytes:
        """The PDF/A-3a of a typst document that may read what lies in the folder. Raises :class:`NotPrinted`."""
        order = {"source": source.decode(), "inputs": dict(inputs), "at": int(made_at.timestamp()), "root": str(root)}
        return await asyncio.to_thread(self._print, orjson.dumps(order))

    def close(self) -> None:
        """Ends the processes that wait. The press can be used again."""
        _end_all(self._idle, self._lock)

    def _print(self, order: bytes) -> bytes:
        worker = self._waiting()
        made = None
        if worker is not None:
            try:
                made = worker.ask(order, self._seconds)
            except _Gone:
                worker = None  # perhaps before it was asked: another tells whether it was the paper
        if worker is None or made is None:
            worker = _Worker(self._memory, self._seconds)
            made = worker.ask(order, self._seconds)
        if worker.is_spent:
            worker.end()
        else:
            with self._lock:
                self._idle.append(worker)
        return made

    def _waiting(self) -> _Worker | None:
        """One that waits and was not ended by somebody else meanwhile."""
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_there:
                    return worker
                worker.end()
        return None


class _Worker:
    """A process that prints, one paper at a time."""

    def __init__(self, memory: int, seconds: float) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "HOME") if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603 - this very Python, and a module of ours
            [sys.executable, "-m", "services.receive.papers.press_process", str(memory), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # typst's words quote the template and what it was given
            cwd=_ROOT,
            env={**kept, "PYTHONPATH": str(_ROOT), "MALLOC_ARENA_MAX": "2", "RAYON_NUM_THREADS": "2"},
            start_new_session=True,  # a signal at the terminal is for us to hear
        )
        self._papers = 0

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    @property
    def is_spent(self) -> bool:
        return self._papers >= PAPERS_MAX

    def ask(self, order: bytes, seconds: float) -> bytes:
        """Raises :class:`NotPrinted`; a process that took too much is gone then."""
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        self._papers += 1
        try:
            send(_pipe(self._process.stdin), _MADE, order)
            state, content = receive(_pipe(self._process.stdout))
        except (OSError, EOFError):
            is_late = not timer.is_alive()
            self.end()
            raise (NotPrinted if is_late else _Gone)("it took more memory or time than it may") from None
        finally:
            timer.cancel()
        if state != _MADE:
            self._papers = PAPERS_MAX  # what failed may have left anything behind
            self.end()
            raise NotPrinted("the template failed")
        return content

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                _pipe(pipe).close()
            except OSError:
                continue  # it was written into, and nobody reads it any more
        self._process.wait()


def send(pipe: IO[bytes], state: int, content: bytes) -> None:
    pipe.write(_FRAME.pack(state, len(content)) + content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[int, bytes]:
    """Raises EOFError where the other end is gone."""
    head = pipe.read(_FRAME.size)
    if len(head) < _FRAME.size:
        raise EOFError
    state, length = _FRAME.unpack(head)
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return state, content


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "it was opened with pipes"
    return pipe


def _end_all(idle: list[_Worker], lock: threading.Lock) -> None:
    with lock:
        workers, idle[:] = list(idle), []
    for worker in workers:
        worker.end()
