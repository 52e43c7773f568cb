"""The copy of one's data: everything is in it, nobody else gets it, and it goes after a week."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from sqlalchemy import select
from sqlmodel import col

from core.errors import ServiceUnavailable
from services.exchange.privacy import export, pdf
from services.exchange.privacy.export import KEPT, TYPE
from services.exchange.privacy.models import PrivacyEvent, PrivacyExport
from services.exchange.privacy.states import Step
from services.sandbox.population.personas import persona
from tests.laws.cases import person_of
from tests.services.exchange.privacy.world import EMAIL, STATEMENT, WHO, done, key_of, lived, ran
from tests.support.acting import act, delegated, signed_in_with
from tests.support.app import Served

FILES = "{ viewer { privacyRequests { nodes { id kind status expiresAt files { format path } } } } }"


async def prepared(sitthi: Served, who: str = WHO, kind: str = "ACCESS") -> dict[str, str]:
    """Asks for a copy and has it made; answers the paths by format."""
    await done(sitthi, "requestMyData", "request { id }", who, kind=kind)
    assert (await ran(sitthi)).exports == 1
    [request, *_] = (await sitthi.graph(FILES, persona=who))["viewer"]["privacyRequests"]["nodes"]
    assert request["status"] == "READY"
    return {one["format"]: one["path"] for one in request["files"]}


async def fetch(sitthi: Served, path: str, who: str | None = WHO) -> httpx2.Response:
    headers = {} if who is None else {"authorization": f"Bearer {await sitthi.token(who)}"}
    return await sitthi.http.get(path, headers=headers)


def records(document: dict[str, Any], table: str) -> list[dict[str, Any]]:
    return [one["record"] for store in document["stores"] for one in store["records"] if one["table"] == table]


async def test_everything_that_a_person_left_is_in_the_file_for_machines(sitthi: Served) -> None:
    await lived(sitthi)
    paths = await prepared(sitthi)
    answer = await fetch(sitthi, paths["json"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    schema = (await sitthi.http.get("/open/personal-data.schema.json")).json()
    jsonschema_rs.validate(schema, document)
    told = json.dumps(document["facts"]["name"]["value"], ensure_ascii=False)
    assert persona(WHO).name.th.split()[-1] in told
    assert [one["value"] for one in records(document, "contact")] == [EMAIL]
    assert [one["statement"] for one in records(document, "correction")] == [STATEMENT]
    assert [one["account"]["number"] for one in records(document, "payout_destination")] == ["1234567890"]
    assert [one["national_id"] for one in records(document, "person")] == [persona(WHO).national_id]
    for table in ("application", "decision", "award", "instalment", "message", "sign_in_session", "passkey"):
        assert records(document, table), table
    assert any(one["purpose"] == "own-view" for one in records(document, "access_record"))
    assert any(one["kind"] == "ACCESS" for one in records(document, "privacy_request"))
    assert "unreadable" not in answer.text


async def test_secrets_and_other_people_are_not_in_it(sitthi: Served) -> None:
    await lived(sitthi)
    delegate = await person_of(sitthi, "worker")
    await delegated(sitthi, WHO, "worker", "VIEW")
    written = (await fetch(sitthi, (await prepared(sitthi))["json"])).text
    assert delegate.hex not in written
    for secret in ("token_hash", "code_hash", "key_sealed", "input_hash", "national_id_index", "device_hash"):
        assert secret not in written


async def test_the_signature_covers_both_files(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    paths = await prepared(sitthi, kind="PORTABILITY")
    claims = await sitthi.house.attestor.verify((await fetch(sitthi, paths["jws"])).text, typ=TYPE)
    for format_ in set(paths) - {"jws"}:
        content = (await fetch(sitthi, paths[format_])).content
        assert claims["sha256"][format_] == hashlib.sha256(content).hexdigest()


@pytest.mark.needs("pdftotext")
@pytest.mark.sqlite_only
async def test_a_person_can_read_the_pdf(sitthi: Served, tmp_path: Path) -> None:
    await lived(sitthi)
    text = text_of(tmp_path, await fetch(sitthi, (await prepared(sitthi))["pdf"]))
    for said in ("สำเนาข้อมูลส่วนบุคคลของท่าน", "บันทึกการเข้าถึงข้อมูล", "กล่องข้อความ", EMAIL, "marker-7391"):
        assert said in text, said
    for said in (
        "16 พฤษภาคม 2501",
        "date of birth",
        "กรมการปกครอง",
        "600.00 บาท",
        "10.00 น.",
        "You looked",
    ):
        assert said in text, said


@pytest.mark.needs("pdftotext")
@pytest.mark.sqlite_only
async def test_the_pdf_has_no_names_of_columns_keys_or_agencies_slugs(sitthi: Served, tmp_path: Path) -> None:
    await lived(sitthi)
    paths = await prepared(sitthi)
    document = (await fetch(sitthi, paths["json"])).json()
    text = text_of(tmp_path, await fetch(sitthi, paths["pdf"]))
    [award] = records(document, "award")
    for technical in ("access_record", "as_of", "title.th", "idempotency", "dopa", "dla", "T03:00", "+00:00", "✓", "✗"):
        assert technical not in text, technical
    for machine in (award["id"], "satang", "FRESH", "SCHEDULED", "ALLOWED", "APPROVED"):
        assert machine not in text, machine
    assert text.count("Ratings") == 1


def text_of(folder: Path, answer: httpx2.Response) -> str:
    assert answer.headers["content-type"] == "application/pdf"
    (folder / "copy.pdf").write_bytes(answer.content)
    return subprocess.run(
        ["pdftotext", "-layout", str(folder / "copy.pdf"), "-"], capture_output=True, check=True, text=True
    ).stdout


SENSITIVE = {"aids_certified", "disability_card", "person_status"}


async def test_what_is_sensitive_is_in_the_owners_own_copy(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    document = (await fetch(sitthi, (await prepared(sitthi))["json"])).json()
    facts = {name: document["facts"][name] for name in SENSITIVE}
    assert {fact["state"] for fact in facts.values()} == {"FRESH"}
    assert (facts["disability_card"]["value"], facts["person_status"]["value"]) == (False, "normal")
    assert [one for one in document["facts"].values() if one["state"] == "DENIED"] == []
    looks = [
        one for one in records(document, "access_record") if one["asker"]["en"] == "You asked for a copy of your data"
    ]
    assert [one["decision"] for one in looks] == ["ALLOWED"]


async def test_a_sign_in_that_is_not_sure_enough_is_told_so_beside_what_is_not_shown(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    signed_in_with(sitthi, "ial1.3-aal2.2")
    paths = await prepared(sitthi)
    signed_in_with(sitthi)
    document = (await fetch(sitthi, paths["json"])).json()
    denied = {name: fact for name, fact in document["facts"].items() if fact["state"] == "DENIED"}
    assert set(denied) == SENSITIVE
    assert all("ข้อมูลอ่อนไหว" in fact["note"]["th"] and "sensitive" in fact["note"]["en"] for fact in denied.values())
    assert document["facts"]["birth_date"]["note"] is None


@pytest.mark.sqlite_only
async def test_without_a_thai_font_the_file_for_machines_is_there_all_the_same(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "font_families", lambda: ())
    with pytest.raises(ServiceUnavailable):
        await pdf.rendered([], issuer="x", made_at=sitthi.clock.now(), request="x")
    await lived(sitthi, applies=False)
    assert set(await prepared(sitthi)) == {"json", "jws"}


async def test_the_download_needs_a_passkey_used_just_now(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    path = (await prepared(sitthi))["json"]
    signed_in_with(sitthi, "ial2.3-aal2.1")
    weak = await fetch(sitthi, path)
    assert (weak.status_code, weak.json()["errors"][0]["extensions"]["code"]) == (401, "STEP_UP_REQUIRED")
    assert 'acr_values="ial2.3-aal2.2", max_age="300"' in weak.headers["www-authenticate"]
    signed_in_with(sitthi)
    sitthi.clock.advance(timedelta(seconds=301))
    assert (await fetch(sitthi, path)).status_code == 401


async def test_nobody_else_gets_it(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    path = (await prepared(sitthi))["json"]
    await sitthi.token("official")
    foreign = await fetch(sitthi, path, "official")
    assert (foreign.status_code, foreign.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
    assert (await fetch(sitthi, path, None)).status_code == 401
    carer = await act(sitthi, "worker", await delegated(sitthi, WHO, "worker", "VIEW"))
    acted = await fetch(sitthi, path, carer)
    assert (acted.status_code, acted.json()["errors"][0]["extensions"]["code"]) == (403, "NOT_DELEGATED")


@pytest.mark.parametrize("path", ["/my-data/x/json", f"/my-data/{'0' * 32}/json", "/my-data/ก/pdf"])
async def test_what_was_never_asked_for_is_not_found(sitthi: Served, path: str) -> None:
    await sitthi.token(WHO)
    signed_in_with(sitthi)
    assert (await fetch(sitthi, path)).status_code == 404


async def test_an_unknown_format_is_not_found_and_what_is_not_ready_says_so(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    asked = await done(sitthi, "requestMyData", "request { id }", WHO, kind="ACCESS")
    path = f"/my-data/{key_of(asked['request']['id']).hex}"
    early = await fetch(sitthi, f"{path}/json")
    assert (early.status_code, early.json()["errors"][0]["extensions"]["code"]) == (409, "EXPORT_NOT_READY")
    assert (await fetch(sitthi, f"{path}/exe")).status_code == 404


async def test_after_a_week_the_files_are_gone_from_the_database_too(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    path = (await prepared(sitthi))["json"]
    sitthi.clock.advance(KEPT)
    sitthi.forget_tokens()
    over = await fetch(sitthi, path)
    assert (over.status_code, over.json()["errors"][0]["extensions"]["code"]) == (404, "EXPORT_EXPIRED")
    await ran(sitthi)
    async with sitthi.house.db.read() as session:
        assert (await session.scalars(select(col(PrivacyExport.number)))).all() == []
    [request] = (await sitthi.graph(FILES, persona=WHO))["viewer"]["privacyRequests"]["nodes"][:1]
    assert (request["status"], request["files"]) == ("EXPIRED", [])


async def test_a_copy_lies_sealed(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    await prepared(sitthi)
    async with sitthi.house.db.read() as session:
        pieces = (await session.scalars(select(col(PrivacyExport.content_sealed)))).all()
    for marker in (EMAIL.encode(), STATEMENT.encode(), persona(WHO).national_id.encode(), b"%PDF"):
        assert not any(marker in piece for piece in pieces)


async def test_a_long_history_is_written_in_pieces_and_read_in_order(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PIECE_BYTES", 500)
    await lived(sitthi)
    path = (await prepared(sitthi))["json"]
    async with sitthi.house.db.read() as session:
        query = select(col(PrivacyExport.number)).where(col(PrivacyExport.format) == "json")
        assert len((await session.scalars(query)).all()) > 10
    assert json.loads((await fetch(sitthi, path)).content)["format"] == "sitthi-personal-data"


async def test_each_download_is_noted(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    paths = await prepared(sitthi)
    for _ in range(2):
        await fetch(sitthi, paths["json"])
    async with sitthi.house.db.read() as session:
        query = select(PrivacyEvent).where(col(PrivacyEvent.kind) == Step.DOWNLOADED.value)
        assert [event.detail for event in (await session.scalars(query)).all()] == [{"format": "json"}] * 2


async def test_of_fifty_requests_at_once_one_is_taken(sitthi: Served) -> None:
    await sitthi.token(WHO)
    asked = await asyncio.gather(*(sitthi.do("requestMyData", "request { id }", WHO, kind="ACCESS") for _ in range(50)))
    codes = [one["problems"][0]["code"] if one["problems"] else None for one in asked]
    assert (codes.count(None), codes.count("PRIVACY_REQUEST_OPEN")) == (1, 49)


async def test_a_source_that_is_silent_is_told_as_such_in_the_copy(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    document = (await fetch(sitthi, (await prepared(sitthi))["json"])).json()
    for fact in document["facts"].values():
        assert fact["state"] in {"FRESH", "STALE", "UNAVAILABLE", "DENIED"}
        assert fact["value"] is None or fact["state"] in {"FRESH", "STALE"}
