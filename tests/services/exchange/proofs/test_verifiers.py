"""The verifiers of docs/examples/log, run against a server as a citizen would run them, and lied to in every way."""

from __future__ import annotations

import base64
import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import httpx2
import pytest

from tests.support import node, programs
from tests.support.server import ROOT, Process, running

EXAMPLES: Final = ROOT / "docs" / "examples" / "log"
PAGE: Final = ROOT / "docs" / "access-log.md"
SECONDS_MAX: Final = 30
Case = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Process]:
    with running(tmp_path / "data", SITTHI_DEMO_CITIZENS="0", SITTHI_DATABASE_URL=database_url) as process:
        yield process


@dataclass(frozen=True)
class Told:
    """What a citizen fetched: records with their inclusion, the path between two heads, and the keys."""

    keys: list[dict[str, Any]]
    proofs: list[dict[str, Any]]
    old: str
    new: str
    path: list[str]


def get(server: Process, path: str) -> Any:
    return httpx2.get(server.url + path, trust_env=False).raise_for_status().json()


def graph(server: Process, token: str, query: str) -> Any:
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx2.post(f"{server.url}/graphql", json={"query": query}, headers=headers, trust_env=False)
    return answer.raise_for_status().json()


def proved(server: Process, token: str) -> Any:
    """The answer to entries.graphql, once everything in it has its place."""
    until = time.monotonic() + SECONDS_MAX
    while True:
        answer = graph(server, token, (EXAMPLES / "entries.graphql").read_text())
        proofs = [one for entry in answer["data"]["viewer"]["accessLog"]["nodes"] for one in entry["proofs"]]
        if proofs and all(one["state"] == "PROVED" for one in proofs):
            return answer
        assert time.monotonic() < until, "the records did not get their places"
        time.sleep(0.1)


@pytest.fixture
def told(server: Process) -> Told:
    """Two heads with something between them."""
    token = server.command("sign-in", "--persona", "elder").strip()
    graph(server, token, "{ viewer { profile { birthDate { value } } } }")
    proved(server, token)
    old = get(server, "/verify/log/head")
    for _ in range(3):
        graph(server, token, "{ viewer { profile { birthDate { value } } } }")
    answer = proved(server, token)
    new = get(server, "/verify/log/head")
    assert old["size"] < new["size"]
    path = get(server, f"/verify/log/consistency?from={old['size']}&to={new['size']}")["path"]
    proofs = [one for entry in answer["data"]["viewer"]["accessLog"]["nodes"] for one in entry["proofs"]]
    keys = get(server, "/.well-known/attestation-keys.json")["keys"]
    return Told(keys, proofs, old["signed"], new["signed"], path)


def python_verdicts(cases: list[Case]) -> list[bool]:
    verify = module(EXAMPLES / "verify.py")
    return [holds(getattr(verify, case["what"]), case["given"]) for case in cases]


def holds(check: Callable[..., None], given: list[Any]) -> bool:
    try:
        check(*given)
    except Exception:  # noqa: BLE001 - however a verifier refuses, it refuses
        return False
    return True


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as where it is run: it needs its neighbour
    try:
        spec.loader.exec_module(made)
    finally:
        sys.path.remove(str(path.parent))
    return made


JUDGE: Final = """
import * as verify from %s;
let text = "";
for await (const part of process.stdin) text += part;
const verdicts = [];
for (const { what, given } of JSON.parse(text)) {
  try { await verify[what](...given); verdicts.push(true); } catch { verdicts.push(false); }
}
console.log(JSON.stringify(verdicts));
"""


def javascript_verdicts(cases: list[Case]) -> list[bool]:
    found = node.find()
    if found is None:
        programs.absent("not on this machine: Node.js")
    script = JUDGE % json.dumps((EXAMPLES / "verify.mjs").as_uri())
    done = subprocess.run(
        [str(found), "--input-type=module", "-e", script],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts: list[bool] = json.loads(done.stdout)
    return verdicts


VERDICTS: Final = {"python": python_verdicts, "javascript": javascript_verdicts}


@pytest.mark.parametrize("language", VERDICTS)
def test_a_verifier_takes_what_is_so_and_nothing_else(told: Told, language: str) -> None:
    true = [{"what": "included", "given": [p["record"], p["inclusion"], told.keys]} for p in told.proofs]
    true.append({"what": "consistent", "given": [told.old, told.new, told.path, told.keys]})
    true.append({"what": "consistent", "given": [told.old, told.old, [], told.keys]})
    lies = [*false_inclusions(told), *false_histories(told)]
    verdicts = VERDICTS[language]([*true, *lies])
    assert verdicts[: len(true)] == [True] * len(true)
    believed = [case for case, verdict in zip(lies, verdicts[len(true) :], strict=True) if verdict]
    assert believed == []
    assert len(lies) > 60


def false_inclusions(told: Told) -> list[Case]:
    [shown, other] = sorted(told.proofs, key=lambda one: len(one["inclusion"]["path"]))[-2:]
    record, inclusion = shown["record"], shown["inclusion"]
    path = inclusion["path"]
    assert len(path) >= 2
    records = [record | {name: flipped(record[name])} for name in ("id", "salt")]
    records += [record | {"time": record["time"] + 1}, record | {"time": record["time"] - 1}, other["record"]]
    document = record["document"]
    records += [record | {"document": document[:at] + "#" + document[at + 1 :]} for at in range(0, len(document), 7)]
    inclusions = [inclusion | {"leafIndex": inclusion["leafIndex"] + by} for by in (-1, 1, inclusion["treeSize"])]
    inclusions += [inclusion | {"treeSize": inclusion["treeSize"] + by} for by in (-1, 1)]
    inclusions += [inclusion | {"path": changed} for changed in other_paths(path)]
    inclusions += [inclusion | {"head": head} for head in other_heads(inclusion["head"], told)]
    cases = [[one, inclusion, told.keys] for one in records]
    cases += [[record, one, told.keys] for one in inclusions]
    cases += [[record, inclusion, keys] for keys in other_keys(told.keys)]
    return [{"what": "included", "given": given} for given in cases]


def false_histories(told: Told) -> list[Case]:
    cases: list[list[Any]] = [[told.old, told.new, path, told.keys] for path in other_paths(told.path)]
    cases += [[head, told.new, told.path, told.keys] for head in other_heads(told.old, told)]
    cases += [[told.old, head, told.path, told.keys] for head in other_heads(told.new, told)]
    cases += [[told.new, told.old, told.path, told.keys], [told.old, told.old, told.path, told.keys]]
    cases += [[told.old, told.new, told.path, keys] for keys in other_keys(told.keys)]
    return [{"what": "consistent", "given": given} for given in cases]


def other_paths(path: list[str]) -> list[list[str]]:
    """With a hash changed, removed, doubled or put in at each place, and neighbours swapped."""
    others = [[*path[:at], flipped(path[at]), *path[at + 1 :]] for at in range(len(path))]
    others += [[*path[:at], *path[at + 1 :]] for at in range(len(path))]
    others += [[*path[: at + 1], *path[at:]] for at in range(len(path))]
    others += [[*path[:at], "00" * 32, *path[at:]] for at in range(len(path) + 1)]
    return others + [[*path[:at], path[at + 1], path[at], *path[at + 2 :]] for at in range(len(path) - 1)]


def other_heads(head: str, told: Told) -> list[str]:
    """Another size, root or kind without a signature over it; other signatures; and the signed head of another tree."""
    top, body, signature = head.split(".")
    claims, header = json.loads(unb64(body)), json.loads(unb64(top))
    forged = [claims | {"size": claims["size"] + 1}, claims | {"root": flipped(claims["root"])}]
    heads = [f"{top}.{b64(one)}.{signature}" for one in forged]
    heads += [f"{b64(header | {'typ': 'other+jwt'})}.{body}.{signature}", f"{top}.{body}.{'A' * len(signature)}"]
    heads += [f"{b64(header | {'alg': 'none'})}.{body}.", f"{top}.{body}.{flipped_b64(signature)}"]
    return [*heads, *({told.old, told.new} - {head})] if head in (told.old, told.new) else [*heads, told.old]


def other_keys(keys: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    stranger = copy.deepcopy(keys)
    for key in stranger:
        key["x"], key["y"] = key["y"], key["x"]
    return [[], stranger]


def flipped(hexadecimal: str) -> str:
    return ("1" if hexadecimal[0] != "1" else "2") + hexadecimal[1:]


def flipped_b64(text: str) -> str:
    return text[:10] + ("A" if text[10] != "A" else "B") + text[11:]


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(claims: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


@pytest.mark.needs("curl")
def test_the_page_does_what_it_says(server: Process, tmp_path: Path) -> None:
    found = node.find()
    if found is None:
        programs.absent("not on this machine: Node.js")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    script = "set -euo pipefail\n" + "".join(text for kind, text in blocks if kind == "sh")
    path = f"{Path(str(found)).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**server.environment, "PATH": path, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    for promised in (line for kind, text in blocks if kind == "text" for line in text.splitlines()):
        pattern = ".*".join(re.escape(part) for part in promised.split("…"))
        assert re.search(f"^{pattern}$", printed, re.MULTILINE), promised
    assert "not yet" not in printed


def test_a_history_that_is_not_the_kept_one_is_told(server: Process, told: Told, tmp_path: Path) -> None:
    """`check.py` as a whole: with a head that never was, and with one of a log that knew more."""
    token = server.command("sign-in", "--persona", "elder").strip()
    entries = tmp_path / "entries.json"
    entries.write_text(json.dumps(proved(server, token)))
    kept = tmp_path / "kept"
    for head, ok in ((told.old, True), (other_heads(told.old, told)[1], False)):
        kept.write_text(head)
        command = [sys.executable, str(EXAMPLES / "check.py"), server.url, str(entries), str(kept)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is ok, done.stderr
