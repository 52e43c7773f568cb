"""Which cases of a test meet which database (tests/conftest.py)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = "tests/identity/provider/test_token.py"
MANY = "test_a_failed_attempt_is_refused_and_consumes_nothing"
ONE = "test_a_code_works_once_and_a_second_use_is_noted"


def collected(*words: str) -> dict[str, list[tuple[str, str]]]:
    """By test, its cases with their databases."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", FILE, *words]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[tuple[str, str]]] = {}
    for test, database, case in re.findall(r"::(\w+)\[(sqlite|postgresql)-?([^\]]*)\]$", told, re.MULTILINE):
        found.setdefault(test, []).append((case, database))
    return found


def test_many_inputs_take_the_databases_in_turn_and_a_test_of_one_takes_both() -> None:
    thin, whole = collected(), collected("--thorough")
    cases = Counter(case for case, _ in whole[MANY])
    assert set(cases.values()) == {2}
    assert Counter(case for case, _ in thin[MANY]) == dict.fromkeys(cases, 1)
    assert {database for _, database in thin[MANY]} == {"sqlite", "postgresql"}
    assert sorted(thin[ONE]) == sorted(whole[ONE]) == [("", "postgresql"), ("", "sqlite")]
