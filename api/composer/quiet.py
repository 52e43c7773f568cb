"""Keeps the garbage collector out of the way while a graph is made.

A graph of a thousand plugins is some hundred thousand objects that refer to each other. While they are made, Python's
collector would look through all of them again and again, and whoever collects holds every thread of the process: the
event loop waited for seconds (docs/measurements.md). So nothing is collected meanwhile; and the many objects that have
come to stay are put aside (`gc.freeze`), where no later collection looks at them. Then former graphs would stay, too:
after every few of them all is looked through once.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MANY: Final = 100
"""Plugins. Below, a collection takes no time that anybody would notice, and nothing is put aside."""
FORMER_MAX: Final = 4
"""Graphs of many plugins that are put aside before those that nobody uses any more are looked for."""

_lock = threading.Lock()
_under_way = 0
_former = 0


@contextmanager
def quiet(plugins: int = 0) -> Iterator[None]:
    """Collects nothing in the block, in any thread; for several at once, until the last is over. `plugins` is how many
    there are in the graph that is made in it."""
    global _under_way  # noqa: PLW0603 - the collector is the process's
    with _lock:
        was_on = gc.isenabled() or _under_way > 0
        _under_way += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _under_way -= 1
            if plugins >= MANY:
                _put_aside()
            if was_on and not _under_way:
                gc.enable()


def _put_aside() -> None:
    global _former  # noqa: PLW0603 - what the collector has put aside is the process's too
    _former += 1
    if _former > FORMER_MAX:
        _former = 0
        gc.unfreeze()
        gc.collect()
    gc.freeze()
