"""What an example says was sent before it, to a plugin that keeps records of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from services.plugins.conformance.running import End, run
from services.plugins.contract import PluginRefused, Rule
from services.plugins.plugin import Example, Plugin, Sent
from services.plugins.registry import Registry
from services.plugins.runner import run_example
from services.plugins.runner.examples import ExampleFailed, RecordedAgency
from tests.support.plugins import HOST

POLICIES = Path(__file__).parents[2] / "support" / "plugins" / "policies"
ANOTHERS = {"number": "P-1", "holder": "0000000000019", "until": "2027-11-15"}


@pytest.fixture(scope="module")
def plugin() -> Plugin:
    return Registry(HOST, {}).load(POLICIES)


def example_of(plugin: Plugin, name: str) -> Example:
    return next(one for one in plugin.examples if one.name == name)


async def test_an_example_is_answered_from_what_was_sent_before_it(plugin: Plugin) -> None:
    kept = example_of(plugin, "mine_kept.json")
    await run_example(plugin, kept)
    assert (await run(plugin, kept, RecordedAgency(()))).answer == kept.answer
    with pytest.raises(ExampleFailed, match="expected"):
        await run_example(plugin, replace(kept, before=()))


async def test_an_example_fails_where_what_was_sent_before_is_not_taken(plugin: Plugin) -> None:
    kept = example_of(plugin, "mine_kept.json")
    refused = replace(kept, before=(*kept.before, Sent("arrivals", {"records": [ANOTHERS]})))
    with pytest.raises(ExampleFailed, match="POLICY_OF_ANOTHER"):
        await run_example(plugin, refused)
    assert (await run(plugin, refused, RecordedAgency(()))).end is End.TROUBLE


def test_before_an_example_nothing_but_records_is_sent(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(POLICIES, folder)
    file = folder / "examples" / "mine_kept.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"before": [{"operation": "mine", "arguments": {}}]}))
    with pytest.raises(PluginRefused) as refused:
        Registry(HOST, {}).load(folder)
    assert [(fault.rule, fault.file) for fault in refused.value.faults] == [(Rule.EXAMPLES, "examples/mine_kept.json")]
