"""What the QR code of a receipt proves, to whoever has a copy of the keys and no network."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt
import pytest
import segno
import zxingcpp
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from PIL import Image
from sqlalchemy import select

from api.errors import as_json, status_of
from core.attestation.service import Attestor
from core.errors import SitthiError
from core.text import Language, Text
from services.receive.models import Receipt
from services.receive.proof import holder
from services.receive.routes import PROOF_PATH, verification
from services.receive.service import Receipts
from tests.services.pay.town import KEYS, TownHall, national_id
from tests.services.receive.conftest import ISSUER
from tests.support import node

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "receipts"
FORM = {"content-type": "application/x-www-form-urlencoded"}
VERSION_MAX = 20
"""Of the QR code: 97 modules, which a phone reads from the screen of another, and from paper at 4 cm."""


@pytest.fixture
async def receipt(hall: TownHall) -> Receipt:
    await hall.sent(1)
    await hall.jobs.reconcile(hall.approver)
    async with hall.db.read() as session:
        [made] = await session.scalars(select(Receipt))
    return made


@pytest.fixture
async def keys(attestor: Attestor, tmp_path: Path) -> Path:
    """A copy of the keys, as somebody has it who checks."""
    file = tmp_path / "attestation-keys.json"
    file.write_text(json.dumps(await attestor.public()))
    return file


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check", EXAMPLES / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(text: str) -> Image.Image:
    """As a phone sees it: the code as it is printed, a few pixels a module."""
    image = BytesIO()
    segno.make(text, error="m", boost_error=False, micro=False).save(image, kind="png", scale=3, border=4)
    return Image.open(image).convert("L")


async def test_the_claims_say_what_was_paid_and_nothing_that_names_anybody(
    receipts: Receipts, receipt: Receipt, attestor: Attestor
) -> None:
    token = await receipts.proof(receipt)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.pop("iat") == int(receipt.settled_at.timestamp())
    assert claims == {
        "v": 1, "number": receipt.number, "satang": 70_000, "for": "programme:dla-old-age", "period": "2026-11",
        "settled": "2026-11-16", "agency": "dla", "sub": holder(KEYS, receipt.person, "dla"), "iss": ISSUER,
    }  # fmt: skip
    assert national_id(1).digits not in json.dumps(claims)
    assert receipt.person.hex not in json.dumps(claims)


async def test_the_holder_is_the_same_with_one_agency_and_another_with_the_next(
    receipt: Receipt, hall: TownHall
) -> None:
    mine = holder(KEYS, receipt.person, "dla")
    assert mine == holder(KEYS, receipt.person, "dla")
    assert len({mine, holder(KEYS, receipt.person, "dcy"), holder(KEYS, await hall.person(), "dla")}) == 3


async def test_an_independent_reader_reads_the_qr_code_and_it_is_not_too_dense_to_scan(
    receipts: Receipts, receipt: Receipt
) -> None:
    text = await receipts.qr_text(receipt)
    [read] = zxingcpp.read_barcodes(picture(text))
    assert read.text == text
    address, _, proof = read.text.partition("#")
    assert address == receipts.verify_url(receipt)
    assert proof.count(".") == 2
    assert int(segno.make(text, error="m", boost_error=False).version) <= VERSION_MAX
    assert (await receipts.qr_svg(receipt)).startswith("<svg")


async def test_the_example_in_python_verifies_without_a_network_and_refuses_every_changed_bit(
    receipts: Receipts, receipt: Receipt, keys: Path
) -> None:
    """Each of the 3,600 or so is tried: the decoder of base64url forgives some, and so must not be trusted."""
    check, text = example(), await receipts.qr_text(receipt)
    assert check.main(ISSUER, keys, text)["number"] == receipt.number
    address, _, token = text.partition("#")
    passed = []
    for at in range(len(token)):
        for bit in range(7):
            changed = token[:at] + chr(ord(token[at]) ^ (1 << bit)) + token[at + 1 :]
            try:
                check.main(ISSUER, keys, f"{address}#{changed}")
            except (ValueError, KeyError, TypeError, jwt.PyJWTError):
                continue
            passed.append((at, bit))
    assert passed == []


async def test_the_example_in_javascript_says_the_same(
    receipts: Receipts, receipt: Receipt, keys: Path, attestor: Attestor
) -> None:
    text = await receipts.qr_text(receipt)
    last = text[:-1] + ("B" if text[-1] != "B" else "C")  # of the signature; perhaps only the bits that are left over
    middle = len(text) - 200
    other = text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]

    async def run(given: str, issuer: str = ISSUER) -> subprocess.CompletedProcess[str]:
        words = [node.require(), str(EXAMPLES / "check.mjs"), issuer, str(keys)]
        return await asyncio.to_thread(subprocess.run, words, input=given, capture_output=True, text=True, check=False)

    told = await run(f"{text}\n")
    assert json.loads(told.stdout)["satang"] == 70_000, told.stderr
    for wrong in (last, other, "x", "", await attestor.sign({"v": 1}, typ="sitthi-consent-receipt+jwt")):
        refused = await run(wrong)
        assert (refused.returncode, refused.stdout) == (1, ""), wrong
        assert refused.stderr.startswith("NOT VERIFIED")
    assert (await run(text, "https://elsewhere.example")).returncode == 1


async def test_a_proof_outlives_its_key_and_a_later_key_cannot_sign_for_the_time_before(
    receipts: Receipts, receipt: Receipt, attestor: Attestor, hall: TownHall, tmp_path: Path
) -> None:
    text = await receipts.qr_text(receipt)
    hall.clock.advance(timedelta(days=366))
    assert await attestor.renew()
    file = tmp_path / "keys-of-later.json"
    public = await attestor.public()
    file.write_text(json.dumps(public))
    assert example().main(ISSUER, file, text)["number"] == receipt.number
    for key in public["keys"]:  # as if it had ended long before
        key["ended_at"] = "2020-01-01T00:00:00+00:00"
    file.write_text(json.dumps(public))
    with pytest.raises(ValueError, match="did not sign at that time"):
        example().main(ISSUER, file, text)


async def post(hall: TownHall, attestor: Attestor, **how: Any) -> httpx2.Response:
    app = FastAPI()
    app.include_router(verification(hall.db, attestor, lambda slug: Text(th=f"กรม {slug}", en=f"Department {slug}")))

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SitthiError)
        return JSONResponse(as_json(error, Language.EN), status_of(error))

    app.add_exception_handler(SitthiError, refused)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        return await client.post(PROOF_PATH, **how)


async def test_the_page_reads_what_was_scanned_and_shows_it_in_thai_first(
    hall: TownHall, receipts: Receipts, receipt: Receipt, attestor: Attestor
) -> None:
    text = await receipts.qr_text(receipt)
    told = await post(hall, attestor, json={"receipt": text})
    assert (told.status_code, told.json()["receipt"]["satang"], told.json()["stands"]) == (200, 70_000, True)
    shown = await post(hall, attestor, content=urlencode({"receipt": text}), headers=FORM)
    for words in ("ใบรับเงินนี้ถูกต้อง", "This receipt is genuine", "700.00", "16 พฤศจิกายน 2569", "กรม dla", receipt.number):
        assert words in shown.text
    assert receipt.person.hex not in shown.text


async def test_the_page_refuses_a_forged_a_changed_and_a_foreign_document(
    hall: TownHall, receipts: Receipts, receipt: Receipt, attestor: Attestor
) -> None:
    text = await receipts.qr_text(receipt)
    foreign = await attestor.sign({"v": 1}, typ="sitthi-consent-receipt+jwt")
    later = await attestor.sign({"v": 2}, typ="sitthi-receipt+jwt")
    for wrong in (text[:-9], f"{text}A", foreign, later, "eyJ"):
        refused = await post(hall, attestor, json={"receipt": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (422, "ATTESTATION_INVALID")
        shown = await post(hall, attestor, content=urlencode({"receipt": wrong}), headers=FORM)
        assert shown.status_code == 422
        assert "ไม่ใช่ของจริง" in shown.text
        assert "<textarea" in shown.text
    assert (await post(hall, attestor, json={"receipt": ""})).status_code == 400
    assert (await post(hall, attestor, content=b"x" * 10_000)).status_code == 413
