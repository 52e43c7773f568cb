"""Records that come as XML or CSV: taken once as those of NDJSON are, and told by the lines of the file."""

from __future__ import annotations

from typing import Any, Final

import pytest

from core.clock import FixedClock
from core.database import Database
from services.plugins.contract import Fault, ManifestError, Rule
from services.plugins.plugin import Plugin
from services.plugins.records.errors import FileUnreadable
from services.plugins.records.formats import CSV, NDJSON, XML, media_types, read_body
from services.plugins.records.service import Outcome, RecordDesk, Sending
from services.plugins.registry.format_check import check_formats
from tests.services.plugins.records.register import SCHEMA, Register, desk_of, manifest_of

MAPPED: Final[dict[str, Any]] = {
    "xml": {"root": "Policies", "namespace": "urn:p", "each": "Policy", "fields": {"policy": "Number"}},
    "csv": {"by": ["number"], "fields": {"policy": "number"}},
}
LIST: Final[dict[str, Any]] = {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}
WITH_LIST: Final[dict[str, Any]] = {
    **SCHEMA,
    "properties": {**SCHEMA["properties"], "riders": LIST, "wheels": {"type": "integer"}},
}


def xml(*numbers: str, between: str = "\n") -> bytes:
    policies = between.join(f"<Policy>{between}<Number>{number}</Number></Policy>" for number in numbers)
    return f'<Policies xmlns="urn:p">{between}{policies}</Policies>'.encode()


def table(*numbers: str) -> bytes:
    return b"number\r\n" + b"".join(f"{number}\r\n".encode() for number in numbers)


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def plugin(register: Register) -> Plugin:
    return register.plugin(manifest_of(formats=MAPPED))


@pytest.fixture
def desk(database: Database, clock: FixedClock, plugin: Plugin) -> RecordDesk:
    return desk_of(database, clock, plugin)


async def send(desk: RecordDesk, plugin: Plugin, media_type: str, body: bytes) -> Outcome:
    lines = read_body(media_type, body, plugin.manifest.operations["policies"])
    return await desk.take(Sending(plugin, "policies", "client", "sending-0001", body, lines))


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("media_type", "body", "lines"),
    [
        (XML, xml("P-1", "P-91", "X", "P-4"), [5, 7]),
        (XML, xml("P-1", "P-91", "X", "P-4", between=""), [1, 1]),
        (CSV, table("P-1", "P-91", "X", "P-4"), [3, 4]),
    ],
)
async def test_each_record_is_taken_once_and_what_is_not_is_told_by_the_lines_of_the_file(
    desk: RecordDesk, plugin: Plugin, register: Register, media_type: str, body: bytes, lines: list[int]
) -> None:
    first = await send(desk, plugin, media_type, body)
    assert await send(desk, plugin, media_type, body) == first
    assert register.kept == ["P-1", "P-4"]
    assert [(one.code, one.path) for one in first.rejected] == [
        ("POLICY_UNKNOWN", "/policy"),
        ("RECORD_INVALID", "/policy"),
    ]
    assert [one.line for one in first.rejected] == lines


@pytest.mark.parametrize("between", ["\n", ""])
async def test_a_file_that_broke_midway_goes_on_also_where_all_of_it_is_one_line(
    desk: RecordDesk, plugin: Plugin, register: Register, between: str
) -> None:
    body = xml("P-1", "P-2", "P-3", "P-4", "P-5", between=between)
    calls = iter(range(9))

    async def second_fails() -> None:
        if next(calls) == 1:
            register.troubles.append(TimeoutError())

    register.gate = second_fails
    broken = await send(desk, plugin, XML, body)
    assert broken.interrupted is not None
    assert (broken.taken, broken.interrupted.settled, broken.interrupted.uncertain) == (
        (2, 5, 9) if between else (2, 1, 1)
    )
    whole = await send(desk, plugin, XML, body)
    assert (whole.taken, whole.interrupted) == (5, None)
    assert register.kept == ["P-1", "P-2", "P-3", "P-4", "P-5"]


def test_of_a_file_that_breaks_off_nothing_is_taken(plugin: Plugin) -> None:
    spec = plugin.manifest.operations["policies"]
    with pytest.raises(FileUnreadable):
        read_body(XML, xml("P-1", "P-2")[:-3], spec)


def test_an_operation_takes_what_it_declares() -> None:
    assert media_types(manifest_of().operations["policies"]) == (NDJSON,)
    only = manifest_of(formats={"csv": MAPPED["csv"]}).operations["policies"]
    assert media_types(only) == (NDJSON, CSV)


def faults_of(record: dict[str, Any] = WITH_LIST, **formats: Any) -> list[Fault]:
    return list(check_formats(manifest_of(record=record, formats=formats)))


def _xml(**fields: Any) -> dict[str, Any]:
    return {**MAPPED["xml"], "fields": fields}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"xml": _xml(policy="Number", nothing="A")}, "no member `nothing`"),
        ({"xml": _xml(policy="Number", riders="A")}, "no single value"),
        ({"xml": _xml(policy="Number", wheels={"each": "A", "fields": {"name": "B"}})}, "no list"),
        ({"xml": _xml(policy="Number", wheels="Number")}, "stands for 2 members"),
        ({"xml": _xml(policy="Number", wheels="Number/Wheels")}, "has others in it"),
        ({"xml": _xml(policy="Number", riders={"each": "A", "fields": {"name": "/B"}})}, "read from the root"),
        ({"xml": _xml(policy="Number", riders={"each": "/A", "fields": {"name": "B"}})}, "stands in the record"),
        ({"csv": {"by": ["number"], "fields": {"policy": "number", "nothing": "a"}}}, "no member `nothing`"),
        ({"csv": {"by": ["number"], "fields": {"policy": "a", "wheels": "a"}}}, "stands for 2 members"),
    ],
)
def test_a_mapping_that_fits_no_record_or_reads_two_ways_is_refused(form: dict[str, Any], said: str) -> None:
    faults = faults_of(**form)
    assert any(said in fault.why for fault in faults), faults
    assert {fault.rule for fault in faults} == {Rule.MANIFEST_FIELD}


def test_a_mapping_that_fits_is_taken() -> None:
    riders = {"each": "Riders/Rider", "fields": {"name": "Name"}}
    rows = {"by": ["rider"], "fields": {"name": "rider"}}
    assert (
        faults_of(
            xml=_xml(policy="Number", riders=riders),
            csv={"by": ["number"], "fields": {"policy": "number", "riders": rows}},
        )
        == []
    )


@pytest.mark.parametrize("place", ["A//B", "../A", "A/B/", "a:b", "@id", "*", "A[1]"])
def test_a_place_is_names_and_no_language_of_queries(place: str) -> None:
    with pytest.raises(ManifestError):
        manifest_of(formats={"xml": _xml(policy=place)})
