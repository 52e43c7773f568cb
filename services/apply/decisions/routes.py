"""`/verify/decision`: whether the document of a decision is genuine, what it says, and whether a later one replaced it.

Who has the document may ask; that is what it is for. It names nobody, and the answer says no more than the document
does, but for one word: whether it is the newest decision on its application. It verifies after its citizen was erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter

from core.attestation.errors import AttestationInvalid
from core.attestation.service import Attestor
from core.database import Database
from core.money import Money
from core.text import Text
from core.verification import Page, Told, Words
from services.apply import repository
from services.apply.decisions import proof

PATH: Final = "/verify/decision"
DOCUMENT_LENGTH_MAX: Final = 131_072
_WORDS: Final = Words(
    title=Text(th="ตรวจสอบคำวินิจฉัย", en="Verify a decision"),
    genuine=Text(th="คำวินิจฉัยนี้เป็นของจริง", en="This decision is genuine"),
    forged=Text(th="เอกสารนี้ไม่ใช่ของจริง หรือถูกแก้ไข", en="This document is not genuine, or was changed"),
    ask=Text(
        th="วางเอกสารคำวินิจฉัยทั้งข้อความ (ขึ้นต้นด้วย eyJ)",
        en="Paste the whole document of the decision (it begins with eyJ)",
    ),
    nothing_given=Text(th="ไม่มีเอกสารในคำขอ", en="the request holds no document"),
)
_OUTCOMES: Final[Mapping[str, Text]] = {
    "GRANTED": Text(th="อนุมัติ", en="Granted"),
    "REFUSED": Text(th="ไม่อนุมัติ", en="Refused"),
}
_CONDITIONS: Final[Mapping[str, Text]] = {
    "MET": Text(th="ผ่าน", en="met"),
    "UNMET": Text(th="ไม่ผ่าน", en="not met"),
    "UNKNOWN": Text(th="ไม่ทราบ", en="unknown"),
}
_TOLD: Final = """<dl>
{% if told.title %}<dt>เรื่อง <span lang="en">Subject</span></dt>
<dd>{{ told.title.th }} <span lang="en">{{ told.title.en }}</span></dd>{% endif %}
<dt>ผล <span lang="en">Outcome</span></dt><dd>{{ outcome.th }} <span lang="en">{{ outcome.en }}</span></dd>
<dt>เวลา <span lang="en">Time</span></dt><dd>{{ claims.decided_at }}</dd>
<dt>ขณะนี้ <span lang="en">At this moment</span></dt>
<dd>{% if latest %}เป็นคำวินิจฉัยล่าสุดของคำขอนี้ <span lang="en">it is the newest decision on its application</span>
{% else %}มีคำวินิจฉัยใหม่กว่า หรือไม่มีคำขอนี้แล้ว <span lang="en">a newer one has replaced it, or the application is gone</span>
{% endif %}</dd>
</dl>
{% if gives %}<h2>สิทธิที่ได้รับ <span lang="en">What is given</span></h2>
<ul>{% for one in gives %}<li>{{ one.th }} <span lang="en">{{ one.en }}</span>
{% if one.amount %}: {{ one.amount }} บาท{% endif %}</li>{% endfor %}</ul>{% endif %}
{% if told.reasons %}<h2>เหตุผล <span lang="en">Reasons</span></h2>
<ul>{% for one in told.reasons %}<li>{{ one.th }} <span lang="en">{{ one.en }}</span>:
{{ conditions[one.outcome].th }} <span lang="en">{{ conditions[one.outcome].en }} ({{ one.law.en }})</span>
{{ one.law.th }}</li>{% endfor %}</ul>{% endif %}
{% if facts %}<h2>ข้อเท็จจริงที่แสดง <span lang="en">Facts shown</span></h2>
<ul>{% for one in facts %}<li>{{ one.th }} <span lang="en">{{ one.en }}</span>: {{ one.value }}
{{ one.source }} {{ one.as_of }}</li>{% endfor %}</ul>{% endif %}
"""
_PAGE: Final = Page(PATH, "document", DOCUMENT_LENGTH_MAX, _WORDS, _TOLD)


def decision_verification(db: Database, attestor: Attestor) -> APIRouter:
    """`GET` is a page with a form; `POST` takes the form, or JSON `{"document": "<JWS>~…~"}`, and answers alike."""

    async def verify(document: str) -> Told:
        claims, told = await verified(attestor, document)
        latest = await _is_latest(db, claims)
        said = {name: value for name, value in claims.items() if name not in ("_sd", "_sd_alg")}
        return Told({"latest": latest, "decision": said, "told": told}, _shown(claims, told, latest=latest))

    return _PAGE.router(verify)


async def verified(attestor: Attestor, document: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the document claims, and what its disclosures tell. Raises :class:`AttestationInvalid`."""
    token, given = proof.parted(document)
    claims = await attestor.verify(token, typ=proof.TYPE)
    if claims.get("schema") != proof.SCHEMA:
        raise AttestationInvalid
    return claims, proof.disclosed(claims, given)


async def _is_latest(db: Database, claims: Mapping[str, Any]) -> bool:
    async with db.read() as session:
        found = await repository.last_decision(session, UUID(hex=claims["application"]))
    return found is not None and found.id == UUID(hex=claims["jti"])


def _shown(claims: Mapping[str, Any], told: Mapping[str, Any], *, latest: bool) -> dict[str, Any]:
    amounts = told.get("benefits") or {}
    gives = [
        {**one, "amount": None if amounts.get(one["kind"]) is None else str(Money(amounts[one["kind"]]))}
        for one in told.get("gives") or ()
    ]
    facts = [
        {"as_of": "", "source": "", **value}
        for name, value in told.items()
        if name.partition(".")[0] in proof.ONE_BY_ONE and isinstance(value, Mapping) and "th" in value
    ]
    shown = {"title": None, "reasons": None, **told}
    outcome = _OUTCOMES[claims["outcome"]]
    return {
        "claims": claims,
        "told": shown,
        "outcome": outcome,
        "latest": latest,
        "gives": gives,
        "facts": facts,
        "conditions": _CONDITIONS,
    }
