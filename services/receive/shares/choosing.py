"""What a citizen can choose of a credential, by JSON pointers (RFC 6901), with its titles."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from core.errors import BadInput
from core.text import Text
from services.plugins.contract import CredentialSpec
from services.receive.credentials.disclosures import Path

CHOICES_MAX: Final = 2_000
Pattern: TypeAlias = tuple[str, ...]
"""Where claims stand, as a manifest says it."""
EACH: Final = "*"
_NOTHING: Final = Text(th="ต้องเลือกข้อมูลอย่างน้อยหนึ่งรายการ", en="choose one thing at least")
_UNKNOWN: Final = Text(th="ไม่มีข้อมูลรายการที่เลือก", en="there is nothing of that name to be chosen")


@dataclass(frozen=True, slots=True)
class Choice:
    """A claim that can be shown alone, or that is always shown."""

    pointer: str
    title: Text
    value: Any
    """As JSON; None where it is chosen by its parts."""
    always: bool


def choices_of(claims: Mapping[str, Any], spec: CredentialSpec) -> list[Choice]:
    """In the order of the claims. Whoever chooses a part shows that it is a part, too: the way to it is told."""
    titles = {tuple(one.path): one.title.text for one in spec.claims}
    patterns = {tuple(one.path) for one in spec.claims if one.disclosable}
    found = []
    for path, pattern, value in _walked(claims):
        can_be_hidden = pattern in patterns
        if not can_be_hidden and len(path) > 1:
            continue
        has_parts = any(len(one) > len(pattern) and one[: len(pattern)] == pattern for one in patterns)
        shown = None if has_parts and isinstance(value, Mapping | list) else value
        found.append(Choice(pointer_of(path), _title(titles, pattern), shown, not can_be_hidden))
    return found[:CHOICES_MAX]


def chosen(choices: Sequence[Choice], pointers: Collection[str]) -> list[Choice]:
    """Raises :class:`BadInput` for none, and for what cannot be chosen."""
    known = {one.pointer: one for one in choices if not one.always}
    if not pointers:
        raise BadInput(_NOTHING, path=("disclose",))
    if not all(one in known for one in pointers):
        raise BadInput(_UNKNOWN, path=("disclose",))
    return [one for pointer, one in known.items() if pointer in set(pointers)]


def pointer_of(path: Path) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def paths_of(claims: Mapping[str, Any]) -> dict[str, Path]:
    """The path of every claim by its pointer."""
    return {pointer_of(path): path for path, _, _ in _walked(claims)}


def titles_as_json(spec: CredentialSpec) -> list[dict[str, Any]]:
    """What the claims are called, to be kept beside what is shown."""
    return [{"of": list(one.path), "th": one.title.text.th, "en": one.title.text.en} for one in spec.claims]


def titles_of_json(kept: Sequence[Mapping[str, Any]]) -> dict[Pattern, Text]:
    return {tuple(one["of"]): Text(th=one["th"], en=one["en"]) for one in kept}


def rows_of(claims: Mapping[str, Any], titles: Mapping[Pattern, Text]) -> list[tuple[Text, str]]:
    """What a presentation says, for a person: each claim that has a title, down to the last that has one."""
    return [row for name, value in claims.items() if (name,) in titles for row in _rows(value, (name,), titles)]


def _rows(value: Any, pattern: Pattern, titles: Mapping[Pattern, Text]) -> Iterator[tuple[Text, str]]:
    has_parts = any(len(one) > len(pattern) and one[: len(pattern)] == pattern for one in titles)
    if isinstance(value, Mapping) and has_parts:
        for name, inner in value.items():
            yield from _rows(inner, (*pattern, name), titles)
    elif isinstance(value, list) and has_parts:
        for inner in value:
            yield from _rows(inner, (*pattern, EACH), titles)
    else:
        yield _title(titles, pattern), _said(value)


def _said(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "✓" if value else "✗"
        case Mapping():
            return " · ".join(_said(one) for one in value.values())
        case list():
            return ", ".join(_said(one) for one in value)
        case _:
            return str(value)


def _walked(value: Any, path: Path = (), pattern: Pattern = ()) -> Iterator[tuple[Path, Pattern, Any]]:
    if path:
        yield path, pattern, value
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walked(inner, (*path, name), (*pattern, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _walked(inner, (*path, place), (*pattern, EACH))


def _title(titles: Mapping[Pattern, Text], pattern: Pattern) -> Text:
    return titles.get(pattern) or Text(th=pattern[-1], en=pattern[-1])
