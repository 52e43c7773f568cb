"""YAML without its surprises: plain words stay words, keys are given once, and there is one way to write each value."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)


class CatalogueFileError(ValueError):
    """A file of the catalogue cannot be read. Names file and line; it is a mistake of ours, never a citizen's."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")


def read_yaml(text: str, file: str) -> Any:
    """Mappings, lists, whole numbers, `true` and `false`, words. Raises :class:`CatalogueFileError`.

    Refused: duplicate keys, anchors, aliases, tags. `no`, `on`, `~` and dates are words like any other.
    """
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise CatalogueFileError(file, line, "anchors, aliases and tags are not used here")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CatalogueFileError(file, line, error.problem or "not YAML") from error
    if node is None:
        raise CatalogueFileError(file, 1, "the file is empty")
    return _value(node, file)


def _value(node: yaml.Node, file: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        read: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in read:
                raise CatalogueFileError(file, key_node.start_mark.line + 1, f"`{key}` is given twice")
            read[key] = _value(value_node, file)
        return read
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, file) for item in node.value]
    word = str(node.value)
    if isinstance(node, yaml.ScalarNode) and node.style:
        return word
    if word in ("true", "false"):
        return word == "true"
    return int(word) if _INTEGER.fullmatch(word) else word
