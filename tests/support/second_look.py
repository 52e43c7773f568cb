"""A second look at few failures, alone: `python -m tests.support.second_look [--thorough]`, after such a run.

Many tests meet other processes, and a machine that is busy with something else can make one of them miss its moment.
Up to three that failed are run again, by themselves and one after the other; each that passes then is named, for it is
to be mended. What fails twice has failed, and so has a fourth. Where a rare failure would be the worst news there is,
money paid twice or a log entry lost, there is no second look.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

AT_MOST: Final = 3
NEVER: Final = (
    *("tests/services/pay/", "tests/services/exchange/access_log/", "tests/services/exchange/proofs/"),
    *(
        "tests/services/receive/",
        "tests/services/apply/acceptance/",
        "tests/identity/provider/",
        "tests/soak/",
        "tests/welfare/",
        "tests/laws/",
        "tests/test_killed_commands.py",
        "tests/test_storm.py",
    ),
)
_LAST_FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")


def deserves_another(failed: Collection[str]) -> bool:
    """Whether these tests, by node id, may be asked again."""
    return 0 < len(failed) <= AT_MOST and not any(test.startswith(NEVER) or "::" not in test for test in failed)


def main(options: Sequence[str] = ()) -> int:
    """0 if all that failed passes alone, with the options that the run had, else 1: the exit code of the whole run."""
    failed = sorted(json.loads(_LAST_FAILED.read_text(encoding="utf-8"))) if _LAST_FAILED.exists() else []
    if not deserves_another(failed):
        return 1
    _say("once more, alone", failed)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *failed]
    again = subprocess.run(command, check=False)
    if again.returncode:
        return 1
    _say("passed only the second time, to be mended", failed)
    return 0


def _say(what: str, tests: Collection[str]) -> None:
    sys.stdout.write("\n  ".join((f"· {what}:", *tests)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
