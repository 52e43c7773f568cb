"""Every module says what it is for, and every room says it in its `__init__`."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path
    for room in ("api", "core", "identity", "services", "welfare", "bench", "web")
    for path in (ROOT / room).rglob("*.py")
    if "vendor" not in path.parts
)
LINES_MAX, FUNCTION_LINES_MAX = 400, 60


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_keeps_to_the_size_of_a_room(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module says in a sentence what it is for"
    assert path.read_text().count("\n") <= LINES_MAX, "two things live in this file"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno
            assert lines <= FUNCTION_LINES_MAX, f"{node.name} is {lines} lines long"
