"""What the command line asks of the population."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from services.sandbox.population.generator import generate
from services.sandbox.population.store import Made, Progress, ensure, replace, stored


def make_demo(data_dir: Path, citizens: int, seed: int, as_of: date, progress: Progress) -> bool:
    """Make exactly this population, unless it stands there already; says whether it was made.

    `citizens` does not count the personas and who lives with them. `progress` gets a line now and then, numbers only.
    Raises PopulationSizeNotPossible, PopulationDateNotPossible.
    """
    population = generate(citizens, seed, as_of)
    made = stored(data_dir)
    if made is not None and (made.citizens, made.seed, made.as_of) == (citizens, seed, as_of) and made.holds_on(as_of):
        return False
    replace(data_dir, population, progress)
    return True


def keep_demo(data_dir: Path, citizens: int, seed: int, today: date, progress: Progress) -> Made:
    """For a server that starts: keep the population that stands there, whatever its size and seed.

    It is made again for today where its personas have outgrown what is said of them. `citizens` and `seed` count only
    where there is none. Returns what stands there then.
    """
    made = stored(data_dir)
    if made is not None:
        citizens, seed = made.citizens, made.seed
    ensure(data_dir, citizens, seed, today, progress)
    result = stored(data_dir)
    assert result is not None
    return result
