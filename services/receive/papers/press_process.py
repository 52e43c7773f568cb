"""The process in which papers are laid out: orders come by standard input, PDFs leave by standard output.

It bounds itself before it reads the first order, writes no file, and ends when nobody can order any more.
"""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from core.paper import compiled
from services.receive.papers.press import receive, send

_FAILED: Final = 1


def main(memory: int, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    orders, made = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            _, order = receive(orders)
        except EOFError:
            return
        _bound_time(seconds)
        try:
            content = _printed(order)
        except Exception:  # noqa: BLE001 - whatever it is, of a template; its words may quote what it was given
            send(made, _FAILED, b"")
            continue
        send(made, 0, content)


def _bound_time(seconds: float) -> None:
    """Of the processor, on all its cores; the clock on the wall is looked at from outside."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + max(1, round(2 * seconds)), resource.RLIM_INFINITY))


def _printed(order: bytes) -> bytes:
    told = orjson.loads(order)
    at = datetime.fromtimestamp(told["at"], UTC)
    return compiled(told["source"].encode(), told["inputs"], at, standard="a-3a", root=Path(told["root"]))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
