"""The page on which anybody verifies a credential. It works without JavaScript; where the browser reads QR codes by its
camera, a script of a few lines offers to."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, StrictUndefined

from core.verification import HEADERS
from services.receive.credentials.showing import VERIFY_PATH

TEXT_FIELD: Final = "credential"
FILE_FIELD: Final = "file"
NONCE_FIELD: Final = "nonce"
_SCRIPT: Final = """
const scan = document.getElementById("scan"), view = document.getElementById("view");
if ("BarcodeDetector" in window && navigator.mediaDevices) {
  scan.hidden = false;
  scan.onclick = async () => {
    let stream;
    try {
      const reader = new BarcodeDetector({ formats: ["qr_code"] });
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      view.srcObject = stream;
      view.hidden = false;
      await view.play();
      for (let found = []; !view.hidden; found = await reader.detect(view)) {
        if (found.length) { document.getElementById("credential").value = found[0].rawValue; break; }
        await new Promise(requestAnimationFrame);
      }
    } finally {
      view.hidden = true;
      if (stream) for (const track of stream.getTracks()) track.stop();
    }
  };
}
"""
_PAGE: Final = (
    """<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ตรวจสอบเอกสารรับรองดิจิทัล – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; }
dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; overflow-wrap: anywhere; }
[lang=en] { color: #46526b; font-weight: 400; }
.open { border: 2px solid #a15c00; padding: .6rem .8rem; }
code { overflow-wrap: anywhere; }
textarea { width: 100%; min-height: 8rem; font: .85rem/1.4 monospace; } video { width: 100%; }
button { font: inherit; padding: .5rem 1.2rem; }
footer { margin-top: 2rem; border-top: 1px solid #c6ccd8; font-size: .9rem; }
</style>
</head>
<body>
<main>
{% if state == "valid" %}
<h1 role="status">เอกสารรับรองนี้เป็นของจริง และยังใช้ได้
<span lang="en">This credential is genuine, and good</span></h1>
{% if holder == "PROVED" %}
<p>ผู้แสดงพิสูจน์แล้วว่าเป็นเจ้าของ <span lang="en">Whoever showed it has proved that it is theirs.</span></p>
{% elif holder == "NOT_PROVED" %}
<p class="open"><strong>ไม่ได้พิสูจน์ว่าผู้แสดงเป็นเจ้าของ</strong> ผู้อื่นที่มีสำเนาก็แสดงได้
<span lang="en"><strong>The holder was not proved.</strong> Anybody who has a copy could have shown it.</span></p>
{% else %}
<p>เอกสารนี้ไม่ผูกกับกุญแจของผู้ถือ <span lang="en">It is bound to no holder's key.</span></p>
{% endif %}
<dl>
<dt>เอกสาร <span lang="en">Credential</span></dt><dd>{{ title.th }} <span lang="en">{{ title.en }}</span></dd>
<dt>ออกโดย <span lang="en">Issued by</span></dt><dd>{{ agency.th }} <span lang="en">{{ agency.en }}</span></dd>
{% if ends %}
<dt>ใช้ได้ถึง <span lang="en">Good until</span></dt><dd>{{ ends.th }} <span lang="en">{{ ends.en }}</span></dd>
{% endif %}
{% for line in lines %}
<dt>{{ line.title.th }} <span lang="en">{{ line.title.en }}</span></dt>
<dd>{{ line.value.th }}{% if line.value.en != line.value.th %}
 <span lang="en">{{ line.value.en }}</span>{% endif %}</dd>
{% endfor %}
</dl>
{% elif state == "invalid" %}
<h1 role="alert">ไม่รับเอกสารรับรองนี้ <span lang="en">This credential is not accepted</span></h1>
<p>{{ reason.th }} <span lang="en">{{ reason.en }}</span></p>
<p><code>{{ why }}</code></p>
{% else %}
<h1>ตรวจสอบเอกสารรับรองดิจิทัล <span lang="en">Verify a credential</span></h1>
{% endif %}
<form method="post" action="{{ path }}" enctype="multipart/form-data">
<input type="hidden" name="nonce" value="{{ asked.nonce }}">
<p><label for="credential">วางข้อความที่ได้รับ หรือที่อ่านได้จาก QR
<span lang="en">Paste what you were given, or what the QR code holds</span></label></p>
<textarea id="credential" name="credential" maxlength="{{ longest }}" spellcheck="false"></textarea>
<p><button type="button" id="scan" hidden>อ่าน QR ด้วยกล้อง
<span lang="en">Read a QR code by the camera</span></button></p>
<video id="view" hidden muted playsinline></video>
<p><label for="file">หรือเลือกไฟล์ <span lang="en">or choose a file</span></label>
<input type="file" id="file" name="file"></p>
<p><button>ตรวจสอบ <span lang="en">Verify</span></button></p>
</form>
<details>
<summary>ให้ผู้ถือพิสูจน์ว่าเป็นเจ้าของ <span lang="en">Have the holder prove that it is theirs</span></summary>
<p>ให้กระเป๋าดิจิทัลของผู้ถือลงลายมือชื่อตามค่านี้ภายใน 5 นาที แล้ววางผลในหน้านี้ ใช้ได้ครั้งเดียว
<span lang="en">Have their wallet sign for these within 5 minutes, and paste the result on this page. It works
once.</span></p>
<dl><dt>aud</dt><dd><code>{{ asked.audience }}</code></dd><dt>nonce</dt><dd><code>{{ asked.nonce }}</code></dd></dl>
</details>
<p>มีไฟล์ PDF? <a href="/verify/">ตรวจไฟล์ PDF</a>
<span lang="en">A PDF? <a href="/verify/">Verify the file</a>.</span></p>
</main>
<footer>
<p>เราไม่เก็บสิ่งที่ส่งมา ตรวจเองโดยไม่ต้องส่งก็ได้ แม้ไม่มีอินเทอร์เน็ต: เก็บ<a href="{{ bundle }}">ชุดข้อมูลสำหรับตรวจสอบ</a>ไว้
<span lang="en">We do not keep what you send. You can also verify without sending it, and offline: keep
<a href="{{ bundle }}">the bundle</a>.</span></p>
</footer>
<script>"""
    + _SCRIPT
    + """</script>
</body>
</html>
"""
)
_TEMPLATE: Final = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_PAGE)
_DIGEST: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
PAGE_HEADERS: Final = {
    **HEADERS,
    "content-security-policy": f"{HEADERS['content-security-policy']}; script-src 'sha256-{_DIGEST}'",
}


def page(state: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """`state` is `ask`, `valid` or `invalid`; the form is on each."""
    return HTMLResponse(_TEMPLATE.render(state=state, path=VERIFY_PATH, **shown), status, headers=PAGE_HEADERS)
