"""`sitthi plugin new` writes all of a plugin or nothing, overwrites nothing, and takes nobody's name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.composer import host_names
from api.schema import base_schema, registry_of
from services.exchange.catalogue import load_catalogue


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A developer's folder, where the command is run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    return tmp_path


def new(*words: str) -> Result:
    return CliRunner().invoke(app, ["plugin", "new", *words])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_a_folder_of_the_slug_and_says_what_comes_next(desk: Path) -> None:
    done = new("water-bills")
    assert done.exit_code == 0, done.output
    assert "sitthi plugin check water-bills" in done.output
    assert {"manifest.toml", "graph.graphql", "plugin.py", "examples/cases.json"} < files(desk / "water-bills")
    assert [path.name for path in desk.iterdir()] == ["water-bills"], "nothing else is left behind"
    assert not [name for name in files(desk) if name.endswith(".pyc")]


def test_what_is_said_of_it_stands_in_the_manifest(desk: Path) -> None:
    done = new(
        "bills", "--path", "plugins/mine", "--title", 'ค่าน้ำ "ประปา"', "--title-en", "Water bills",
        "--agency", "saimok", "--agency-title", "เทศบาลเมืองสายหมอก", "--agency-title-en", "Sai Mok Town",
        "--category", "environment", "--namespace", "tap", "--prefix", "Tap",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    registry = registry_of(base_schema(), load_catalogue())
    manifest = registry.load(desk / "plugins" / "mine").manifest
    assert (manifest.title.th, manifest.title.en) == ('ค่าน้ำ "ประปา"', "Water bills")
    assert (manifest.agency.slug, manifest.category) == ("saimok", "environment")
    assert (manifest.agency.title.th, manifest.agency.title.en) == ("เทศบาลเมืองสายหมอก", "Sai Mok Town")
    assert (manifest.namespace, manifest.prefix) == ("tap", "Tap")


def test_a_remote_services_manifest_names_the_agency_too(desk: Path) -> None:
    done = new("water", "--remote", "--agency-title", "เทศบาลเมืองสายหมอก", "--agency-title-en", 'The "Town"')
    assert done.exit_code == 0, done.output
    told = json.loads((desk / "water" / "manifest.json").read_text(encoding="utf-8"))
    assert told["agency"]["title"] == {"th": "เทศบาลเมืองสายหมอก", "en": 'The "Town"'}
    assert told["title"]["en"] == "Water", "the service goes by its own"


def test_a_folder_that_is_there_is_left_as_it_is(desk: Path) -> None:
    (desk / "water").mkdir()
    (desk / "water" / "mine").write_text("kept")
    done = new("water")
    assert done.exit_code == 1
    assert "water is there already; name another folder with --path" in done.output
    assert files(desk) == {"water/mine"}
    assert new("water", "--path", "elsewhere/water").exit_code == 0


def test_a_link_to_nowhere_is_a_taken_name_too(desk: Path) -> None:
    (desk / "water").symlink_to("gone")
    assert new("water").exit_code == 1
    assert (desk / "water").is_symlink()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["oic", "--prefix", "Oic", "--namespace", "oic"], "OWNERSHIP: there is a plugin `oic` already"),
        (["insurance"], "PREFIX: the prefix `Insurance` cannot be told from oic's `Insurance`"),
        (["cover", "--namespace", "insurance"], "NAMESPACE: the namespace `insurance` is oic's"),
        (["profile"], "OWNERSHIP: `Profile` is a type of the host"),
        (["profile", "--prefix", "MyProfile"], "OWNERSHIP: `Citizen.profile` is the host's"),
        (["pay"], "PREFIX: the prefix `Pay` would claim the host's"),
    ],
)
def test_a_name_of_the_hosts_or_another_plugins_is_refused_and_nothing_is_written(
    words: list[str], why: str, desk: Path
) -> None:
    done = new(*words)
    assert done.exit_code == 1
    assert why in done.output
    assert "--prefix" in done.output, "it says how to go on"
    assert list(desk.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["Water"], "slug is lower-case words"),
        (["../water"], "slug is lower-case words"),
        (["water", "--category", "sport"], "category is one of education, health"),
        (["water", "--title", "Water"], "title is needed in Thai"),
        (["water", "--agency-title", "Town"], "agency-title is needed in Thai"),
        (["water", "--remote", "--package"], "Say either --remote or --package"),
    ],
)
def test_what_cannot_be_is_a_sentence(words: list[str], why: str, desk: Path) -> None:
    done = new(*words)
    assert done.exit_code == 1
    assert why in done.output
    assert "Traceback" not in done.output
    assert list(desk.iterdir()) == []


def test_the_host_has_names_to_take() -> None:
    """Else the refusals above would be of something else."""
    names = host_names(base_schema())
    assert "profile" in names.citizen
    assert [name for name in names.types if re.match("Pay", name)]


def test_a_remote_services_key_is_for_its_owners_eyes_alone(desk: Path) -> None:
    done = new("water", "--remote", "--endpoint", "http://127.0.0.1:8400/")
    assert done.exit_code == 0, done.output
    assert "python app.py" in done.output
    assert (desk / "water" / "private-key.json").stat().st_mode & 0o777 == 0o600
    assert '"url": "http://127.0.0.1:8400"' in (desk / "water" / "manifest.json").read_text()
    assert "port=8400" in (desk / "water" / "app.py").read_text()


@pytest.mark.parametrize("endpoint", ["http://10.0.0.1:8300", "https://water.example/a/../b", "http://water.example"])
def test_an_address_that_no_service_may_have_is_refused_at_once(endpoint: str, desk: Path) -> None:
    done = new("water", "--remote", "--endpoint", endpoint)
    assert done.exit_code == 1
    assert "ENDPOINT" in done.output
    assert list(desk.iterdir()) == []


def test_a_package_goes_around_the_plugin(desk: Path) -> None:
    done = new("water-bills", "--package")
    assert done.exit_code == 0, done.output
    assert {"pyproject.toml", "README.md", "sitthi_water_bills/plugin.py"} < files(desk / "water-bills")
    assert "pip install water-bills" in done.output


@pytest.mark.parametrize(("words", "path"), [([], "town-desk"), (["--package"], "town-desk/sitthi_town_desk")])
def test_what_it_wrote_passes_the_whole_check_unedited(words: list[str], path: str, desk: Path) -> None:
    assert new("town-desk", *words).exit_code == 0
    done = CliRunner().invoke(app, ["plugin", "check", path])
    assert done.exit_code == 0, done.output
    assert ", 0 failed," in done.output
