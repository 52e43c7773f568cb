from __future__ import annotations

from pathlib import Path

import pytest

from services.plugins.hosting.discovery import Package, Unusable, installed
from tests.support.packages import install


def test_a_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    folder = install(tmp_path)
    assert installed([str(tmp_path)]) == (Package("library", "sitthi_library", folder, "sitthi_library 1.0"),)


def test_nothing_of_a_package_runs_when_it_is_found(tmp_path: Path) -> None:
    folder = install(tmp_path, module="above.library")
    for place in (folder, folder.parent):
        (place / "__init__.py").write_text("raise AssertionError", encoding="utf-8")
    (found,) = installed([str(tmp_path)])
    assert isinstance(found, Package)
    assert found.folder == folder


@pytest.mark.parametrize("value", ["sitthi_library:plugin", "sitthi_library [extra]", "sitthi-library", "../elsewhere"])
def test_an_entry_point_that_names_more_than_a_package_is_unusable(tmp_path: Path, value: str) -> None:
    install(tmp_path, value=value)
    (found,) = installed([str(tmp_path)])
    assert isinstance(found, Unusable)


@pytest.mark.parametrize("value", ["nowhere", "sitthi_library.nowhere", "sitthi_library.plugin", "nowhere.at.all"])
def test_an_entry_point_that_leads_to_no_package_is_unusable(tmp_path: Path, value: str) -> None:
    install(tmp_path, value=value)
    assert installed([str(tmp_path)]) == (Unusable("library", f"there is no package {value!r}"),)


def test_of_two_distributions_that_name_one_plugin_neither_is_taken(tmp_path: Path) -> None:
    install(tmp_path, module="sitthi_library")
    install(tmp_path, module="other_library")
    found = installed([str(tmp_path)])
    assert [type(one) for one in found] == [Unusable, Unusable]


def test_without_a_package_nothing_is_found(tmp_path: Path) -> None:
    assert installed([str(tmp_path)]) == ()
