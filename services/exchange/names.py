"""Names in one line."""

from __future__ import annotations

from collections.abc import Mapping

from core.text import Text


def full_name(parts: Mapping[str, str]) -> Text:
    """The name in one line. A Thai title leans on the given name; who has no name in a script goes by the other."""

    def line(script: str, gap: str) -> str:
        first = gap.join(filter(None, (parts[f"title_{script}"], parts[f"given_{script}"])))
        return " ".join(filter(None, (first, parts[f"middle_{script}"], parts[f"family_{script}"])))

    th = line("th", "") if parts["given_th"] else ""
    en = line("en", " ") if parts["given_en"] else ""
    return Text(th=th or en, en=en or th)
