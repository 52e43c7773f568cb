"""Who reports is told to a plugin wherever it runs, and its manifest says who may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.clock import FixedClock
from services.plugins.contract import Call, Host, ManifestError, Reporter, Sender
from services.plugins.registry.examples import read_examples
from tests.services.plugins.records.register import manifest_of
from tests.support.plugins.far_side import FarSide

REPORTER = Reporter("0100000000011", "INSURER", "officer-of-the-agency", "juristic-abcdefgh")
KEY = "sending-0001"


@pytest.mark.parametrize("reporter", [REPORTER, None])
async def test_a_remote_plugin_is_told_who_reports(clock: FixedClock, reporter: Reporter | None) -> None:
    seen = list[Call]()

    async def arrivals(_: Host, call: Call) -> Any:
        seen.append(call)
        return {"rejected": []}

    async with FarSide(clock, {"arrivals": arrivals}) as far:
        await far.ask("arrivals", {"records": []}, key=KEY, reporter=reporter)
        assert [call.reporter for call in seen] == [reporter]
        assert ("reporter" in json.loads(far.request.content)) == (reporter is not None)


async def test_an_agencys_kit_refuses_a_reporter_that_is_no_juristic_person(clock: FixedClock) -> None:
    async with FarSide(clock) as far:
        with pytest.raises(Exception, match="400"):
            await far.ask("arrivals", {"records": []}, key=KEY, reporter=Reporter("1", "INSURER", "x"))


@pytest.mark.parametrize(
    "spec",
    [
        {"senders": ["juristic"]},
        {"senders": ["agency", "juristic"]},
        {"power": "report:policies"},
        {"senders": ["agency"], "power": "report:policies"},
        {"senders": []},
        {"senders": ["agency", "agency"]},
        {"senders": ["anybody"]},
        {"senders": ["juristic"], "power": "everything"},
        {"kind": "query", "record": None, "batch": 0, "senders": ["juristic"], "power": "report:policies"},
        {"kind": "query", "record": None, "batch": 0, "power": "report:policies"},
    ],
)
def test_a_manifest_that_does_not_say_plainly_who_may_send_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        manifest_of(**spec)


def test_only_the_agency_sends_unless_the_manifest_says_otherwise() -> None:
    assert manifest_of().operations["policies"].senders == [Sender.AGENCY]
    both = manifest_of(senders=["agency", "juristic"], power="report:policies").operations["policies"]
    assert (both.senders, both.power) == ([Sender.AGENCY, Sender.JURISTIC], "report:policies")


def test_an_example_says_who_reports(tmp_path: Any) -> None:
    (tmp_path / "examples").mkdir()
    document = {
        "operation": "policies",
        "now": "2026-11-16T10:00:00+07:00",
        "arguments": {"records": []},
        "agency": [],
        "answer": {"rejected": []},
        "reporter": {"organisation": "0100000000011", "kind": "INSURER"},
    }
    (tmp_path / "examples" / "one.json").write_text(json.dumps(document), encoding="utf-8")
    [example] = read_examples(tmp_path, manifest_of(), [])
    assert example.reporter == Reporter("0100000000011", "INSURER", "officer", "client")
