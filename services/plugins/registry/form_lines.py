"""Where each part of a JSON text stands, so that a fault of a form names its line; and keys that are given twice."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\(.)")
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class DuplicateJsonKey(ValueError):
    """A reader keeps the last of two; another reader the first."""


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads(object_pairs_hook=…)`. Raises :class:`DuplicateJsonKey`."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DuplicateJsonKey(f"`{key}` is given twice")
        found[key] = value
    return found


class Lines:
    """Made of the text of a JSON document that is known to be one; of an empty text, it knows no line."""

    def __init__(self, text: str = "") -> None:
        self._at: dict[Path, int] = {}
        self.twice: int | None = None
        """The first line on which a key stands that its object has already."""
        if text:
            self._read(text)

    def of(self, path: Path) -> int | None:
        """The line of the deepest part of `path` that is there."""
        for end in range(len(path), -1, -1):
            if path[:end] in self._at:
                return self._at[path[:end]]
        return None

    def _read(self, text: str) -> None:
        stack: list[list[Any]] = []  # kind, key or index, whether a key comes next
        line, seen = 1, 0
        for token in _TOKEN.finditer(text):
            line += text.count("\n", seen, token.start())
            seen = token.start()
            word = token[0]
            top = stack[-1] if stack else None
            if word in "}]":
                stack.pop()
            elif word == ":" and top is not None:
                top[2] = False
            elif word == "," and top is not None:
                if top[0] == "{":
                    top[2] = True
                else:
                    top[1] += 1
            elif top is not None and top[2]:
                top[1] = _unquoted(word)
                place = tuple(frame[1] for frame in stack)
                if place in self._at and self.twice is None:
                    self.twice = line
                self._at[place] = line
            else:
                self._at.setdefault(tuple(frame[1] for frame in stack), line)
                if word in "{[":
                    stack.append([word, "" if word == "{" else 0, word == "{"])


def _unquoted(word: str) -> str:
    def plain(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2])

    return _ESCAPE.sub(plain, word[1:-1])
