"""Whether a manifest's formats of records fit the schema of the record, and are read in one way only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from services.plugins.contract import Fault, Manifest, OperationKind, Rule
from services.plugins.contract.formats import CsvList, XmlList

Fields = Mapping[str, str | XmlList] | Mapping[str, str | CsvList]


def check_formats(manifest: Manifest) -> Iterator[Fault]:
    for name, spec in manifest.operations.items():
        if spec.formats is None:
            continue
        place = f"operations.{name}.formats"
        if spec.kind is not OperationKind.INGEST:
            yield _fault(place, "only an ingest takes records", "Remove `formats`")
            continue
        if spec.formats.xml is not None:
            xml = spec.formats.xml
            yield from _unknown(xml.fields, spec.record or {}, f"{place}.xml.fields")
            yield from _xml(xml.fields, f"{place}.xml", top=True)
        if spec.formats.csv is not None:
            csv = spec.formats.csv
            yield from _unknown(csv.fields, spec.record or {}, f"{place}.csv.fields")
            yield from _twice([one for one in _places(csv.fields) if one not in csv.by], f"{place}.csv.fields")


def _unknown(fields: Fields, schema: Mapping[str, Any], place: str) -> Iterator[Fault]:
    """Members that the schema does not write out, lists that it does not have, and the other way round."""
    known = schema.get("properties")
    for name, where in fields.items():
        told = known.get(name) if isinstance(known, Mapping) else None
        if not isinstance(told, Mapping):
            yield _fault(f"{place}.{name}", f"a record has no member `{name}` here", "Write it out in `record`")
        elif isinstance(where, str):
            if told.get("type") in ("array", "object"):
                yield _fault(f"{place}.{name}", f"`{name}` is no single value", "Say by `fields` what is in it")
        elif told.get("type") != "array" or not isinstance(told.get("items"), Mapping):
            yield _fault(f"{place}.{name}", f"`{name}` is no list", "Say where it stands by one name")
        else:
            yield from _unknown(where.fields, told["items"], f"{place}.{name}.fields")


def _xml(fields: Mapping[str, str | XmlList], place: str, *, top: bool) -> Iterator[Fault]:
    places = [one if isinstance(one, str) else one.each for one in fields.values()]
    yield from _twice(places, f"{place}.fields")
    inner = [one for one in places if not (top and one.startswith("/"))]
    for one in inner:
        if one.startswith("/"):
            yield _fault(f"{place}.fields", f"`{one}` stands in a list, and is read from the root", "Drop the first /")
        if any(other.startswith(f"{one}/") for other in inner):
            yield _fault(f"{place}.fields", f"`{one}` is a value, and has others in it", "Give each a place of its own")
    for name, where in fields.items():
        if isinstance(where, XmlList):
            if where.each.startswith("/"):
                yield _fault(f"{place}.fields.{name}.each", "a list stands in the record", "Drop the first /")
            yield from _xml(where.fields, f"{place}.fields.{name}", top=False)


def _places(fields: Mapping[str, str | CsvList]) -> Iterator[str]:
    for where in fields.values():
        if isinstance(where, str):
            yield where
        else:
            yield from (one for one in _places(where.fields) if one not in where.by)


def _twice(places: list[str], field: str) -> Iterator[Fault]:
    for one, count in Counter(places).items():
        if count > 1:
            yield _fault(field, f"`{one}` stands for {count} members", "Give each a place of its own")


def _fault(field: str, why: str, remedy: str) -> Fault:
    return Fault(Rule.MANIFEST_FIELD, why, remedy, field=field)
