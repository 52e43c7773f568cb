"""The GraphQL IDE is fetched once, is what its digest says, and its absence stops nothing. A made-up npm plays npm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from api.pages.routes import IDE_FILES

ROOT = Path(__file__).parents[2]
REASON = "npm error network is unreachable"


class Tree:
    """A checkout with the set-up's scripts, one made-up package in `web/ide.json`, and an npm that counts its runs."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out"
        self.vendor = self.root / "web/vendor"
        self._programs, self._runs = folder / "bin", folder / "runs"
        shutil.copytree(ROOT / "script", self.root / "script")
        (self.root / "requirements.lock").write_text("")
        (self.root / "web").mkdir()
        shutil.copy(ROOT / "web/fetch_ide.py", self.root / "web")
        self._programs.mkdir()
        archive = folder / "thing-1.0.0.tgz"
        archive.write_bytes(packed({"package/thing.js": b"let thing;"}))
        self.digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        self.expect(self.digest, {"thing.js": "thing.js"})
        self.answer(f'for last; do :; done; cp "{archive}" "$last/"')

    def answer(self, script: str) -> None:
        """What npm does when it is asked for a package."""
        npm = self._programs / "npm"
        npm.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 10.9.0 && exit\necho run >>"{self._runs}"\n{script}\n')
        npm.chmod(0o755)

    def expect(self, integrity: str, files: dict[str, str]) -> None:
        package = {"name": "thing", "version": "1.0.0", "integrity": integrity, "files": files}
        (self.root / "web/ide.json").write_text(json.dumps({"packages": [package]}))

    @property
    def runs(self) -> int:
        return len(self._runs.read_text().splitlines()) if self._runs.exists() else 0

    def files(self) -> list[str]:
        return sorted(path.name for path in self.vendor.iterdir() if not path.name.startswith("."))

    def fetch(self) -> subprocess.CompletedProcess[str]:
        return self._run("python3", "web/fetch_ide.py")

    def set_up(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._run("script/setup", *words)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SITTHI_", "PIP_"))}
        environment = inherited | {"PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False, timeout=120
        )


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_files_are_fetched_once_and_again_when_the_list_changes(tree: Tree) -> None:
    assert tree.fetch().returncode == 0
    assert (tree.vendor / "thing.js").read_text() == "let thing;"
    assert tree.fetch().returncode == 0
    assert tree.runs == 1
    tree.expect(tree.digest, {"thing.js": "renamed.js"})
    assert tree.fetch().returncode == 0
    assert tree.runs == 2
    assert "renamed.js" in tree.files()


def test_an_archive_that_is_not_what_the_digest_says_is_not_used(tree: Tree) -> None:
    tree.expect("sha512-" + base64.b64encode(bytes(64)).decode(), {"thing.js": "thing.js"})
    done = tree.fetch()
    assert done.returncode == 1
    assert "thing@1.0.0 is not what web/ide.json expects" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree.files() == []


def test_an_archive_that_lacks_a_file_is_not_used_in_part(tree: Tree) -> None:
    tree.expect(tree.digest, {"thing.js": "thing.js", "thing.css": "thing.css"})
    done = tree.fetch()
    assert done.returncode == 1
    assert "has no thing.css" in done.stderr
    assert tree.files() == []


def test_set_up_goes_on_without_the_ide_and_does_not_try_at_every_start(tree: Tree) -> None:
    tree.answer(f"echo '{REASON}' >&2; exit 1")
    done = tree.set_up()
    assert done.returncode == 0
    assert "Set-up is done." in done.stdout
    assert "script/setup --ide" in done.stderr
    assert REASON in (tree.root / ".venv/ide.log").read_text()
    again = tree.set_up()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert tree.runs == 1


def test_set_up_tries_again_when_it_is_told_to_and_is_then_silent(tree: Tree) -> None:
    tree.answer("exit 1")
    assert tree.set_up().returncode == 0
    tree.answer(f'for last; do :; done; cp "{tree.root.parent}/thing-1.0.0.tgz" "$last/"')
    assert "Fetching the GraphQL IDE" in tree.set_up("--ide").stdout
    assert tree.files() == ["thing.js"]
    assert tree.set_up("--ide").stdout == ""
    assert tree.runs == 2


def test_a_word_that_set_up_does_not_know_is_refused(tree: Tree) -> None:
    done = tree.set_up("--everything")
    assert done.returncode == 2
    assert "--everything" in done.stderr


def test_every_file_that_the_page_loads_is_in_the_list_with_the_licences() -> None:
    listed = json.loads((ROOT / "web/ide.json").read_text())["packages"]
    names = {name for package in listed for name in package["files"].values()}
    assert names >= set(IDE_FILES)
    assert {"graphiql.LICENSE", "react.LICENSE"} <= names
    assert all(package["integrity"].startswith("sha512-") for package in listed)
