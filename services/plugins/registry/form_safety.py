"""What a stranger's JSON Schema may not do to its readers: lead them elsewhere, or keep them busy.

Readers are our own server, the apps of citizens, and whoever else takes the form from the catalogue. Validators follow
`$schema`, `$id` and `$ref` wherever they stand, to any server, before they have looked at anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from services.plugins.contract.texts import unseen_in
from services.plugins.registry.form_lines import Path
from services.plugins.registry.form_walk import Defect

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TEXT_LENGTH_MAX: Final = 2_000
PATTERN_LENGTH_MAX: Final = 200
PATTERN_BYTES_MAX: Final = 100_000
"""Of a compiled pattern."""
PATTERNS_MAX: Final = 100
FAULTS_MAX: Final = 100
NODES_MAX: Final = 20_000
DEPTH_MAX: Final = 64
EXPANDED_MAX: Final = 5_000
_NOT_APPLIED: Final = frozenset({"$defs", "definitions", "const", "enum", "default", "examples"})
_LINKS: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_PIECE: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[:=!<P]?|[()|]|[*+]\??|\{[0-9]*,?[0-9]*\}\??|\?\??|.", re.DOTALL
)


def unsafe_in(schema: Any) -> Iterator[Defect]:
    """Every place of a document that no schema of ours has. Nothing of it was followed, compiled or validated."""
    waiting: list[tuple[Path, Any]] = [((), schema)]
    seen = patterns = 0
    while waiting:
        path, value = waiting.pop()
        seen += 1
        if seen > NODES_MAX or len(path) > DEPTH_MAX:
            yield Defect(path[:8], "it is too large, or nested too deep", "Ask less, and nest it less deep")
            return
        if isinstance(value, str):
            is_pattern = path[-1:] == ("pattern",)
            patterns += is_pattern
            if patterns > PATTERNS_MAX:
                yield Defect(path, f"there are more than {PATTERNS_MAX} patterns", "Share them by `$ref`")
                return
            yield from _pattern(path, value) if is_pattern else _text(path, value)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if path[-1:] == ("patternProperties",):
                    patterns += 1
                    yield from _pattern((*path, key), key)
                yield from _text((*path, key), key)
                waiting.append(((*path, key), inner))
        elif isinstance(value, list):
            waiting.extend(((*path, place), inner) for place, inner in enumerate(value))


def broken_in(schema: Mapping[str, Any]) -> Iterator[Defect]:
    """What is no JSON Schema 2020-12; of a document in which nothing is unsafe."""
    try:
        jsonschema_rs.meta.validate({**schema, "$schema": DIALECT})
    except jsonschema_rs.ValidationError as error:
        yield Defect(tuple(error.instance_path), error.message, "Write it as JSON Schema 2020-12")


def unusable_in(schema: Mapping[str, Any]) -> Iterator[Defect]:
    """What keeps a schema that is one from being used: references to nowhere, patterns that are none."""
    try:
        jsonschema_rs.Draft202012Validator(dict(schema), offline=True, pattern_options=_OPTIONS)
    except jsonschema_rs.ValidationError as error:
        yield Defect((), f"it cannot be used: {error.message}", "Write it as JSON Schema 2020-12")
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        yield Defect((), f"it cannot be used: {error}", "Write it as JSON Schema 2020-12")


def endless_in(schema: Mapping[str, Any]) -> Iterator[Defect]:
    """References that lead to themselves, or double at each step: thirty lines of them take a year to check."""
    count = 0
    waiting: list[tuple[Path, Any, tuple[str, ...]]] = [((), schema, ())]
    while waiting:
        path, value, via = waiting.pop()
        count += 1
        if count > EXPANDED_MAX:
            yield Defect((), f"written out it is more than {EXPANDED_MAX} schemas", "Refer to less")
            return
        if isinstance(value, list):
            waiting.extend(((*path, place), inner, via) for place, inner in enumerate(value))
        if not isinstance(value, Mapping):
            continue
        waiting.extend(((*path, key), inner, via) for key, inner in value.items() if key not in _NOT_APPLIED)
        if not isinstance(ref := value.get("$ref"), str):
            continue
        if ref == "#" or ref in via:
            yield Defect((*path, "$ref"), "a reference leads to itself", "Write out what it is")
            return
        waiting.append(((*path, "$ref"), _at(schema, ref), (*via, ref)))


def _at(schema: Any, ref: str) -> Any:
    """What a local reference leads to; None for nowhere."""
    for step in ref.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list):
            schema = schema[int(name)] if name.isdecimal() and int(name) < len(schema) else None
        else:
            schema = schema.get(name) if isinstance(schema, Mapping) else None
    return schema


def check_record(schema: Mapping[str, Any]) -> Iterator[Defect]:
    """Of the records of an `ingest`: a JSON Schema 2020-12 that leads nowhere and keeps nobody busy."""
    for step in (unsafe_in, broken_in, endless_in, unusable_in):
        if found := [*islice(step(schema), FAULTS_MAX)]:
            yield from found
            return


def _text(path: Path, text: str) -> Iterator[Defect]:
    keyword = path[-1] if path else None
    if keyword in _LINKS and text not in (keyword, "#") and not text.startswith("#/"):
        yield Defect(path, "a reference leads out of the form", "Write it as #/$defs/name")
    elif keyword == "$schema" and text not in (keyword, DIALECT):
        yield Defect(path, "the form is of another dialect of JSON Schema", f'Write "$schema": "{DIALECT}"')
    elif keyword in ("$id", "id", "$vocabulary") and text.startswith(("http:", "https:", "file:", "/", ".")):
        yield Defect(path, f"`{keyword}` changes where references lead", f"Remove `{keyword}`")
    elif (why := unseen_in(text)) is not None:
        yield Defect(path, why, "Write it in letters that are seen")
    elif len(text) > TEXT_LENGTH_MAX:
        yield Defect(path, f"a text of {len(text)} letters, more than {TEXT_LENGTH_MAX}", "Shorten it")


def _pattern(path: Path, pattern: str) -> Iterator[Defect]:
    if len(pattern) > PATTERN_LENGTH_MAX:
        why = f"a pattern of {len(pattern)} letters, more than {PATTERN_LENGTH_MAX}"
        yield Defect(path, why, "Shorten it, or say it in `description`")
    elif _repeats_repetition(pattern):
        why = "a repetition without end inside another: some readers would try for hours"
        yield Defect(path, why, "Give the inner or the outer one an end, as {1,20}")
    else:
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, offline=True, pattern_options=_OPTIONS)
        except (jsonschema_rs.ValidationError, ValueError):
            why = "the pattern is none, refers back or looks around, or counts too far"
            yield Defect(path, why, "Write it as a plain regular expression (ECMA 262), without (?= and \\1")


def _repeats_repetition(pattern: str) -> bool:
    """Whether a reader that tries one way after the other may take exponential time for a short text.

    So it may where something that repeats, or has alternatives, is itself repeated without end.
    """
    open_groups: list[bool] = [False]  # whether each holds a repetition without end, or an alternative
    closed: bool | None = None  # the same of the group that has just ended
    for found in _PIECE.finditer(pattern):
        piece, before = found[0], closed
        closed = None
        if piece.startswith("("):
            open_groups.append(False)
        elif piece == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            open_groups[-1] |= closed
        elif piece == "|":
            open_groups[-1] = True
        elif _is_endless(piece):
            if before:
                return True
            open_groups[-1] = True
    return False


def _is_endless(piece: str) -> bool:
    bounds = re.fullmatch(r"\{([0-9]*)(,?)([0-9]*)\}\??", piece)
    if bounds is None:
        return piece.rstrip("?") in ("*", "+")
    most = bounds[3] if bounds[2] else bounds[1]
    return not most or len(most) > 2  # a hundred times is as good as without end


_OPTIONS: Final = jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES_MAX, dfa_size_limit=PATTERN_BYTES_MAX)
"""The engine without backtracking: what it takes, it decides in one pass."""
