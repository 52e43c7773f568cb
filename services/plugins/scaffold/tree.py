"""Writes a tree from the templates beside this file.

A template is the file itself with `<< name >>` where a name goes. Whatever somebody said stands in a file only as a
JSON string, which TOML and Python read alike (`quoted`), or not at all: no title can break out of its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined

from services.plugins.scaffold.keys import KeyPair
from services.plugins.scaffold.start import Layout, Start

SUFFIX: Final = ".jinja"
PRIVATE_KEY: Final = "private-key.json"
"""The file of a remote plugin that nobody but the agency may read."""
_PARTS: Final[Mapping[Layout, tuple[tuple[str, str], ...]]] = {
    Layout.FOLDER: (("common", ""), ("plugin", ""), ("folder", "")),
    Layout.PACKAGE: (*((part, "<< start.module >>/") for part in ("common", "plugin", "folder")), ("package", "")),
    Layout.REMOTE: (("common", ""), ("remote", "")),
}
"""Layout → folders of templates, and where below the plugin's folder their files go."""
_ENVIRONMENT: Final = Environment(
    autoescape=False,  # noqa: S701 - none of it is HTML; `quoted` is the escape of these files
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    variable_start_string="<<",
    variable_end_string=">>",
    block_start_string="<%",
    block_end_string="%>",
    comment_start_string="<#",
    comment_end_string="#>",
)
_ENVIRONMENT.filters["quoted"] = lambda value: json.dumps(value, ensure_ascii=False)


def tree(start: Start, key: KeyPair | None = None) -> dict[str, str]:
    """The files of a new plugin: path below its folder → text.

    A remote plugin's has the public half of `key`, a new one by default, in its manifest, and the private half in
    :data:`PRIVATE_KEY`, which its `.gitignore` names; write that file for its owner's eyes alone.
    """
    key = key or KeyPair.new()
    given: dict[str, Any] = {
        "start": start,
        "key": json.dumps(key.public),
        "port": urlsplit(start.endpoint).port or 8300,
        "private_key": PRIVATE_KEY,
    }
    made = {
        _filled(place + path.removesuffix(SUFFIX), given): _filled(text, given)
        for part, place in _PARTS[start.layout]
        for path, text in _templates(files(__package__) / "templates" / part)
    }
    if start.layout is Layout.REMOTE:
        made[PRIVATE_KEY] = json.dumps(key.private, indent=2) + "\n"
    return made


def _filled(template: str, given: Mapping[str, Any]) -> str:
    return _ENVIRONMENT.from_string(template).render(given)


def _templates(folder: Traversable, place: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, f"{place}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield f"{place}{entry.name}", entry.read_text(encoding="utf-8")
