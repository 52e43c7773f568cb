"""The catalogue's list of attributes as the vocabulary that rules are checked against."""

from __future__ import annotations

from pathlib import Path

from core.strict_yaml import DuplicateKey, Reader, read_list
from welfare.rules import AttributeType, Kind, Vocabulary


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary of a catalogue file (services/exchange/catalogue/data/attributes.yaml). Raises a FileError.

    A rule reads facts of a person or household by plain name, and facts of a person or child as `child.name`.
    Entries of types that rules do not know (text, say) are passed over.
    """
    person: dict[str, AttributeType] = {}
    child: dict[str, AttributeType] = {}
    seen: set[str] = set()
    for entry in read_list(path.read_text("utf-8"), path.name):
        name, subject = entry.slug("id"), entry.choice("subject", "person", "household", "child")
        if name in seen:
            raise DuplicateKey(path.name, entry.data.line, key=name)
        seen.add(name)
        if entry.word("type") not in set(Kind):
            continue
        attribute = _type(entry, Kind(entry.word("type")))
        if subject != "child":
            person[name] = attribute
        if subject != "household":
            child[name] = attribute
    return Vocabulary(person, child)


def _type(entry: Reader, kind: Kind) -> AttributeType:
    if kind is Kind.CODE:
        return AttributeType(kind, codes=tuple(entry.words("codes")))
    if kind in (Kind.INT, Kind.MONEY):
        bounds = entry.part("range")
        # The catalogue's bounds are those of a 64-bit column at most; AttributeType refuses the rest.
        return AttributeType(kind, _bound(bounds, "min"), _bound(bounds, "max"))
    return AttributeType(kind)


def _bound(bounds: Reader, key: str) -> int:
    return bounds.number(key, -(2**63), 2**63 - 1)
