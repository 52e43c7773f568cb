"""What a plugin may say to its tables while it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from services.plugins.contract.store import Plain

SQL_LENGTH_MAX: Final = 10_000
KINDS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES"})
READING: Final = frozenset({"SELECT", "WITH", "VALUES"})
_WRITES: Final = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|INTO)\b", re.IGNORECASE)
"""What a WITH may do in the middle, and PostgreSQL's SELECT INTO."""
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_FIRST: Final = re.compile(r"\s*([A-Za-z]+)\b")


def check(sql: str, values: Mapping[str, Plain] | None, kinds: frozenset[str] = KINDS) -> dict[str, Plain]:
    """The values. Raises `ValueError`, which holds none of them.

    It keeps migrations the one way to change tables. What is out of reach is so by the database (`store.py`).
    """
    first = _FIRST.match(sql)
    if first is None or first[1].upper() not in kinds:
        which = "SELECT, WITH or VALUES" if kinds is READING else "SELECT, INSERT, UPDATE, DELETE, WITH or VALUES"
        raise ValueError(f"a statement is a {which}")
    if kinds is READING and _WRITES.search(_QUOTED.sub("", sql)):
        raise ValueError("a reading changes nothing, and locks nothing")
    if len(sql) > SQL_LENGTH_MAX:
        raise ValueError("the statement is too long; give values by name")
    for name, value in (values or {}).items():
        if value is not None and type(value) not in (str, int, bool, bytes):
            raise ValueError(f":{name} is not plain: a str, int, bool, bytes or None")
    return dict(values or {})
