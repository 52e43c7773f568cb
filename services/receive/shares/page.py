"""The page of a share. It works without JavaScript; looking at it opens nothing."""

from __future__ import annotations

from typing import Final

from jinja2 import Environment, StrictUndefined

_PAGE: Final = """<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>เอกสารที่แบ่งปัน – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; } h2 { font-size: 1.2rem; }
dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; overflow-wrap: anywhere; }
[lang=en] { color: #46526b; font-weight: 400; }
textarea { width: 100%; min-height: 10rem; font: .85rem/1.4 monospace; }
button { font: inherit; padding: .5rem 1.2rem; }
footer { margin-top: 2rem; border-top: 1px solid #c6ccd8; font-size: .9rem; }
</style>
</head>
<body>
<main>
{% if state == "gone" %}
<h1 role="alert">{{ reason.th }} <span lang="en">{{ reason.en }}</span></h1>
<p><code>{{ code }}</code></p>
{% else %}
<h1>{{ about.title.th }} <span lang="en">{{ about.title.en }}</span></h1>
<dl>
<dt>ออกโดย <span lang="en">Issued by</span></dt><dd>{{ agency.th }} <span lang="en">{{ agency.en }}</span></dd>
{% if about.sharer %}
<dt>ผู้แบ่งปันเรียกตนเองว่า (ยังไม่ได้ตรวจสอบ)
<span lang="en">Whoever shares it calls themself (not checked)</span></dt><dd>{{ about.sharer }}</dd>
{% endif %}
<dt>สำหรับ <span lang="en">For</span></dt>
<dd>{{ about.verifier }}{% if about.verifier_number %} {{ about.verifier_number }}{% endif %}</dd>
{% if state == "opened" %}
{% for title, value in rows %}
<dt>{{ title.th }} <span lang="en">{{ title.en }}</span></dt><dd>{{ value }}</dd>
{% endfor %}
{% endif %}
<dt>เปิดได้อีก <span lang="en">It can be opened</span></dt>
<dd>{{ left }} ครั้ง ถึง {{ until.th }} <span lang="en">more times, until {{ until.en }}</span></dd>
</dl>
{% if state == "ask" %}
<p>เจ้าของจะได้รับแจ้งเมื่อเปิด และการเปิดจะถูกบันทึกไว้ หน้านี้ยังไม่นับเป็นการเปิด
<span lang="en">Its owner is told when you open it, and it is logged. Looking at this page does not count.</span></p>
<form method="post" action="">
<p><button>{% if paper %}เปิดไฟล์ PDF <span lang="en">Open the PDF</span>{% else %}เปิดดู <span lang="en">Open</span>
{% endif %}</button></p>
</form>
{% if paper %}
<p>ไฟล์มีลายมือชื่อดิจิทัลของหน่วยงาน <a href="/verify/">ตรวจสอบไฟล์ได้ที่นี่</a>
<span lang="en">The file bears the agency's digital signature. <a href="/verify/">Verify it here.</a></span></p>
{% endif %}
{% else %}
<p role="status">ข้อมูลนี้หน่วยงานลงลายมือชื่อรับรอง และขณะนี้ยังไม่ถูกเพิกถอน
<span lang="en">The agency signed this, and at this moment it is not taken back.</span></p>
<h2>หลักฐาน <span lang="en">The proof</span></h2>
<p><label for="presentation">เก็บข้อความนี้ไว้ทั้งหมด หากต้องแสดงภายหลังว่าได้เห็นอะไร
<span lang="en">Keep all of this to show later what you saw</span></label></p>
<p>ตรวจซ้ำได้ที่ <a href="/verify/credential">/verify/credential</a> โดยวางข้อความถึงเครื่องหมาย ~ ตัวสุดท้าย
ส่วนหลังจากนั้นเป็นหลักฐานว่าแสดงให้ท่านในครั้งนี้
<span lang="en">It can be verified again at <a href="/verify/credential">/verify/credential</a>: paste all
up to the last ~, as what follows proves that it was shown to you this time.</span></p>
<textarea id="presentation" readonly rows="8">{{ presentation }}</textarea>
<dl><dt>aud</dt><dd>{{ audience }}</dd><dt>nonce</dt><dd>{{ nonce }}</dd></dl>
{% endif %}
{% endif %}
</main>
<footer>
<p>ตรวจเองโดยไม่ต้องถามเราได้: ข้อความเป็น SD-JWT VC (RFC 9901) ใช้กุญแจจาก
<a href="/.well-known/credential-issuers.jwt">บัญชีผู้ออกเอกสาร</a> ซึ่งเก็บสำเนาไว้ได้
<span lang="en">You can check without us: it is an SD-JWT VC (RFC 9901), by the keys of
<a href="/.well-known/credential-issuers.jwt">the list of issuers</a>, of which you may keep a copy.</span></p>
</footer>
</body>
</html>
"""
PAGE: Final = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_PAGE)
