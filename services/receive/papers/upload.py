"""The page to which a file is sent. It works without JavaScript."""

from __future__ import annotations

from typing import Final

UPLOAD: Final = """<!doctype html>
<html lang="th">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ตรวจสอบเอกสาร – Sitthi</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #14213d; }
h1 { font-size: 1.5rem; line-height: 1.3; }
dt { color: #46526b; } dd { margin: 0 0 .8rem; font-weight: 600; overflow-wrap: anywhere; }
[lang=en] { color: #46526b; font-weight: 400; }
button { font: inherit; padding: .5rem 1.2rem; }
footer { margin-top: 2rem; border-top: 1px solid #c6ccd8; font-size: .9rem; }
</style>
</head>
<body>
<main>
{% if state == "valid" %}
<h1 role="status">เอกสารนี้เป็นของจริง ไม่ถูกแก้ไข
<span lang="en">This document is genuine and unaltered</span></h1>
<dl>
<dt>ลงลายมือชื่อโดย <span lang="en">Signed by</span></dt><dd>{{ agency.th }} <span lang="en">{{ agency.en }}</span></dd>
{% if day %}<dt>เมื่อ <span lang="en">On</span></dt><dd>{{ day.th }} <span lang="en">{{ day.en }}</span></dd>{% endif %}

<dt>SHA-256 ของไฟล์ <span lang="en">of the file</span></dt><dd>{{ found.sha256 }}</dd>
</dl>
{% elif state == "invalid" %}
<h1 role="alert">เอกสารนี้ไม่ผ่านการตรวจสอบ <span lang="en">This document is not verified</span></h1>
<p>{{ reason.th }} <span lang="en">{{ reason.en }}</span></p>
<p><code>{{ code }}</code></p>
{% else %}
<h1>ตรวจสอบเอกสาร <span lang="en">Verify a document</span></h1>
{% endif %}
<form method="post" action="/verify/" enctype="multipart/form-data">
<p><label for="{{ field }}">ไฟล์ PDF ที่ได้รับ ไม่เกิน 5 MB
<span lang="en">The PDF that you were given, 5 MB at most</span></label></p>
<p><input type="file" id="{{ field }}" name="{{ field }}" accept="application/pdf" required></p>
<p><button>ตรวจสอบ <span lang="en">Verify</span></button></p>
</form>
<p>มีแต่กระดาษ? <a href="{{ proof }}">ตรวจจาก QR</a>
<span lang="en">Only paper? <a href="{{ proof }}">Verify by the QR code</a>.</span></p>
<p>เอกสารรับรองจากกระเป๋าดิจิทัล? <a href="/verify/credential">ตรวจที่นี่</a>
<span lang="en">A credential of a wallet? <a href="/verify/credential">Verify it here</a>.</span></p>
</main>
<footer>
<p>เราไม่เก็บไฟล์ที่ส่งมา ตรวจเองโดยไม่ต้องส่งไฟล์ก็ได้: เชื่อถือ<a href="{{ certificate }}">ใบรับรองของเรา</a>
ในโปรแกรมอ่าน PDF ใดก็ได้ที่ตรวจลายมือชื่อแบบ PAdES
<span lang="en">We do not keep what you send. You can also verify without sending it: trust
<a href="{{ certificate }}">our certificate</a> in any reader of PDFs that verifies PAdES signatures.</span></p>
</footer>
</body>
</html>
"""
