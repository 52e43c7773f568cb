"""Plugins for tests: a stranger's, made as docs/plugins.md says, and a host for them that is not the real graph."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from services.plugins.plugin import HostNames

LIBRARY: Final = Path(__file__).parent / "library"
AGENCIES: Final = Path(__file__).parents[3] / "services" / "agencies"
HOST: Final = HostNames(
    types=frozenset({"Citizen", "Query", "Mutation", "Node", "PageInfo", "Profile", "Programme"}),
    citizen=frozenset({"id", "profile", "entitlements"}),
    query=frozenset({"viewer", "node", "services"}),
)
CATALOGUE: Final = {
    "birth_date": "dopa",
    "annual_income": "rd",
    "library_member": "library",
    "motor_insurance": "oic",
    "highest_degree": "mhesi",
    "student_enrolled": "mhesi",
}


def copy_of_library(folder: Path, **replaced: tuple[str, str] | str) -> Path:
    """The stranger's plugin in a folder of the test's own; `manifest=(old, new)` replaces, a text rewrites the file."""
    path = folder / "library"
    shutil.copytree(LIBRARY, path)
    files = {"manifest": "manifest.toml", "graph": "graph.graphql", "code": "plugin.py", "form": "form.json"}
    for name, change in replaced.items():
        file = path / files[name]
        if isinstance(change, str):
            file.write_text(change, encoding="utf-8")
        else:
            text = file.read_text(encoding="utf-8")
            assert change[0] in text, f"{files[name]} does not hold {change[0]!r}"
            file.write_text(text.replace(*change), encoding="utf-8")
    return path
