"""Other forms than NDJSON in which records come: where in XML, or in a row of CSV, each member of a record stands.

It is data, and says no more than that: the host reads the file, within bounds, and the plugin gets records as ever.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from services.plugins.contract.titles import Strict

Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,59}$")]
Step = r"[A-Za-z_][A-Za-z0-9_.-]{0,59}"
Place = Annotated[str, StringConstraints(pattern=rf"^/?{Step}(/{Step}){{0,7}}$")]
"""Names of elements from the one around it; with a `/` before them, from the root, before the first record."""
Member = Annotated[str, StringConstraints(min_length=1, max_length=60)]
"""A name in the record's schema."""


class XmlList(Strict):
    """A member that is a list: each element at `each` is an item of it."""

    each: Place
    fields: dict[Member, Place | XmlList] = Field(min_length=1, max_length=100)


class XmlFormat(Strict):
    """`application/xml`: each element at `each`, below the element `root`, is a record."""

    root: Annotated[str, StringConstraints(pattern=f"^{Step}$")]
    namespace: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
    """Of every element."""
    each: Place
    fields: dict[Member, Place | XmlList] = Field(min_length=1, max_length=100)


class CsvList(Strict):
    """A member that is a list: rows of a record that stand together and agree in the columns `by` are an item of it;
    without `by` each row is one."""

    by: list[Column] = Field(default_factory=list, max_length=10)
    fields: dict[Member, Column | CsvList] = Field(min_length=1, max_length=100)


class CsvFormat(Strict):
    """`text/csv` (RFC 4180) with a header: rows that stand together and agree in the columns `by` are a record."""

    by: list[Column] = Field(min_length=1, max_length=10)
    fields: dict[Member, Column | CsvList] = Field(min_length=1, max_length=100)


class Formats(Strict):
    """Of an `ingest`; NDJSON is always taken."""

    xml: XmlFormat | None = None
    csv: CsvFormat | None = None
