"""Credentials and papers by a downloaded bundle: what the command tells without network and database, and refuses."""

from __future__ import annotations

import base64
import importlib.util
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import orjson
import pytest
from typer.testing import CliRunner, Result

from api.cli import app as commands
from core.clock import SystemClock
from core.database import Database
from core.paper import font_families
from services.receive.credentials import jws
from services.receive.credentials.disclosures import digest_of
from services.receive.credentials.jws import SigningKey, bare_jwk
from services.receive.credentials.sd_jwt import TYPE, SdJwt, prove
from services.receive.credentials.service import Credentials
from services.receive.credentials.status import LIVES, TTL, Status
from services.receive.credentials.verify_routes import BUNDLE_PATH
from services.receive.offline.errors import BundleRefused
from services.receive.offline.reading import Bundle
from services.receive.papers.authority import Authority
from services.receive.papers.service import Papers
from tests.api.test_verify_credential import WALLET, given, set_status
from tests.services.receive.credentials.office import AGENCY, CLAIMS, Office
from tests.services.receive.papers.conftest import order
from tests.support import programs
from tests.support.app import Served

SECOND: Final = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def office(sitthi: Served) -> Office:
    made = Office()
    sitthi.house.registry.add(made.plugin())
    return made


async def bundle_of(sitthi: Served) -> bytes:
    answer = await sitthi.http.get(BUNDLE_PATH)
    assert answer.status_code == 200
    return answer.content


def verified(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes | str, bundle: bytes, *options: str
) -> Result:
    """What `sitthi verify` says where nothing can be reached."""
    file, trust = folder / "shown", folder / "bundle.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    trust.write_bytes(bundle)
    now = sitthi.clock.now()

    def unreachable(*_: object, **__: object) -> None:
        raise AssertionError("it asked somebody")

    with monkeypatch.context() as patched:
        patched.setattr(SystemClock, "now", lambda _: now)
        patched.setattr(socket, "socket", unreachable)
        patched.setattr(socket, "getaddrinfo", unreachable)
        patched.setattr(Database, "__init__", unreachable)
        return CliRunner().invoke(commands, ["verify", str(file), "--trust", str(trust), *options])


async def test_a_credential_is_verified_where_nothing_can_be_reached(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credential = await given(sitthi)
    told = verified(sitthi, monkeypatch, tmp_path, str(credential), await bundle_of(sitthi), "--json")
    assert told.exit_code == 0, told.output
    found = orjson.loads(told.stdout)
    assert (found["valid"], found["holder"], found["status"]) == (True, "NOT_PROVED", "VALID")
    assert found["claims"]["institution"] == "มหาวิทยาลัยทดสอบ"
    words = verified(sitthi, monkeypatch, tmp_path, str(credential), await bundle_of(sitthi))
    assert "ไม่ได้พิสูจน์ว่าผู้แสดงเป็นเจ้าของ · the holder was not proved" in words.stdout


async def test_a_holder_is_proved_to_who_asked_them(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credential, bundle = await given(sitthi), await bundle_of(sitthi)
    proof = {"audience": "https://employer.example", "nonce": "n-1", "at": sitthi.clock.now()}
    shown = str(prove(credential, WALLET, **proof))  # type: ignore[arg-type] # of two types

    def told(text: str, audience: str, nonce: str) -> tuple[int, str]:
        options = ("--audience", audience, "--nonce", nonce, "--json")
        said = verified(sitthi, monkeypatch, tmp_path, text, bundle, *options)
        found = orjson.loads(said.stdout)
        return said.exit_code, found.get("holder") or found["reason"]

    assert told(shown, "https://employer.example", "n-1") == (0, "PROVED")
    assert told(shown, "https://employer.example", "n-2") == (1, "PROOF_NONCE")
    assert told(shown, "https://other.example", "n-1") == (1, "PROOF_AUDIENCE")
    assert told(str(credential), "https://employer.example", "n-1") == (1, "HOLDER_UNPROVEN")
    unasked = orjson.loads(verified(sitthi, monkeypatch, tmp_path, shown, bundle, "--json").stdout)
    assert unasked["holder"] == "NOT_PROVED"
    alone = verified(sitthi, monkeypatch, tmp_path, shown, bundle, "--nonce", "n-1")
    assert alone.exit_code == 2


async def test_what_is_not_good_is_refused_in_both_languages(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good, revoked, suspended = [await given(sitthi) for _ in range(3)]
    await set_status(sitthi, revoked, Status.INVALID)
    await set_status(sitthi, suspended, Status.SUSPENDED)
    elsewhere = {"status_list": {"uri": "https://elsewhere.example/status/1", "idx": 0}}
    expected = {
        str(revoked): "REVOKED",
        str(suspended): "SUSPENDED",
        str(await given(sitthi, status=elsewhere)): "STATUS_UNREACHABLE",
        str(await given(sitthi, key=SigningKey.fresh())): "KEY_UNKNOWN",
        str(SdJwt(good.signed, (*good.disclosures, "WyJzIiwiYSIsMV0"))): "DISCLOSURE_INVENTED",
    }
    bundle = await bundle_of(sitthi)
    for text, reason in expected.items():
        told = verified(sitthi, monkeypatch, tmp_path, text, bundle)
        assert (told.exit_code, f"({reason})" in told.stderr) == (1, True), told.output
        assert len(told.stderr.strip().splitlines()) == 2
        assert told.stdout == ""


async def test_a_paper_is_verified_with_the_same_bundle(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not font_families():
        programs.absent("no Thai font: script/setup fetches one")
    paper = await sitthi.house.rooms.get(Papers).made(order(agency=AGENCY))
    bundle = await bundle_of(sitthi)
    told = verified(sitthi, monkeypatch, tmp_path, paper, bundle, "--json")
    assert (told.exit_code, orjson.loads(told.stdout)["agency"]) == (0, AGENCY)
    altered = verified(sitthi, monkeypatch, tmp_path, paper + b"\n", bundle)
    assert (altered.exit_code, "PAPER_ADDED_TO" in altered.stderr) == (1, True)
    authority = sitthi.house.rooms.get(Authority)
    [serial] = [f"{number:x}" for number, one in (await authority.known()).items() if one.agency == AGENCY]
    async with sitthi.house.db.write() as session:
        await authority.revoke(session, serial)
    sitthi.clock.advance(TTL)
    revoked = verified(sitthi, monkeypatch, tmp_path, paper, await bundle_of(sitthi))
    assert (revoked.exit_code, "PAPER_CERTIFICATE_REVOKED" in revoked.stderr) == (1, True)


async def test_a_bundle_holds_until_the_second_that_it_names(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credential = str(await given(sitthi))
    bundle = await bundle_of(sitthi)
    ends = Bundle.read(bundle, sitthi.clock.now()).until
    assert ends == sitthi.clock.now() + LIVES
    sitthi.clock.advance(LIVES - SECOND)
    assert verified(sitthi, monkeypatch, tmp_path, credential, bundle).exit_code == 0
    sitthi.clock.advance(SECOND)
    over = verified(sitthi, monkeypatch, tmp_path, credential, bundle)
    assert (over.exit_code, "it is over" in over.stderr) == (2, True)


async def test_a_bundle_is_as_old_as_the_oldest_of_its_lists(sitthi: Served) -> None:
    await given(sitthi)
    room = sitthi.house.rooms.get(Credentials)
    first = await room.lists.published(AGENCY, 1)
    assert first is not None
    sitthi.clock.advance(LIVES / 2 - SECOND)
    assert Bundle.read(await bundle_of(sitthi), sitthi.clock.now()).until == first.at + LIVES


async def test_a_bundle_that_is_changed_forged_or_of_the_future_tells_nothing(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credential = str(await given(sitthi))
    content = await bundle_of(sitthi)
    document: dict[str, Any] = orjson.loads(content)
    head, body, signature = document["bundle"].split(".")
    said = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    said["lists"] = {}
    changed = base64.urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=")
    now, foreign = sitthi.clock.now(), bare_jwk(SigningKey.fresh().public_jwk())
    attested = {"typ": "JWT", "bundle": (await sitthi.house.attestor.sign({"v": 1}, typ="sitthi-receipt+jwt"))}
    for wrong in (
        b"",
        b"[]",
        b"{}",
        orjson.dumps({**document, "bundle": f"{head}.{changed}.{signature}"}),
        orjson.dumps({**document, "keys": []}),
        orjson.dumps({**document, "keys": [{**one, **foreign} for one in document["keys"]]}),
        orjson.dumps({**document, "keys": [{**one, "signs_from": None} for one in document["keys"]]}),
        orjson.dumps({**document, **attested}),
    ):
        told = verified(sitthi, monkeypatch, tmp_path, credential, wrong)
        assert (told.exit_code, told.stdout) == (2, ""), wrong[:80]
    ended = [{**one, "ended_at": (now - timedelta(hours=1)).isoformat()} for one in document["keys"]]
    with pytest.raises(BundleRefused, match="signature"):
        Bundle.read(orjson.dumps({**document, "keys": ended}), now)
    with pytest.raises(BundleRefused, match="future"):
        Bundle.read(content, now - timedelta(minutes=2))
    name = Bundle.read(content, now).signed_by
    assert Bundle.read(content, now, pinned=name).signed_by == name
    with pytest.raises(BundleRefused, match="another key"):
        Bundle.read(content, now, pinned="x" * 43)


async def test_a_bundle_is_made_once_in_five_minutes(sitthi: Served) -> None:
    await given(sitthi)
    first = await bundle_of(sitthi)
    sitthi.clock.advance(TTL - SECOND)
    assert await bundle_of(sitthi) == first
    sitthi.clock.advance(SECOND)
    assert await bundle_of(sitthi) != first


async def test_the_program_that_is_documented_for_others_agrees(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check, now = example(), sitthi.clock.now()
    good, revoked = await given(sitthi), await given(sitthi)
    await set_status(sitthi, revoked, Status.INVALID)
    elsewhere = {"status_list": {"uri": "https://elsewhere.example/status/1", "idx": 0}}
    signing = await sitthi.house.rooms.get(Credentials).issuers.signing(AGENCY)
    payload, made_up = jws.read(good.signed).payload, "WyJzIiwiYSIsMV0"
    refused = [
        revoked,
        await given(sitthi, status=elsewhere),
        await given(sitthi, exp=int(now.timestamp())),
        await given(sitthi, nbf=int(now.timestamp()) + 1),
        await given(sitthi, key=SigningKey.fresh()),
        await given(sitthi, key=SigningKey(signing.kid, SigningKey.fresh().private)),
        await given(sitthi, typ="jwt"),
        await given(sitthi, iss="https://elsewhere.example"),
        SdJwt(good.signed, (*good.disclosures, made_up)),
        SdJwt(good.signed, good.disclosures[:1] * 2),
        SdJwt(jws.sign({"typ": TYPE}, {**payload, "_sd": [digest_of(made_up)] * 2}, signing), (made_up,)),
        SdJwt(jws.sign({"typ": TYPE}, {**payload, "a": 2, "_sd": [digest_of(made_up)]}, signing), (made_up,)),
    ]
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(await bundle_of(sitthi))
    monkeypatch.setattr(check, "datetime", _At(now))
    told = check.main(str(bundle), str(good))
    assert {name: told[name] for name in CLAIMS} == CLAIMS
    for one in refused:
        with pytest.raises((ValueError, KeyError, jwt.PyJWTError)):
            check.main(str(bundle), str(one))
    monkeypatch.setattr(check, "datetime", _At(now + LIVES))
    with pytest.raises(ValueError, match="over"):
        check.main(str(bundle), str(good))


class _At:
    """The module's `datetime`, whose clock stands still."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self, _: object) -> datetime:
        return self._now

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


def example() -> Any:
    path = Path(__file__).parents[2] / "docs/examples/credentials/check.py"
    spec = importlib.util.spec_from_file_location("check_credential", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
