"""What a credential says, in the words that its service gave to its claims, for whoever reads the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from core.text import Text
from services.plugins.contract import CredentialSpec
from services.plugins.contract.credentials import EACH
from services.receive.credentials.disclosures import Path

LINES_MAX: Final = 400
"""On a page; whoever needs more asks by the API."""
_HOSTS: Final = frozenset({"iss", "iat", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "aud", "jti"})
_YES: Final = Text(th="ใช่", en="yes")
_NO: Final = Text(th="ไม่ใช่", en="no")
_NONE: Final = Text(th="ไม่มี", en="none")


@dataclass(frozen=True, slots=True)
class Line:
    """One value, and what it is called."""

    title: Text
    value: Text


def lines(claims: Mapping[str, Any], spec: CredentialSpec | None) -> list[Line]:
    """Of what the issuer wrote of the citizen, and not of the credential itself; :data:`LINES_MAX` at most."""
    titles = {} if spec is None else {tuple(claim.path): claim.title.text for claim in spec.claims}
    told = {name: value for name, value in claims.items() if name not in _HOSTS}
    return [Line(_title(path, titles), _text(value)) for path, value in islice(_leaves(told, ()), LINES_MAX)]


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _leaves(inner, (*path, at))
    else:
        yield path, value


def _title(path: Path, titles: Mapping[tuple[str, ...], Text]) -> Text:
    words = []
    for end, step in enumerate(path, start=1):
        known = titles.get(tuple(EACH if isinstance(one, int) else one for one in path[:end]))
        if isinstance(step, int):
            number = str(step + 1)
            words.append(
                Text(th=number, en=number) if known is None else Text(f"{known.th} {number}", f"{known.en} {number}")
            )
        else:
            words.append(known or Text(th=step, en=step))
    return Text(th=" › ".join(one.th for one in words), en=" › ".join(one.en for one in words))


def _text(value: Any) -> Text:
    if isinstance(value, bool):
        return _YES if value else _NO
    if value is None or value in ({}, []):
        return _NONE
    return Text(th=str(value), en=str(value))
