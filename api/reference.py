"""The reference pages that are made from the code: error codes, settings, the record of processing and others."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
from pathlib import Path
from typing import Any, Final

import core.settings
from api.catalogue_page import catalogue_page
from api.errors import HTTP_STATUS
from api.messages import messages_page
from api.privacy import declared_stores
from api.sandbox_page import sandbox_page
from core.errors import SitthiError
from core.settings import Settings
from core.text import Text
from services.exchange.catalogue import load_catalogue
from services.exchange.privacy.records import page as records_page

DOCS: Final = Path(__file__).parents[1] / "docs"
ROOMS: Final = ("core", "identity", "services", "welfare", "api")

LIBRARY_CODES: Final = {
    "GRAPHQL_PARSE_FAILED": Text(th="คำถาม GraphQL อ่านไม่ได้", en="The document is not GraphQL."),
    "GRAPHQL_VALIDATION_FAILED": Text(
        th="คำถาม GraphQL ไม่ตรงกับ schema", en="The document or its variables do not fit the schema."
    ),
    "QUERY_TOO_DEEP": Text(th="คำถามซ้อนลึกเกินไป", en="The query nests deeper than is allowed."),
    "QUERY_TOO_LARGE": Text(th="คำถามใหญ่เกินไป", en="The query has more tokens, fields or roots than are allowed."),
}
"""Codes that are ours but whose sentences come from the GraphQL library."""


def pages() -> dict[Path, str]:
    """Every page by its path, as it should be."""
    processing = records_page(declared_stores(), load_catalogue())
    return {
        DOCS / "errors.md": errors_page(),
        DOCS / "settings.md": settings_page(),
        DOCS / "records-of-processing.md": processing,
        DOCS / "catalogue.md": catalogue_page(),
        DOCS / "sandbox-agencies.md": sandbox_page(),
        DOCS / "messages.md": messages_page(),
    }


def all_errors() -> dict[str, type[SitthiError]]:
    """Every error of every room by its code. Two that share a code share its text, or one is the other's special case.

    The general one is what is told here; raises ValueError for two that have nothing to do with each other.
    """
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            importlib.import_module(module.name)
    found: dict[str, type[SitthiError]] = {}
    todo: list[type[SitthiError]] = [SitthiError]
    while todo:
        kind = todo.pop()
        todo.extend(kind.__subclasses__())
        if not kind.__module__.startswith(ROOMS):
            continue
        earlier = found.setdefault(kind.code, kind)
        if issubclass(earlier, kind):
            found[kind.code] = kind
        elif not issubclass(kind, earlier) and earlier.text != kind.text:
            raise ValueError(
                f"{earlier.__qualname__} and {kind.__qualname__} share the code {kind.code} with two texts"
            )
    return found


def errors_page() -> str:
    lines = [
        "# Error codes",
        "",
        "Made from the code by `sitthi reference`. In GraphQL a code stands in `errors[].extensions.code` or in a",
        "payload's `problems[].code`; over HTTP in the same shape with the status beside it. Messages may change;",
        "codes do not.",
        "",
        "| code | HTTP | ไทย | English |",
        "| --- | --- | --- | --- |",
    ]
    rows: dict[str, Text] = {code: kind.text for code, kind in all_errors().items()} | LIBRARY_CODES
    for code, text in sorted(rows.items()):
        status = 200 if code in LIBRARY_CODES else HTTP_STATUS.get(code, 422)
        lines.append(f"| `{code}` | {status} | {_cell(text.th)} | {_cell(text.en)} |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    told = _attribute_docstrings(Settings)
    lines = [
        "# Settings",
        "",
        "Made from the code by `sitthi reference`. Each is an environment variable; none is needed to try Sitthi.",
        "",
        "| variable | default | what it does |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"SITTHI_{name.upper()}"
        default = "" if field.default is None else f"`{getattr(field.default, 'value', field.default)}`"
        lines.append(f"| `{variable}` | {default} | {_cell(told.get(name, ''))} |")
    return "\n".join(lines) + "\n"


def undocumented_settings() -> list[str]:
    told = _attribute_docstrings(Settings)
    return [name for name in Settings.model_fields if not told.get(name)]


def _attribute_docstrings(kind: type[Any]) -> dict[str, str]:
    tree = ast.parse(inspect.getsource(core.settings))
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == kind.__name__).body
    told: dict[str, str] = {}
    for statement, after in itertools.pairwise(body):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                told[name] = inspect.cleandoc(text)
    return told


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
