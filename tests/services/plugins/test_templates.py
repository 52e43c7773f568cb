"""The templates of a plugin's folder: typst by name, and each that is none is refused with its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.plugins.contract import Fault, Rule
from services.plugins.plugin import Origin
from services.plugins.registry.templates import TEMPLATE_BYTES_MAX, read_templates


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / "documents").mkdir()
    (folder / "documents" / name).write_bytes(content)
    return folder


def test_a_template_is_known_by_its_name(tmp_path: Path) -> None:
    faults: list[Fault] = []
    assert read_templates(written(tmp_path, "a_1.typ", "ก".encode()), Origin.TREE, faults) == {"a_1": "ก"}
    assert faults == []


def test_a_plugin_without_papers_has_no_folder_for_them(tmp_path: Path) -> None:
    faults: list[Fault] = []
    assert read_templates(tmp_path, Origin.PACKAGE, faults) == {}
    assert faults == []


@pytest.mark.parametrize(
    ("name", "content", "origin"),
    [
        ("a.typ", b"", Origin.PACKAGE),
        ("a.txt", b"", Origin.TREE),
        ("A.typ", b"", Origin.TREE),
        ("a.typ", b"\xff", Origin.TREE),
        ("a.typ", b'#import "@preview/a:1.0.0": b', Origin.TREE),
        ("a.typ", b"a" * (TEMPLATE_BYTES_MAX + 1), Origin.TREE),
    ],
)
def test_what_is_no_template_of_ours_is_refused(tmp_path: Path, name: str, content: bytes, origin: Origin) -> None:
    faults: list[Fault] = []
    assert read_templates(written(tmp_path, name, content), origin, faults) == {}
    assert [fault.rule for fault in faults] == [Rule.TEMPLATE]
