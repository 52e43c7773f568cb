"""`/verify/licence`: whether somebody may sell insurance, by number, by name and by QR code (ForSure).

The page and the JSON answer what `Query.insurance.licence` does, by the same operation and within the same bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, StrictUndefined

from core.addresses import address_of
from core.errors import BadInput, BodyTooLarge, NotFound
from core.text import Text
from core.verification import FORM, HEADERS
from services.plugins.standing import must_be_open

if TYPE_CHECKING:
    from api.house import House

PATH: Final = "/verify/licence"
SERVICE: Final = "oic"
OPERATION: Final = "licence"
AGENT: Final = "sitthi-licence-page"
LENGTHS: Final = {"number": 40, "name": 200, "qr": 4_000}
_BODY_BYTES_MAX: Final = 16_000
_NOTHING: Final = Text(
    th="กรอกเลขที่ใบอนุญาต หรือข้อความจาก QR และชื่อผู้ขายหากทราบ",
    en="give `number` or `qr`, and the seller's `name` if you know it",
)
_PAGE: Final = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string("""<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ตรวจใบอนุญาตตัวแทนและนายหน้าประกันภัย – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; } dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; }
[lang=en] { color: #46526b; font-weight: 400; } .bad { border: 2px solid #a11; padding: .6rem .8rem; }
.good { border: 2px solid #17692b; padding: .6rem .8rem; }
input, textarea { width: 100%; font: inherit; } button { font: inherit; padding: .5rem 1.2rem; }
</style>
</head>
<body>
<main>
<h1>ตรวจใบอนุญาตตัวแทนและนายหน้าประกันภัย <span lang="en">Check an insurance agent's or broker's licence</span></h1>
{% if told %}
<p role="{{ 'status' if good else 'alert' }}" class="{{ 'good' if good else 'bad' }}">
<strong>{{ told.message }}</strong> <span lang="en">{{ told.messageEn }}</span></p>
{% if told.licence %}
<dl>
<dt>ชื่อ <span lang="en">Name</span></dt>
<dd>{{ told.licence.name }} <span lang="en">{{ told.licence.nameEn }}</span></dd>
<dt>เลขที่ใบอนุญาต <span lang="en">Number</span></dt><dd>{{ told.licence.number }}</dd>
<dt>ใช้ได้ถึง <span lang="en">Good until</span></dt><dd>{{ told.licence.expiresOn }}</dd>
<dt>บริษัทที่เป็นตัวแทน <span lang="en">For insurers</span></dt>
<dd>{{ told.licence.insurers | join(", ") or "–" }}</dd>
</dl>
{% if told.nameMatches is none %}
<p>ยังไม่ได้เทียบชื่อ กรอกชื่อผู้ขายเพื่อตรวจว่าเป็นใบอนุญาตของเขาเอง
<span lang="en">No name was compared: enter the seller's, to see whether the licence is theirs.</span></p>
{% endif %}
{% endif %}
{% endif %}
<form method="post" action="{{ path }}">
<p><label for="number">เลขที่ใบอนุญาต <span lang="en">Licence number</span></label>
<input id="number" name="number" inputmode="numeric" maxlength="{{ lengths.number }}" autocomplete="off"></p>
<p><label for="qr">หรือข้อความที่อ่านได้จาก QR <span lang="en">or what the QR code holds</span></label>
<textarea id="qr" name="qr" maxlength="{{ lengths.qr }}" spellcheck="false"></textarea></p>
<p><label for="name">ชื่อผู้ขาย <span lang="en">The seller's name</span></label>
<input id="name" name="name" maxlength="{{ lengths.name }}" autocomplete="off"></p>
<p><button>ตรวจสอบ <span lang="en">Check</span></button></p>
</form>
</main>
</body>
</html>
""")


def licence_router(house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    async def form() -> HTMLResponse:
        return _html(None)

    @router.post(PATH)
    async def check(request: Request) -> Response:
        by_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
        asked = _asked(await request.body(), by_form=by_form)
        plugin = house.registry.get(SERVICE)
        spec = None if plugin is None else plugin.manifest.operations.get(OPERATION)
        if plugin is None or spec is None or spec.asked is None:
            raise NotFound
        must_be_open(plugin.standing, plugin.manifest.title.text)
        await house.limits.question(plugin.slug, OPERATION, spec.asked, address_of(request.scope), asked)
        told: dict[str, Any] = await house.runner.run(plugin, OPERATION, asker=AGENT, arguments=asked)
        return _html(told) if by_form else Response(orjson.dumps(told), media_type="application/json", headers=HEADERS)

    return router


def _html(told: dict[str, Any] | None) -> HTMLResponse:
    good = told is not None and told["status"] == "VALID" and told["nameMatches"] is not False
    return HTMLResponse(_PAGE.render(told=told, good=good, path=PATH, lengths=LENGTHS), headers=HEADERS)


def _asked(body: bytes, *, by_form: bool) -> dict[str, str]:
    """The arguments of the operation. Raises :class:`BadInput`."""
    if len(body) > _BODY_BYTES_MAX:
        raise BodyTooLarge
    try:
        told: Any = (
            {name: values[-1] for name, values in parse_qs(body.decode(), max_num_fields=5).items()}
            if by_form
            else orjson.loads(body)
        )
    except ValueError:
        raise BadInput(_NOTHING, path=("number",)) from None
    if not isinstance(told, dict) or not told.keys() <= LENGTHS.keys():
        raise BadInput(_NOTHING, path=("number",))
    if any(not isinstance(text, str) or len(text) > LENGTHS[name] for name, text in told.items()):
        raise BadInput(_NOTHING, path=("number",))
    found = {name: text.strip() for name, text in told.items() if text.strip()}
    if not found.keys() & {"number", "qr"}:
        raise BadInput(_NOTHING, path=("number",))
    return found
