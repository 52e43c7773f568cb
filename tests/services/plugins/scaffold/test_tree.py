"""A new plugin passes every check as it stands, whatever it is called."""

from __future__ import annotations

import re
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.plugins.contract import PluginRefused, Rule, ServiceCategory
from services.plugins.hosting.discovery import Package, installed
from services.plugins.plugin import HostNames, Origin
from services.plugins.registry import load_folder
from services.plugins.runner import run_example
from services.plugins.scaffold import BadStart, Layout, Start, tree

ROOT = Path(__file__).parents[4]
NOBODY = HostNames(frozenset({"Citizen", "Query"}), frozenset({"id"}), frozenset({"viewer"}))
"""A host whose own names are in nobody's way."""
SLUGS = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(lambda slug: 2 <= len(slug) <= 40)
LINES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="<>&") | st.sampled_from("กขคงจชญฎณดตถท"),
    min_size=1,
    max_size=60,
).map(str.strip)
STARTS = st.builds(
    Start,
    slug=SLUGS,
    layout=st.sampled_from([Layout.FOLDER, Layout.PACKAGE]),
    title=st.just("") | LINES.map(lambda line: f"{line}บริการ"),
    title_en=st.just("") | LINES.filter(bool),
    agency=st.just("") | SLUGS,
    category=st.sampled_from(ServiceCategory),
)


def written(start: Start, folder: Path) -> Path:
    for name, text in tree(start).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / start.module if start.layout is Layout.PACKAGE else folder


def in_the_wheel_of(project: Path, out: Path) -> set[str]:
    wheel = next(iter(WheelBuilder(str(project)).build(directory=str(out), versions=["standard"])))
    return set(zipfile.ZipFile(wheel).namelist())


@given(start=STARTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_it_is_called_it_passes_the_registry_and_says_what_it_was_told(start: Start) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plugin = load_folder(written(start, Path(folder)), NOBODY, {})
    manifest = plugin.manifest
    assert manifest.slug == start.slug
    assert manifest.category is start.category
    assert manifest.agency.slug == (start.agency or start.slug)
    assert not start.title or manifest.title.th == start.title.strip()
    assert not start.title_en or manifest.title.en == start.title_en


@pytest.mark.parametrize("layout", [Layout.FOLDER, Layout.PACKAGE])
async def test_its_examples_hold_and_one_shows_each_declared_error(layout: Layout, tmp_path: Path) -> None:
    plugin = load_folder(written(Start("water-bills", layout), tmp_path), NOBODY, {})
    for example in plugin.examples:
        await run_example(plugin, example)
    assert {example.error for example in plugin.examples} == {None, "VISIT_NEEDED"}


def test_a_package_is_found_by_its_entry_point_and_its_wheel_holds_the_whole_plugin(tmp_path: Path) -> None:
    written(Start("water-bills", Layout.PACKAGE), tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {"sitthi.plugins": {"water-bills": "sitthi_water_bills"}}
    held = in_the_wheel_of(tmp_path, tmp_path / "out")
    assert {f"sitthi_water_bills/{name}" for name in ("manifest.toml", "graph.graphql", "plugin.py")} < held
    [wheel], site = (tmp_path / "out").glob("*.whl"), tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)  # what pip does, for one of Python alone
    [package] = installed([str(site)])
    assert isinstance(package, Package), package
    assert (package.slug, package.folder, package.distribution) == (
        "water-bills",
        site / "sitthi_water_bills",
        "sitthi-water-bills 1.0.0",
    )
    assert load_folder(package.folder, NOBODY, {}, origin=Origin.PACKAGE).slug == package.slug


def test_our_own_wheel_holds_every_template(tmp_path: Path) -> None:
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "services/plugins/scaffold").rglob("*.jinja")}
    assert len(templates) > 20
    assert templates - in_the_wheel_of(ROOT, tmp_path) == set()


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"slug": "Water"}, "slug"),
        ({"slug": "w"}, "slug"),
        ({"slug": "w" * 41}, "slug"),
        ({"slug": "../water"}, "slug"),
        ({"slug": "water-"}, "slug"),
        ({"agency": "Water Works"}, "agency"),
        ({"namespace": "Water"}, "namespace"),
        ({"prefix": "Wa"}, "prefix"),
        ({"prefix": "water"}, "prefix"),
        ({"title": "Water"}, "title"),
        ({"title": "น้ำ\nประปา"}, "title"),
        ({"title_en": " "}, "title"),
        ({"title_en": "x" * 201}, "title"),
        ({"endpoint": "ftp://water.example"}, "endpoint"),
        ({"endpoint": "https://water.example/?to=us"}, "endpoint"),
    ],
)
def test_what_no_manifest_would_take_is_refused_by_name(said: dict[str, Any], what: str) -> None:
    with pytest.raises(BadStart) as refused:
        Start(**{"slug": "water", **said})
    assert refused.value.fields["what"] == what


@pytest.mark.parametrize(
    ("slug", "namespace", "prefix"),
    [
        ("ab", "ab", "AbOffice"),
        ("abc", "abc", "Abc"),
        ("water-bills", "waterBills", "WaterBills"),
        ("a-1b", "a1b", "A1b"),
        ("w" * 40, "w" * 40, "W" + "w" * 39),
    ],
)
def test_names_in_the_graph_are_the_words_of_the_slug(slug: str, namespace: str, prefix: str) -> None:
    start = Start(slug)
    assert (start.namespace_name, start.type_prefix) == (namespace, prefix)


def test_a_name_of_the_hosts_is_left_to_the_registry_to_refuse(tmp_path: Path) -> None:
    host = HostNames(frozenset({"Citizen", "Query"}), frozenset({"profile"}), frozenset())
    with pytest.raises(PluginRefused) as refused:
        load_folder(written(Start("profile"), tmp_path), host, {})
    assert refused.value.rules == {Rule.OWNERSHIP}


@pytest.mark.parametrize("layout", list(Layout))
def test_nothing_of_a_template_is_left_over(layout: Layout) -> None:
    files = tree(Start("water-bills", layout))
    assert [name for name, text in files.items() if re.search(r"<<|>>|<%|jinja", name + text)] == []
