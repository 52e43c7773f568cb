"""The process that looks through one file: the file comes in, one word goes out. `python -m` of this module.

A file that breaks a library breaks this process, which has so much memory and time, opens and writes nothing that is
larger than that word, and dies with the server that waits for it.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from typing import Final

MEMORY_MAX: Final = 1_500_000_000
CPU_SECONDS_MAX: Final = 10
SECONDS_MAX: Final = 20
FILES_MAX: Final = 64


def limit() -> None:
    """No dumps, which would hold a citizen's paper; so much memory, time and files; nothing written to a disk."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY_MAX),
        (resource.RLIMIT_CPU, CPU_SECONDS_MAX),
        (resource.RLIMIT_NOFILE, FILES_MAX),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))
    signal.alarm(SECONDS_MAX)


def main() -> None:
    limit()
    from services.apply.evidence.contents import look  # noqa: PLC0415 - the libraries are loaded under the limits
    from services.apply.evidence.refusals import Reason, Refused  # noqa: PLC0415 - as above

    content = sys.stdin.buffer.read()
    word = Reason.BROKEN.value
    with contextlib.suppress(Exception):  # whatever a library raises that we have not met: it cannot be read
        try:
            word = look(content)
        except Refused as refused:
            word = refused.reason.value
        except (MemoryError, RecursionError):
            word = Reason.TOO_MUCH_INSIDE.value
    sys.stdout.write(word)


if __name__ == "__main__":
    main()
