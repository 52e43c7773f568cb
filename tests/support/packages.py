"""A plugin as an installed Python package: on the path lie the package and its metadata, as pip leaves them."""

from __future__ import annotations

from pathlib import Path

from tests.support.plugins import copy_of_library


def install(site: Path, *, module: str = "sitthi_library", slug: str = "library", value: str | None = None) -> Path:
    """The stranger's plugin of the tests as a distribution in `site`; its package's folder."""
    site.mkdir(parents=True, exist_ok=True)
    package = site.joinpath(*module.split("."))
    package.parent.mkdir(parents=True, exist_ok=True)
    copy_of_library(package.parent).rename(package)
    metadata = site / f"{module.replace('.', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    points = f"[sitthi.plugins]\n{slug} = {value or module}\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    return package
