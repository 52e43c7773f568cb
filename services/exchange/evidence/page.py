"""`docs/catalogue.md`, made of the same shapes as `/catalogue/v1`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from services.exchange.evidence import shapes
from services.exchange.evidence.published import PublishedCatalogue

_HEAD: Final = """\
# The catalogue

Made from the data by `sitthi reference`. What the state holds of a person, which agency's word it is, what it proves,
and for which purposes it may be asked for. The same is told over REST (`/catalogue/v1/attributes`, `/requirements`,
`/purposes`, each with an `ETag`; described by `/catalogue/v1/openapi.json`) and in the graph (`attributes`,
`requirements`, `purposes`), there with what people call each fact and whether its provider answers at this moment.
Why no form may ask for any of it: [ADR 21](adr/0021-a-question-is-judged-by-what-the-citizen-reads.md).

An attribute's id never changes its meaning. One that goes is deprecated first, with its replacement, and stays a year.
"""
_ATTRIBUTES: Final = """\
`s.26` marks what is sensitive (PDPA). *child* is about the tie of one child to the applicant, *household* about
everyone in the house; only the derived value is ever used."""
_REQUIREMENTS: Final = """\
A requirement is proved by all the evidence of any one line. *open* is what the programme or service says itself."""
_EVIDENCE: Final = "What takes the place of documents that nobody has to bring any more."
_DAY: Final = 86_400


def page(published: PublishedCatalogue) -> str:
    attributes, requirements, purposes = published.attributes(), published.requirements(), published.purposes()
    lines = [_HEAD, "## Attributes", ""]
    lines += _table(
        ("id", "ไทย", "English", "value", "whose word", "read from", "fresh for", "purposes"),
        (_attribute(one) for one in attributes),
    )
    lines += ["", _ATTRIBUTES, "", "## Requirements and their evidence", "", _REQUIREMENTS, ""]
    lines += _table(
        ("id", "ไทย", "English", "open", "evidence", "required by"), (_requirement(one) for one in requirements)
    )
    lines += ["", "## Evidence", "", _EVIDENCE, ""]
    evidence = {e.id: e for r in requirements for way in r.evidence_type_lists for e in way}
    lines += _table(
        ("id", "ไทย", "English", "attributes", "instead of a copy of"), (_evidence(e) for e in evidence.values())
    )
    lines += ["", "## Purposes", ""]
    lines += _table(
        ("id", "ไทย", "English", "basis", "who asks", "attributes"), (_purpose(p, attributes) for p in purposes)
    )
    return "\n".join(lines) + "\n"


def _attribute(one: shapes.AttributeShape) -> Iterator[str]:
    yield f"`{one.id}`" + (" s.26" if one.sensitive else "")
    yield one.title.th
    yield one.title.en
    yield _value(one)
    yield one.steward.slug
    if one.derived is not None:
        made_of = " of ".join(f"`{name}`" for name in (one.derived.of, one.derived.over) if name is not None)
        yield f"{one.derived.how} of {made_of}"
    elif one.planned is not None:
        yield f"planned: {one.planned.en}"
    elif all(p.service is None for p in one.providers):
        yield "their own word"
    else:
        yield ", ".join(f"{p.service}:{p.operation}" for p in one.providers)
    yield _span(one.freshness_seconds) + (f", stale {_span(one.stale_seconds)}" if one.stale_seconds else "")
    if one.deprecated is not None:
        yield f"deprecated: use `{one.deprecated.replaced_by}`"
    else:
        yield ", ".join(one.purposes) if one.askable else "the exchange alone"


def _value(one: shapes.AttributeShape) -> str:
    kind: str = one.type
    if one.codes:
        kind = "code: " + ", ".join(one.codes)
    elif one.range is not None and one.type == "int":
        kind = f"{one.unit}, {one.range.minimum:,} to {one.range.maximum:,}"
    elif one.type == "money":
        kind = "money, in satang"
    return kind if one.subject == "person" else f"{kind}; {one.subject}"


def _span(seconds: int) -> str:
    return f"{seconds // _DAY} d" if seconds % _DAY == 0 else f"{seconds} s"


def _requirement(one: shapes.RequirementShape) -> Iterator[str]:
    yield f"`{one.id}`"
    yield one.title.th
    yield one.title.en
    yield one.open.en if one.open is not None else ""
    yield "<br>".join(" and ".join(f"{e.id}" for e in way) for way in one.evidence_type_lists)
    yield ", ".join(one.used_by)


def _evidence(one: shapes.EvidenceShape) -> Iterator[str]:
    yield f"`{one.id}`"
    yield one.title.th
    yield one.title.en
    yield ", ".join(one.attributes) + ("" if one.provable else " (planned)")
    yield ", ".join(name.replace("_", " ") for name in one.replaces)


def _purpose(one: shapes.PurposeShape, attributes: Iterable[shapes.AttributeShape]) -> Iterator[str]:
    yield f"`{one.id}`"
    yield one.title.th
    yield one.title.en
    yield one.basis
    yield ", ".join(
        (*(asker for asker in one.askers), *one.officers_of, *([one.requester.slug] if one.requester else []))
    )
    every = {a.id for a in attributes if a.askable}
    yield "all" if set(one.attributes) == every else ", ".join(one.attributes)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"
    for row in rows:
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"
