"""The two databases with the same people in them, made once for this folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from tests.support.databases import Databases, Kind
from tests.welfare.rules.agreement import VOCABULARY, Crowd, crowds
from tests.welfare.rules.engines import Engines, engines_on

PEOPLE: Final = 256
SEED: Final = 7


@pytest.fixture(scope="session")
def crowd_of() -> dict[date, Crowd]:
    return crowds(SEED, PEOPLE)


@pytest.fixture(scope="session")
def engines(
    databases: Databases, crowd_of: dict[date, Crowd], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engines]:
    folder: Path = tmp_path_factory.mktemp("rules")
    with databases.clone(Kind.POSTGRESQL, folder, empty=True) as url, engines_on(url) as both:
        for engine in both:
            for crowd in crowd_of.values():
                engine.make(crowd.table, crowd.frame, VOCABULARY)
        yield both
