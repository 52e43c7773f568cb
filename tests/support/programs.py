"""Programs of the machine that some tests need: without one a test skips and names it, and fails under CI=true."""

from __future__ import annotations

import os
import shutil
from typing import Final, NoReturn

import pytest

_NAMES: Final = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "pdftotext": ("pdftotext",)}


def find(program: str) -> str | None:
    """The path of a program by its usual names."""
    return next((path for name in _NAMES.get(program, (program,)) if (path := shutil.which(name))), None)


def require(*programs: str) -> None:
    """Skips the running test, or fails it under CI=true, unless every program is there."""
    missing = [program for program in programs if find(program) is None]
    if missing:
        absent(f"not on this machine: {', '.join(missing)}")


def absent(message: str) -> NoReturn:
    """What the running test needs is not here."""
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
