"""Modules beside `plugin.py`, of plugins of our own tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.plugins.contract import PluginRefused
from services.plugins.registry.folder import load_folder
from tests.support.plugins import AGENCIES, CATALOGUE, HOST, copy_of_library


@pytest.mark.parametrize(
    ("line", "rule"),
    [("import os", "IMPORT"), ("x = eval", "CODE"), ("from api import house", "IMPORT"), ("(", "CODE")],
)
def test_a_module_is_kept_to_what_the_plugin_is_kept_to(tmp_path: Path, line: str, rule: str) -> None:
    folder = tmp_path / "oic"
    shutil.copytree(AGENCIES / "oic", folder)
    module = folder / "tables.py"
    module.write_text(module.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    with pytest.raises(PluginRefused) as caught:
        load_folder(folder, HOST, CATALOGUE)
    assert {(fault.rule.value, fault.file) for fault in caught.value.faults} == {(rule, "tables.py")}


def test_another_plugins_module_is_not_its_own(tmp_path: Path) -> None:
    code = ("from services.plugins.contract", "import services.agencies.oic.tables\nfrom services.plugins.contract")
    folder = copy_of_library(tmp_path, code=code)
    with pytest.raises(PluginRefused) as caught:
        load_folder(folder, HOST, CATALOGUE)
    assert "IMPORT" in {fault.rule.value for fault in caught.value.faults}
