"""The sandboxes' files, made once for a whole run and copied for each test that changes or serves them."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Final

from services.sandbox.population.store import ensure
from tests.support.rundir import RunDirectory

CITIZENS: Final = 60
SEED: Final = 7


def furnish(run: RunDirectory, data: Path, as_of: date) -> None:
    """Puts the sandbox files of a small population into a data folder."""
    made = run.path / f"population-{as_of.isoformat()}"
    ensure(made, CITIZENS, SEED, as_of)  # takes turns with the other workers, and makes it once
    shutil.copytree(made / "sandbox", data / "sandbox", dirs_exist_ok=True)
