"""Records out of CSV (RFC 4180) in UTF-8, with or without a byte order mark: one header, and rows that are grouped."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from services.plugins.contract.formats import CsvFormat, CsvList
from services.plugins.records.errors import FileUnreadable, Unreadable
from services.plugins.records.formats.making import Made, counted, items, member, typed
from services.plugins.records.lines import Line

CELL_LENGTH_MAX: Final = 4_000
Fields = Mapping[str, str | CsvList]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    """On which it begins: a cell in quotes may hold line breaks."""
    ends: int
    cells: Mapping[str, str]

    def key(self, columns: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.cells[column] for column in columns)


def read_csv(body: bytes, spec: CsvFormat, record: Mapping[str, Any]) -> list[Line]:
    """Raises `BadInput` and :class:`FileUnreadable`."""
    rows = list(_rows(body, frozenset((*spec.by, *_columns(spec.fields)))))
    lines, seen = list[Line](), set[tuple[str, ...]]()
    for key, group in groupby(rows, key=lambda row: row.key(spec.by)):
        together = list(group)
        if key in seen:  # a part of it would be taken for the whole
            raise FileUnreadable(together[0].line, Unreadable.TORN)
        seen.add(key)
        made = Made(together[0].line)
        made.content = _made(together, spec.fields, record, "", made)
        lines.append(made.as_line(len(lines) + 1, together[-1].ends))
    return counted(lines)


def _rows(body: bytes, columns: frozenset[str]) -> Iterator[_Row]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnreadable(body.count(b"\n", 0, error.start) + 1, Unreadable.ENCODING) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    begins = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise FileUnreadable(begins, Unreadable.SYNTAX) from None
        if cells is None:
            return
        line, begins = begins, reader.line_num + 1
        if any(len(cell) > CELL_LENGTH_MAX for cell in cells):
            raise FileUnreadable(line, Unreadable.TOO_LARGE)
        if any("\x00" in cell for cell in cells):
            raise FileUnreadable(line, Unreadable.SYNTAX)
        if header is None:
            header = [cell.strip() for cell in cells]
            if len(set(header)) < len(header) or set(header) != columns:
                raise FileUnreadable(line, Unreadable.HEADER)
        elif cells:  # a blank line is none
            if len(cells) != len(header):
                raise FileUnreadable(line, Unreadable.SYNTAX)
            told = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            yield _Row(line, reader.line_num, told)


def _columns(fields: Fields) -> Iterator[str]:
    for place in fields.values():
        if isinstance(place, str):
            yield place
        else:
            yield from (*place.by, *_columns(place.fields))


def _made(rows: Sequence[_Row], fields: Fields, schema: Mapping[str, Any], pointer: str, made: Made) -> dict[str, Any]:
    """An object of these rows, which must agree in all that is said once of it."""
    content: dict[str, Any] = {}
    for name, place in fields.items():
        told = member(schema, name)
        if not isinstance(place, str):
            content[name] = _list(rows, place, items(told), f"{pointer}/{name}", made)
            continue
        text = rows[0].cells[place]
        for row in rows[1:]:
            if row.cells[place] != text:
                made.refuse(row.line, f"{pointer}/{name}", "const")
        if text:
            content[name] = typed(text, told)
    return content


def _list(rows: Sequence[_Row], spec: CsvList, schema: Mapping[str, Any], pointer: str, made: Made) -> list[Any]:
    columns = list(_columns(spec.fields))
    there = [row for row in rows if any(row.cells[column] for column in columns)]
    groups = [[row] for row in there] if not spec.by else [list(g) for _, g in groupby(there, lambda r: r.key(spec.by))]
    found = list[dict[str, Any]]()
    for group in groups:
        place = f"{pointer}/{len(found)}"
        made.places[place] = group[0].line
        found.append(_made(group, spec.fields, schema, place, made))
    return found
