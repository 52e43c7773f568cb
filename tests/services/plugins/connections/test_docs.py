"""docs/agency-connections.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from services.plugins.connections import Named, Rules, SecretUnusable
from services.plugins.connections.document import Connection, ConsumerSecret, Limits, PrivateKey
from tests.services.plugins.connections.test_document import CLOSED, private_jwk

TEXT = (Path(__file__).parents[4] / "docs" / "agency-connections.md").read_text(encoding="utf-8")
(FILE,) = re.findall(r"^```toml[^\n]*\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
REFUSED, SHOWN = re.findall(r"^```text\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agencies.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_the_file_of_the_page_is_one_that_production_takes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERWORKS_SECRET", "a secret of their own")
    named = Named(file, CLOSED)
    assert set(named.connections) == {"waterworks", "library", "harbour"}
    with pytest.raises(SecretUnusable, match=re.escape("/run/secrets/library-key.json")):
        named.must_hold()
    (file.parent / "key.json").write_text(private_jwk(), encoding="utf-8")
    file.write_text(FILE.replace("/run/secrets/library-key.json", "key.json"), encoding="utf-8")
    Named(file, CLOSED).must_hold()


def test_every_key_of_the_file_is_explained() -> None:
    keys = {"base_url", "sign_in.way", *(f"limits.{name}" for name in Limits.model_fields)}
    keys |= {f"sign_in.{name}" for kind in (ConsumerSecret, PrivateKey) for name in kind.model_fields}
    for key in keys:
        assert f"`{key}`" in TEXT
    assert set(Connection.model_fields) == {"base_url", "sign_in", "limits"}


def test_what_is_wrong_reads_as_the_page_says(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    plain = re.sub(r"#.*\n", "\n", FILE).replace("https://gdx", "http://gdx")
    file.write_text("\n" + plain, encoding="utf-8")
    monkeypatch.setenv("SITTHI_AGENCIES_FILE", "agencies.toml")
    told = CliRunner().invoke(app, ["agency", "show"])
    assert told.exit_code == 1
    assert REFUSED.strip() in told.output


def test_what_is_shown_reads_as_the_page_says(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_AGENCIES_FILE", str(file))
    monkeypatch.setenv("WATERWORKS_SECRET", "a secret of their own")
    told = CliRunner().invoke(app, ["agency", "show", "waterworks"])
    assert told.output == SHOWN
    assert "library" in CliRunner().invoke(app, ["agency", "show"]).output


def test_a_secret_that_cannot_be_used_is_told_by_its_place_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_AGENCIES_FILE", str(file))
    monkeypatch.setenv("WATERWORKS_SECRET", "hush")
    told = CliRunner().invoke(app, ["agency", "show", "waterworks"]).output
    assert "secret: environment variable WATERWORKS_SECRET: it is shorter than 8 characters" in told
    assert "hush" not in told


def test_a_private_key_is_never_shown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = private_jwk()
    (file.parent / "key.json").write_text(key, encoding="utf-8")
    file.write_text(FILE.replace("/run/secrets/library-key.json", "key.json"), encoding="utf-8")
    monkeypatch.setenv("SITTHI_AGENCIES_FILE", str(file))
    told = CliRunner().invoke(app, ["agency", "show", "library"]).output
    assert "secret: file key.json: there" in told
    assert json.loads(key)["d"] not in told
    assert Rules(loopback=False, is_production=True).known_to_all == frozenset()
