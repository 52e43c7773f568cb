"""Two parsers stand behind the strict reader: whatever libyaml reads first, PyYAML would have read the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from core import strict_yaml
from core.strict_yaml import FileError, Located, NotYaml, read_any

# Pieces that a parser tells apart; joined at random they make every construct, and every beginning of one.
PIECES = (
    *("a", "b: ", "\n", "\n  ", "\n    ", "\n- ", "\na: b", "\nb:\n  - c", " ", ":", ": ", "-", "- ", ", "),
    *("[", "]", "{", "}", "[a, b]", "{a: b}", "'", '"', "''", "'x'", "#", " # c", "?", "? ", "\t", "\r\n", "\x85"),
    *(
        "|\n",
        "|-\n",
        ">+2\n",
        "|#",
        "&a ",
        "*a",
        "!",
        "!!str ",
        "<<: ",
        "@",
        "`",
        "%",
        "---",
        "\n...",
        "\\n",
        "\\ud800",
    ),
    *("1", "010", "no", "~", "1.5", "2020-01-01", "ก", "\ufeff", "\x00", "\u2028"),
)


def outcome(read: Callable[[], Any]) -> Any:
    """The value with every line it remembers, or what is said against it."""
    try:
        return located(read())
    except FileError as error:
        return repr(error), str(error)


def located(value: Any) -> Any:
    if isinstance(value, Located):
        return value.line, value.lines, {key: located(one) for key, one in value.items()}
    return [located(one) for one in value] if isinstance(value, list) else (type(value), value)


def by_pyyaml_alone(text: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CSafeLoader")
        return read_any(text, "a file")


@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
@example("|#")  # libyaml takes it for an empty text
@example("a:\tb")
@example('"\\ud800"')
@example("a: b\n---\nc: d")
@example("a\u2028b: c")
@example("%YAML 1.1\n--- a")
@example("? a\n: b")
def test_both_parsers_say_the_same(text: str) -> None:
    assert outcome(lambda: read_any(text, "a file")) == outcome(lambda: by_pyyaml_alone(text))


def test_what_is_plain_is_read_by_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(strict_yaml, "_composed_slowly")
    assert read_any("a: {b: [ก, 2, true]} # 5 %\n", "a file") == {"a": {"b": ["ก", 2, True]}}


@pytest.mark.parametrize("levels", [22, 5_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("- ", ""), ("{a: ", "}")])
def test_what_is_nested_too_deep_is_refused_at_any_depth(opening: str, closing: str, levels: int) -> None:
    with pytest.raises(NotYaml, match="nested too deep"):
        read_any(opening * levels + "b" + closing * levels, "a file")


def test_twenty_levels_are_read() -> None:
    assert read_any("[" * 20 + "b" + "]" * 20, "a file")
