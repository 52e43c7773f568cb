"""Reads records out of XML and CSV, by the mapping that an operation declares (docs/plugins.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.plugins.contract import OperationSpec
from services.plugins.contract.formats import Formats
from services.plugins.records.described import NDJSON
from services.plugins.records.formats.csv_rows import read_csv
from services.plugins.records.formats.xml_elements import read_xml
from services.plugins.records.lines import Line, lines_of

XML: Final = "application/xml"
CSV: Final = "text/csv"


def media_types(spec: OperationSpec) -> tuple[str, ...]:
    """Those in which the operation takes records."""
    formats = spec.formats or Formats()
    others = ((XML, formats.xml), (CSV, formats.csv))
    return (NDJSON, *(media_type for media_type, declared in others if declared is not None))


def read_body(media_type: str, body: bytes, spec: OperationSpec) -> list[Line]:
    """The records of a body, each as a line of JSON; in one of the operation's :func:`media_types`.

    Raises `BadInput` for a body without records or with too many, and :class:`FileUnreadable` for a file of which
    nothing can be taken, because a part of it is not as it must be.
    """
    record: Mapping[str, Any] = spec.record or {}
    formats = spec.formats or Formats()
    if media_type == XML and formats.xml is not None:
        return read_xml(body, formats.xml, record)
    if media_type == CSV and formats.csv is not None:
        return read_csv(body, formats.csv, record)
    return lines_of(body)


__all__ = ["CSV", "NDJSON", "XML", "media_types", "read_body"]
