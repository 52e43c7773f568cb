"""Every version of every programme, in force or proposed, gives one answer in Python, Polars, PostgreSQL and DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import pytest

from tests.support.databases import Databases, Kind
from tests.welfare.programmes.case_files import PROGRAMMES
from tests.welfare.programmes.executions import disagreements
from tests.welfare.rules.engines import Engines, engines_on
from welfare.programmes import Version

PEOPLE: Final = 400
VERSIONS: Final = [
    pytest.param(version, id=f"{programme.slug}-{version.status.value}-{version.starts}")
    for programme in PROGRAMMES
    for version in (*programme.versions, *programme.proposed)
]


@pytest.fixture(scope="module")
def engines(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    folder = tmp_path_factory.mktemp("programmes")
    with databases.clone(Kind.POSTGRESQL, folder, empty=True) as url, engines_on(url) as both:
        yield both


@pytest.mark.parametrize("version", VERSIONS)
def test_all_executions_agree_beside_every_boundary(version: Version, engines: Engines) -> None:
    """On a day of the version and on a 29 February, 400 people each."""
    starts = version.starts or date(2026, 10, 1)
    met = set()
    for seed, on in enumerate((starts, date(2028, 2, 29))):
        found, answers = disagreements(version, on, seed, PEOPLE, engines)
        assert found == []
        met |= set(answers["met"].to_list())
    assert met == {True, False, None}, "the facts show every outcome"
