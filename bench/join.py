"""Joining: how long it takes, by script on one machine, from `sitthi plugin new` until a citizen is answered.

Each round is another agency with a service of its own: written, started, checked at the desk, registered, checked by
the platform, approved by a reviewer who was waiting for it, and asked by a citizen. Then a text of it is changed, which
publishes itself. What people think about meanwhile is not in it. Every command is a process of its own, as it is for
whoever types it, and starting Python is most of what a command costs.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from string import ascii_lowercase
from typing import Any, Final

import httpx2

from bench.processes import Site, System, systems
from core.clock import SystemClock
from tests.support.agency_program import program
from tests.support.server import Process, free_port

BROWSER: Final = f"{sys.executable} -m tests.support.passkey_browser officer-one %s"
NEW, START, CHECK = "sitthi plugin new", "its service starts", "sitthi plugin check, at the desk"
CLIENT, SEND = "sitthi client new", "register and submit, with the platform's check"
REVIEW, FOLLOW = "the reviewer finds and approves it", "a citizen is answered"
PARTS: Final = (NEW, START, CHECK, CLIENT, SEND, REVIEW, FOLLOW)
TOTAL: Final = "from nothing to a citizen's answer"
AFTER_CHECK: Final = "of that, after the check at the desk passed"
CHANGE: Final = "a changed text, from register to its readers"
AFTER_PLATFORM: Final = "of that, after the platform's check passed"
SUMS: Final = (TOTAL, AFTER_CHECK, CHANGE, AFTER_PLATFORM)
LOOK_SECONDS: Final = 0.02
WAIT_SECONDS_MAX: Final = 60.0
Laps = dict[str, list[float]]


def bench(site: Site, footings: list[str], *, rounds: int, say: Callable[[str], None]) -> Mapping[str, Laps]:
    """Measures and prints. Answers the seconds of each part, by footing, a figure for each round."""
    assert rounds <= len(ascii_lowercase)
    found: dict[str, Laps] = {}
    with systems(site, footings, BROWSER=BROWSER) as started:
        for system in started:
            found[system.name] = _measured(system, site.folder, rounds, say)
    print(f"\njoining, {rounds} rounds; seconds, median (least–most)")
    print("\n".join(_table(found)))
    return found


def _measured(system: System, folder: Path, rounds: int, say: Callable[[str], None]) -> Laps:
    process, laps = system.process, defaultdict[str, list[float]](list)
    process.command("officer", "add", "--persona", "officer-one", "--agency", "dga", "--role", "services.review")
    process.command("officer", "sign-in", "--strong", "--as", "reviewer")
    token = process.command("sign-in", "--persona", "elder").strip()
    with httpx2.Client(base_url=process.url, headers={"authorization": f"Bearer {token}"}, trust_env=False) as http:
        for number in range(rounds):
            say(f"{system.name}: joining, round {number + 1} of {rounds}")
            name = f"town-{ascii_lowercase[number]}"
            for part, seconds in _Round(process, http, folder / f"{system.name}-{name}", name).run():
                laps[part].append(seconds)
    return laps


class _Round:
    """One agency's way."""

    def __init__(self, process: Process, http: httpx2.Client, folder: Path, name: str) -> None:
        self._process, self._http, self._folder, self._name = process, http, folder, name
        self._laps: list[tuple[str, float]] = []
        self._auth: list[str] = []

    def run(self) -> Sequence[tuple[str, float]]:
        endpoint, command = f"http://127.0.0.1:{free_port()}", self._process.command
        began = time.monotonic()
        with self._lap(NEW):
            command("plugin", "new", self._name, "--remote", "--path", str(self._folder), "--endpoint", endpoint)
        starting = time.monotonic()
        program_of_it = [sys.executable, "app.py"]
        with program(program_of_it, self._folder, "Uvicorn running", SITTHI=self._process.url):
            self._laps.append((START, time.monotonic() - starting))
            with self._lap(CHECK):
                command("plugin", "check", str(self._folder))
            checked = time.monotonic()
            self._join()
            self._laps += [(TOTAL, time.monotonic() - began), (AFTER_CHECK, time.monotonic() - checked)]
            self._change()
        return self._laps

    def _join(self) -> None:
        command, key = self._process.command, str(self._folder / "client-key.json")
        with self._lap(CLIENT):
            said = command("client", "new", "ระบบ", "--agency", self._name, "--scope", "agency.services", "--key", key)
        [client] = [line.split()[1] for line in said.splitlines() if line.startswith("client_id")]
        self._auth = ["--client", client, "--key", key]
        with self._lap(SEND):
            command("plugin", "register", str(self._folder), *self._auth)
            assert "IN_REVIEW" in command("plugin", "submit", self._name, "1.0.0", *self._auth)
        with self._lap(REVIEW):
            waiting = command("plugin", "review", "list", "--as", "reviewer")
            [review] = [line.split()[0] for line in waiting.splitlines() if f"\t{self._name} " in line]
            assert "PUBLISHED" in command("plugin", "review", "approve", review, "--as", "reviewer")
        with self._lap(FOLLOW):
            field = "".join(part.capitalize() if place else part for place, part in enumerate(self._name.split("-")))
            self._until(f"{{ viewer {{ {field} {{ cases {{ number }} }} }} }}", {"viewer": {field: {"cases": []}}})

    def _change(self) -> None:
        path, title = self._folder / "manifest.json", f"The changed words of {self._name}"
        manifest = json.loads(path.read_text("utf-8"))
        manifest["version"], manifest["title"]["en"] = "1.0.1", title
        path.write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")
        began = time.monotonic()
        self._process.command("plugin", "register", str(self._folder), *self._auth)
        said = self._process.command("plugin", "submit", self._name, "1.0.1", *self._auth)
        assert "PUBLISHED" in said
        search = f'{{ services(search: "{title}", first: 1) {{ nodes {{ title }} }} }}'
        self._until(search, {"services": {"nodes": [{"title": title}]}})
        read = SystemClock().now()
        report = self._http.get(f"/services/{self._name}/1.0.1/conformance").json()
        passed = datetime.fromisoformat(report["at"])
        self._laps += [(CHANGE, time.monotonic() - began), (AFTER_PLATFORM, (read - passed).total_seconds())]

    def _until(self, query: str, expected: Any) -> None:
        """Asks until this is the answer. Raises TimeoutError."""
        until = time.monotonic() + WAIT_SECONDS_MAX
        while time.monotonic() < until:
            told = self._http.post("/graphql", json={"query": query}, headers={"accept-language": "en"}).json()
            if told.get("data") == expected and "errors" not in told:
                return
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"no answer as it should be to {query}")

    @contextmanager
    def _lap(self, part: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._laps.append((part, time.monotonic() - began))


def _table(found: Mapping[str, Laps]) -> Iterator[str]:
    width = max(map(len, (*PARTS, *SUMS)))
    yield f"  {'':<{width}}" + "".join(f"{name:>24}" for name in found)
    for part in (*PARTS, *SUMS):
        cells = [f"{median(laps[part]):.1f} ({min(laps[part]):.1f}–{max(laps[part]):.1f})" for laps in found.values()]
        yield f"  {part:<{width}}" + "".join(f"{cell:>24}" for cell in cells)
