"""Checks a plugin's code before it is imported: what it imports, and that each operation has its function."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from typing import Final

from services.plugins.contract import Fault, Manifest, Rule

FILE: Final = "plugin.py"
CONTRACT: Final = "services.plugins.contract"
PARAMETERS: Final = ["host", "call"]


def function_name(operation: str) -> str:
    """`ageLimit` → `age_limit`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", operation).lower()


def check_code(source: str, manifest: Manifest, file: str = FILE) -> Iterator[Fault]:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        yield Fault(Rule.CODE, error.msg, "Write it in Python 3.11", file, error.lineno)
        return
    yield from check_imports(tree, file)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}
    for operation in manifest.operations:
        name = function_name(operation)
        node = functions.get(name)
        remedy = f"Write `async def {name}(host: Host, call: Call)`"
        if node is None:
            yield Fault(
                Rule.CODE, f"the operation `{operation}` has no function", remedy, file, field=f"operations.{operation}"
            )
        elif not isinstance(node, ast.AsyncFunctionDef) or [a.arg for a in node.args.args] != PARAMETERS:
            yield Fault(
                Rule.CODE, f"`{name}` is not an asynchronous function of host and call", remedy, file, node.lineno
            )


def check_imports(tree: ast.Module, file: str) -> Iterator[Fault]:
    """A plugin sees the contract and the standard library: its code must run as well outside this process."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            continue
        for name in names:
            if name != CONTRACT and name.partition(".")[0] not in sys.stdlib_module_names:
                remedy = f"Import `{CONTRACT}` or the standard library alone"
                yield Fault(Rule.IMPORT, f"it imports `{name}`", remedy, file, node.lineno)
