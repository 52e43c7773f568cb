"""YAML with everything taken out that two readers could read differently: for reviewed data, whoever's it is.

Kept: mappings, lists, text, whole numbers, true and false, ISO dates. Refused, each by name: duplicate keys, `yes no on
off`, fractions, `1_000 010 0x1 12:30`, empty values, anchors, aliases, merges and tags.

Every error names file and line. It is a mistake of ours, never a citizen's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import yaml

from core.errors import SitthiError
from core.text import Text

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FLOAT: Final = re.compile(
    r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|nan)", re.ASCII | re.IGNORECASE
)
_AMBIGUOUS: Final = re.compile(r"[-+]?[0-9][0-9_:]*|[-+]?0[xob][0-9a-f_]+|[-+][0-9]+", re.ASCII | re.IGNORECASE)
_READ_DIFFERENTLY: Final = re.compile(
    r"[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]|\?|[|>][-+0-9]*#|^(%|---|\.\.\.)",
    re.MULTILINE,
)
"""What libyaml takes where PyYAML does not, or in other ways: tabs, line ends of other systems, questions, `|#`."""
_WORDS: Final = frozenset("yes no on off y n true false null ~".split())  # noqa: SIM905 (a list of words)
DEPTH_MAX: Final = 20


class FileError(SitthiError):
    """Base. `file` is the name without its folder, `line` counts from 1."""

    code = "FILE_INVALID"
    text = Text(th="{file} บรรทัด {line}: ไฟล์ไม่ถูกต้อง", en="{file}, line {line}: the file is not valid.")

    def __init__(self, file: str, line: int, **fields: Any) -> None:
        self.file = file
        self.line = line
        super().__init__(file=file, line=line, **fields)


class NotYaml(FileError):
    code = "FILE_NOT_YAML"
    text = Text(
        th="{file} บรรทัด {line}: อ่านเป็น YAML ไม่ได้ ({problem})", en="{file}, line {line}: this is not YAML ({problem})."
    )


class DuplicateKey(FileError):
    code = "FILE_DUPLICATE_KEY"
    text = Text(
        th="{file} บรรทัด {line}: คีย์ {key} ซ้ำ ลบออกหนึ่งที่",
        en="{file}, line {line}: `{key}` is given twice; remove one.",
    )


class AmbiguousScalar(FileError):
    """What YAML 1.1 and 1.2 read differently: `no`, `on`, `1_000`, `010`, `12:30`, an empty value."""

    code = "FILE_AMBIGUOUS_VALUE"
    text = Text(
        th="{file} บรรทัด {line}: ค่า {value} กำกวม ใช้ true/false ตัวเลขล้วน หรือใส่เครื่องหมายคำพูด",
        en="{file}, line {line}: {value} is ambiguous; write true or false, plain digits, or quote it.",
    )


class FloatRefused(FileError):
    code = "FILE_FRACTION"
    text = Text(
        th="{file} บรรทัด {line}: ห้ามใช้ทศนิยม ({value}) จำนวนเงินเขียนเช่น 100,000.01 baht",
        en="{file}, line {line}: no decimal fractions ({value}); write money as 100,000.01 baht.",
    )


class AnchorRefused(FileError):
    code = "FILE_ANCHOR"
    text = Text(
        th="{file} บรรทัด {line}: ห้ามใช้ anchor, alias, merge หรือ tag ของ YAML",
        en="{file}, line {line}: no anchors, aliases, merges or tags; write it out.",
    )


class UnknownKey(FileError):
    code = "FILE_UNKNOWN_KEY"
    text = Text(
        th="{file} บรรทัด {line}: ไม่รู้จักคีย์ {key} ลบออกหรือแก้ตัวสะกด",
        en="{file}, line {line}: there is no key {key} here; remove it or correct its spelling.",
    )


class MissingKey(FileError):
    code = "FILE_MISSING_KEY"
    text = Text(
        th="{file} บรรทัด {line}: ขาดคีย์ {key} เพิ่มเข้าไป", en="{file}, line {line}: the key {key} is missing; add it."
    )


class WrongValue(FileError):
    code = "FILE_WRONG_VALUE"
    text = Text(th="{file} บรรทัด {line}: {key} ต้องเป็น {expected}", en="{file}, line {line}: {key} must be {expected}.")


class Located(dict[str, Any]):
    """A mapping that remembers on which line each key stands, and on which it began itself."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


def read_any(text: str, file: str) -> Any:
    """What `text` holds; mappings are :class:`Located`. Raises :class:`FileError`; `file` is only for its message."""
    return _value(_composed(text, file), file, 0)


def line_at(read_: Any, path: Sequence[str | int]) -> int:
    """The line on which the deepest part of `path` stands that is there, in what :func:`read_any` read."""
    line, here = 1, read_
    for step in path:
        if isinstance(here, Located):
            line = here.lines.get(str(step), here.line)
            here = here.get(str(step))
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
            line = here.line if isinstance(here, Located) else line
        else:
            break
    return line


def read(text: str, file: str) -> Located:
    """The one mapping that `text` holds. Raises :class:`FileError`."""
    result = _value(_composed(text, file), file, 0)
    if not isinstance(result, Located):
        raise NotYaml(file, 1, problem="expected one mapping")
    return result


def read_list(text: str, file: str) -> list[Reader]:
    """The one list of mappings that `text` holds. Raises :class:`FileError`."""
    result = _value(_composed(text, file), file, 0)
    if not isinstance(result, list) or not all(isinstance(item, Located) for item in result):
        raise NotYaml(file, 1, problem="expected one list of mappings")
    return [Reader(item, file) for item in result]


def _composed(text: str, file: str) -> yaml.Node:
    return _composed_quickly(text) or _composed_slowly(text, file)


def _composed_quickly(text: str) -> yaml.Node | None:
    """By libyaml, in a tenth of the time, which every start of a process would wait for. None for whatever the two
    might not read alike, and for all that is refused: :func:`_composed_slowly` then decides, and finds the words."""
    loader = getattr(yaml, "CSafeLoader", None)
    if loader is None or _READ_DIFFERENTLY.search(text):
        return None
    try:
        _check_events(text, "", loader)
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    except (yaml.YAMLError, FileError):
        return None
    return node


def _check_events(text: str, file: str, loader: Any) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise AnchorRefused(file, line)
        if depth > DEPTH_MAX + 1:
            raise NotYaml(file, line, problem="nested too deep")


def _composed_slowly(text: str, file: str) -> yaml.Node:
    try:
        _check_events(text, file, yaml.SafeLoader)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise NotYaml(file, line, problem=error.problem or "unreadable") from error
    except yaml.YAMLError as error:
        raise NotYaml(file, 1, problem="characters that YAML does not allow") from error
    if node is None:
        raise NotYaml(file, 1, problem="the file is empty")
    return node


def _value(node: yaml.Node, file: str, depth: int) -> Any:
    line = node.start_mark.line + 1
    if depth > DEPTH_MAX:
        raise NotYaml(file, line, problem="nested too deep")
    if isinstance(node, yaml.MappingNode):
        result = Located(line)
        for key_node, value_node in node.value:
            key = _key(key_node, file)
            if key in result:
                raise DuplicateKey(file, key_node.start_mark.line + 1, key=key)
            result.lines[key] = key_node.start_mark.line + 1
            result[key] = _value(value_node, file, depth + 1)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, file, depth + 1) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    return node.value if node.style else _plain(node.value, file, line)


def _key(node: yaml.Node, file: str) -> str:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode):
        raise NotYaml(file, line, problem="a key is a word")
    key = str(node.value)
    if key == "<<":
        raise AnchorRefused(file, line)
    if not node.style and (key.lower() in _WORDS or _AMBIGUOUS.fullmatch(key) or not key):
        raise AmbiguousScalar(file, line, value=key or "an empty key")
    return key


def _plain(value: str, file: str, line: int) -> bool | int | date | str:
    """A scalar without quotes."""
    if value in ("true", "false"):
        return value == "true"
    if _INTEGER.fullmatch(value):
        return int(value)
    if _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise AmbiguousScalar(file, line, value=value) from None
    if not value or value.lower() in _WORDS or _AMBIGUOUS.fullmatch(value):
        raise AmbiguousScalar(file, line, value=value or "an empty value")
    if _FLOAT.fullmatch(value):
        raise FloatRefused(file, line, value=value)
    return value


class Reader:
    """Takes typed values out of one mapping; `done` refuses what nobody took."""

    def __init__(self, data: Mapping[str, Any], file: str) -> None:
        assert isinstance(data, Located)
        self.data = data
        self.file = file
        self._taken: set[str] = set()

    def line(self, key: str) -> int:
        return self.data.lines.get(key, self.data.line)

    def wrong(self, key: str, expected: str) -> WrongValue:
        return WrongValue(self.file, self.line(key), key=key, expected=expected)

    def has(self, key: str) -> bool:
        return key in self.data

    def any(self, key: str) -> Any:
        if key not in self.data:
            raise MissingKey(self.file, self.data.line, key=key)
        self._taken.add(key)
        return self.data[key]

    def word(self, key: str) -> str:
        value = self.any(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "text")
        return value.strip()

    def slug(self, key: str) -> str:
        value = self.word(key)
        if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", value, re.ASCII):
            raise self.wrong(key, "a short name in a–z, 0–9, - and _")
        return value

    def day(self, key: str) -> date:
        value = self.any(key)
        if not isinstance(value, date):
            raise self.wrong(key, "a date YYYY-MM-DD")
        return value

    def number(self, key: str, low: int, high: int) -> int:
        value = self.any(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"a whole number from {low} to {high}")
        return value

    def flag(self, key: str) -> bool:
        value = self.any(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def choice(self, key: str, *allowed: str) -> str:
        value = self.any(key)
        if value not in allowed:
            raise self.wrong(key, "one of " + ", ".join(allowed))
        return str(value)

    def part(self, key: str) -> Reader:
        value = self.any(key)
        if not isinstance(value, Located):
            raise self.wrong(key, "a mapping")
        return Reader(value, self.file)

    def parts(self, key: str) -> list[Reader]:
        value = self.any(key)
        if not isinstance(value, list) or not all(isinstance(item, Located) for item in value):
            raise self.wrong(key, "a list of mappings")
        return [Reader(item, self.file) for item in value]

    def words(self, key: str) -> list[str]:
        value = self.any(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "a list of names")
        return value

    def done(self) -> None:
        for key in self.data:
            if key not in self._taken:
                raise UnknownKey(self.file, self.line(key), key=key)
