"""Checks a plugin's code before it is imported: what it imports and names, and that each operation has its function.

These checks keep our own reviewed code to the contract, so that it runs as well outside this process. They are no
prison: code that means harm finds a way around any such list, which is why a stranger's never runs in this process.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from services.plugins.contract import Fault, Manifest, Rule
from services.plugins.contract.names import function_name

FILE: Final = "plugin.py"
CONTRACT: Final = "services.plugins.contract"
PARAMETERS: Final = ["host", "call"]
COMPUTES: Final = frozenset(
    {
        *("__future__", "abc", "base64", "binascii", "bisect", "collections", "contextlib", "copy", "dataclasses"),
        *("datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "html", "itertools", "json"),
        *("math", "numbers", "operator", "re", "statistics", "string", "textwrap", "types", "typing", "unicodedata"),
        *("uuid", "zoneinfo"),
    }
)
"""The part of the standard library that only computes. The way out to files, network and processes is the host's."""
REACHES_OUT: Final = frozenset(
    {
        *("__builtins__", "__import__", "breakpoint", "compile", "eval", "exec", "globals", "input", "locals", "open"),
        *("vars", "__bases__", "__globals__", "__loader__", "__mro__", "__spec__", "__subclasses__"),
    }
)
"""Names by which code gets at what it has not imported."""


def check_code(
    source: str, manifest: Manifest, file: str = FILE, *, alone: bool = False, own: frozenset[str] = frozenset()
) -> Iterator[Fault]:
    """With `alone`, the code runs in a process of its own, where it may import what it is installed with. `own` are
    further modules of the plugin, which it may import too."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        yield Fault(Rule.CODE, error.msg, "Write it in Python 3.11", file, error.lineno)
        return
    if not alone:
        yield from check_imports(tree, file, own)
        yield from check_names(tree, file)
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


def check_module(source: str, file: str, own: frozenset[str]) -> Iterator[Fault]:
    """A further module of a plugin, kept to what `plugin.py` is kept to."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        yield Fault(Rule.CODE, error.msg, "Write it in Python 3.11", file, error.lineno)
        return
    yield from check_imports(tree, file, own)
    yield from check_names(tree, file)


def check_imports(tree: ast.Module, file: str, own: frozenset[str] = frozenset()) -> Iterator[Fault]:
    """A plugin sees the contract, its own modules, and of the standard library what only computes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            continue
        for name in names:
            if name != CONTRACT and name not in own and name.partition(".")[0] not in COMPUTES:
                remedy = f"Import `{CONTRACT}` and what only computes; reach out by `host`"
                yield Fault(Rule.IMPORT, f"it imports `{name}`", remedy, file, node.lineno)


def check_names(tree: ast.Module, file: str) -> Iterator[Fault]:
    """Nor does it get at anything by another way than an import."""
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
        if name in REACHES_OUT and isinstance(node, ast.Name | ast.Attribute):
            yield Fault(Rule.CODE, f"it uses `{name}`", "Take what is outside from `host`", file, node.lineno)
