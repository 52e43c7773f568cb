"""docs/plugins.md says what is so, and its first plugin works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.plugins import contract
from services.plugins.contract import OperationKind, Rule
from services.plugins.plugin import SHARED_TYPES
from services.plugins.registry import load_folder
from services.plugins.runner import run_example
from tests.support.plugins import CATALOGUE, HOST

DOCS = Path(__file__).parents[3] / "docs" / "plugins.md"
TEXT = DOCS.read_text(encoding="utf-8")
SNIPPET = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)


async def test_the_first_plugin_passes_every_check_and_its_examples_hold(tmp_path: Path) -> None:
    folder = tmp_path / "waterworks"
    for name, content in SNIPPET.findall(TEXT):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    plugin = load_folder(folder, HOST, CATALOGUE)
    assert {example.name for example in plugin.examples} == {"bills.json", "sealed.json"}
    for example in plugin.examples:
        await run_example(plugin, example)


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_is_explained(rule: Rule) -> None:
    assert f"| `{rule}` |" in TEXT


@pytest.mark.parametrize("kind", list(OperationKind))
def test_every_kind_of_operation_is_explained(kind: OperationKind) -> None:
    assert f"| `{kind}` |" in TEXT


def test_the_shared_types_are_named() -> None:
    assert ", ".join(sorted(SHARED_TYPES)) in TEXT


OWN = [
    name
    for name in contract.__all__
    if getattr(getattr(contract, name), "__module__", "").startswith(contract.__name__)
]


@pytest.mark.parametrize("name", OWN)
def test_every_word_of_the_contract_says_what_it_is(name: str) -> None:
    """A plugin's author has the docstring and nothing else."""
    said = getattr(contract, name).__doc__
    assert said, f"{name} has no docstring"
    assert not said.startswith(f"{name}("), f"the docstring of {name} is the one that dataclasses make up"


def test_the_contracts_own_words_are_found() -> None:
    assert {"Host", "Call", "Known", "Manifest", "AgencyError", "Fault", "read_manifest"} <= set(OWN)
