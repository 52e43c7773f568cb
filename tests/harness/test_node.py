"""Programs of tests/node: fetched by digest, skipped by name where missing, and answering what they are asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import node

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with the scripts, locks without a package, and what tests/node needs."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "script", tree / "script")
    for name in ("requirements.lock", "requirements-dev.lock"):
        (tree / name).write_text("")
    shutil.copy(ROOT / "requirements-ide.lock", tree)
    (tree / "tests" / "node").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(node.FOLDER / name, tree / "tests" / "node")
    return tree


def set_up(tree: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Without a network: neither npm nor pip has where to ask."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().startswith(("pip_", "npm_", "ci"))},
        "npm_config_registry": NOWHERE,
        "npm_config_cache": str(tree / "npm-cache"),
        "npm_config_fetch_retries": "0",
        "PIP_INDEX_URL": NOWHERE,
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
        **more,
    }
    command = ["script/setup", "--dev", *words]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_lock_has_a_digest_for_every_package_and_no_address_to_fetch_it_from() -> None:
    packages = json.loads((node.FOLDER / "package-lock.json").read_text())["packages"]
    fetched = {name: one for name, one in packages.items() if name}
    assert len(fetched) > 10
    assert [name for name, one in fetched.items() if not one["integrity"].startswith("sha512-")] == []
    assert [name for name, one in fetched.items() if "resolved" in one] == []


def test_without_a_network_set_up_goes_on_and_tries_again_only_when_it_is_asked_to(checkout: Path) -> None:
    first = set_up(checkout)
    assert first.returncode == 0, first.stderr
    assert "script/setup --node" in first.stderr
    assert "Set-up is done." in first.stdout
    again = set_up(checkout)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert "could not be fetched" in set_up(checkout, "--node").stderr
    assert "could not be fetched" in set_up(checkout, CI="true").stderr, "there the tests would fail without them"


def test_a_machine_without_the_packages_skips_and_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(node, "find", lambda: "/usr/bin/node")
    monkeypatch.setattr(node, "FOLDER", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="script/setup --node"):
        node.require()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="script/setup --node"):
        node.require()


def test_a_machine_without_node_skips_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "find", lambda: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"Node\.js 20\.19"):
        node.require()


async def test_a_program_says_what_it_does_not_know() -> None:
    async with node.program("relying_party.mjs") as program:
        with pytest.raises(node.Refused, match="no act such"):
            await program.ask("such")
        assert await program.ask("thumbprint") is None, "it goes on after a refusal"
