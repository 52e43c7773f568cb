"""What an agency was told can be proved years later without Sitthi: by the programs of docs/examples/agency, which have
nothing but files, and by a library that is not ours. Whatever is changed is refused."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from core.attestation.service import SUCCESSION, Attestor
from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.jose import thumbprint
from core.settings import Settings
from services.exchange.rest.answers import ANSWER_TYPE
from tests.conftest import NOW
from tests.support import node
from tests.support.databases import Databases, Kind

EXAMPLES: Final = Path(__file__).parents[4] / "docs" / "examples" / "agency"
ISSUER: Final = "https://sitthi.example"
KEYS: Final = KeyRing("k1", {"k1": bytes(range(32))}, bytes(range(32, 64)))
SAID: Final = {
    "subject": {"nationalId": "1112034563562"},
    "facts": [{"attribute": "annual_income", "value": {"satang": 9_000_000, "currency": "THB"}}],
}


@dataclass(frozen=True)
class File:
    """What a court has: the answer, a copy of the key set, and which key it trusts."""

    answer: str
    keys: list[dict[str, Any]]
    first: str
    issuer: str = ISSUER


async def signed_long_ago(database: Database, clock: FixedClock) -> File:
    """An answer under the second of four keys: the one that signed it has been destroyed twice over since."""
    attestor = Attestor(database, KEYS, clock, ISSUER)
    await attestor.sign({}, typ="sitthi-other+jwt")
    clock.advance(timedelta(days=365))
    assert await attestor.renew()
    answer = await attestor.sign(SAID, typ=ANSWER_TYPE)
    for _ in range(2):
        clock.advance(timedelta(days=365))
        assert await attestor.renew()
    keys = (await attestor.public())["keys"]
    return File(answer, keys, keys[0]["kid"])


@pytest.fixture(scope="module")
def court(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> File:
    """Made once: what a court has is files, whatever database they came from."""

    async def make(url: str) -> File:
        database = Database(Settings(database_url=url).sqlalchemy_url, durable=False)
        file = await signed_long_ago(database, FixedClock(NOW))
        await database.close()
        return file

    with databases.clone(Kind.SQLITE, tmp_path_factory.mktemp("court")) as url:
        return asyncio.run(make(url))


@pytest.fixture(params=["python", "python -O", "node"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[File], subprocess.CompletedProcess[str]]:
    """The program of that language, in an empty folder, with two files and no server anywhere."""
    if request.param == "node":
        words = [node.require(), str(EXAMPLES / "verify_facts.mjs")]
    else:
        words = [sys.executable, *request.param.split()[1:], str(EXAMPLES / "verify_facts.py")]

    def with_files(file: File) -> subprocess.CompletedProcess[str]:
        answer, keys = tmp_path / "answer.json", tmp_path / "keys.json"
        answer.write_text(json.dumps({"facts": {"edited": True}, "attestation": file.answer}))
        keys.write_text(json.dumps({"keys": file.keys}))
        told = [*words, file.issuer, str(answer), str(keys), file.first]
        return subprocess.run(told, capture_output=True, text=True, check=False, cwd=tmp_path)

    return with_files


async def test_a_court_verifies_an_answer_two_keys_later(
    database: Database, clock: FixedClock, run: Callable[[File], subprocess.CompletedProcess[str]]
) -> None:
    done = await asyncio.to_thread(run, await signed_long_ago(database, clock))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["facts"] == SAID["facts"]
    assert told["subject"] == SAID["subject"]
    assert told["iss"] == ISSUER


def test_a_court_may_trust_any_key_from_before_the_answer_and_none_from_after(
    court: File, run: Callable[[File], subprocess.CompletedProcess[str]]
) -> None:
    own = File(court.answer, court.keys, court.keys[1]["kid"])
    assert run(own).returncode == 0
    later = File(court.answer, court.keys, court.keys[2]["kid"])
    assert "NOT VERIFIED" in run(later).stderr


def part(token: str, index: int, change: Callable[[dict[str, Any]], Any]) -> str:
    """The token with one part decoded, changed, and put back."""
    parts = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(parts[index] + "=="))
    change(said)
    parts[index] = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return ".".join(parts)


def flipped(token: str) -> str:
    """The token with one bit of its signature changed."""
    head, payload, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[5] ^= 1
    return f"{head}.{payload}.{base64.urlsafe_b64encode(bytes(raw)).decode().rstrip('=')}"


def forged(court: File, *, at: int | None = None, **header: Any) -> File:
    """An answer of a key that somebody else made, who put it into the copy of the key set as well."""
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    kid = thumbprint(jwk)
    claims = {**SAID, "iss": ISSUER, "iat": at if at is not None else int(_iat(court.answer))}
    answer = jwt.encode(claims, key, "ES256", {"typ": ANSWER_TYPE, "kid": kid, **header})
    return File(answer, [*court.keys, {**jwk, "kid": kid, "succession": None}], court.first)


def succeeded(court: File) -> File:
    """The same, with a succession that names our last key and is signed by the forger."""
    made = forged(court)
    key, last = ec.generate_private_key(ec.SECP256R1()), court.keys[-1]["kid"]
    said = {"iss": ISSUER, "iat": int(_iat(court.answer)), "jwk": made.keys[-1]}
    token = jwt.encode(said, key, "ES256", {"typ": SUCCESSION, "kid": last})
    return File(made.answer, [*court.keys, {**made.keys[-1], "succession": token}], court.first)


def _iat(token: str) -> float:
    return float(jwt.decode(token, options={"verify_signature": False})["iat"])


def keys_with(court: File, index: int, **changes: Any) -> File:
    keys = [dict(key) for key in court.keys]
    keys[index] |= changes
    return File(court.answer, keys, court.first)


def _replaced(court: File) -> File:
    """Under our key's own name."""
    made, kid = forged(court), jwt.get_unverified_header(court.answer)["kid"]
    theirs = {**court.keys[1], "x": made.keys[-1]["x"], "y": made.keys[-1]["y"]}
    answer = forged(court, kid=kid).answer
    return File(answer, [court.keys[0], theirs, *court.keys[2:]], court.first)


TAMPERED: Final[Mapping[str, Callable[[File], File]]] = {
    "another value": lambda c: File(part(c.answer, 1, lambda s: s["facts"][0].update(value=1)), c.keys, c.first),
    "another person": lambda c: File(part(c.answer, 1, lambda s: s.update(subject={})), c.keys, c.first),
    "another time": lambda c: File(part(c.answer, 1, lambda s: s.update(iat=s["iat"] + 1)), c.keys, c.first),
    "another kind": lambda c: File(part(c.answer, 0, lambda s: s.update(typ="sitthi-other+jwt")), c.keys, c.first),
    "no algorithm": lambda c: File(part(c.answer, 0, lambda s: s.update(alg="none")), c.keys, c.first),
    "another key's name": lambda c: File(part(c.answer, 0, lambda s: s.update(kid=c.keys[0]["kid"])), c.keys, c.first),
    "a changed signature": lambda c: File(flipped(c.answer), c.keys, c.first),
    "no signature": lambda c: File(c.answer.rpartition(".")[0] + ".", c.keys, c.first),
    "something after it": lambda c: File(c.answer + ".e30", c.keys, c.first),
    "another issuer": lambda c: File(c.answer, c.keys, c.first, "https://other.example"),
    "a forger's key in the set": forged,
    "a forger's key as our successor": succeeded,
    "a forger's key in the header": lambda c: forged(c, jwk={"kty": "EC"}),
    "our key replaced by the forger's": _replaced,
    "no key set": lambda c: File(c.answer, [], c.first),
    "a link left out": lambda c: File(c.answer, [c.keys[0], *c.keys[2:]], c.first),
    "a succession of another": lambda c: keys_with(c, 1, succession=c.keys[2]["succession"]),
    "a succession that is none": lambda c: keys_with(c, 1, succession=c.answer),
    "a key that nobody knows as the first": lambda c: File(c.answer, c.keys, "x" * 43),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_whatever_is_changed_is_refused(
    court: File, run: Callable[[File], subprocess.CompletedProcess[str]], how: str
) -> None:
    done = run(TAMPERED[how](court))
    assert done.returncode != 0
    assert "NOT VERIFIED" in done.stderr
    assert done.stdout == ""


async def test_a_key_that_leaked_after_its_time_signs_nothing_more(
    database: Database, clock: FixedClock, run: Callable[[File], subprocess.CompletedProcess[str]]
) -> None:
    attestor = Attestor(database, KEYS, clock, ISSUER)
    await attestor.sign({}, typ="sitthi-other+jwt")
    leaked = attestor._private[(await attestor.public())["keys"][0]["kid"]]
    await attestor.rotate()
    keys, now = (await attestor.public())["keys"], int(clock.now().timestamp())
    for late, verifies in ((119, True), (120, False)):
        claims = {**SAID, "iss": ISSUER, "iat": now + late}
        answer = jwt.encode(claims, leaked, "ES256", {"typ": ANSWER_TYPE, "kid": keys[0]["kid"]})
        done = await asyncio.to_thread(run, File(answer, keys, keys[0]["kid"]))
        assert (done.returncode == 0) is verifies, done.stderr


async def test_a_library_that_is_not_ours_says_the_same(court: File) -> None:
    given = {"token": court.answer, "typ": ANSWER_TYPE, "keys": court.keys, "issuer": ISSUER, "at": _iat(court.answer)}
    async with node.program("facts.mjs") as program:
        told = await program.ask("verify", **given)
        assert told["facts"] == SAID["facts"]
        with pytest.raises(node.Refused):
            await program.ask("verify", **{**given, "token": flipped(court.answer)})
        with pytest.raises(node.Refused):
            await program.ask("verify", **{**given, "typ": "sitthi-other+jwt"})
