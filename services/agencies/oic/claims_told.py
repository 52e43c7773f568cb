"""What is said of a claim: to the hospital that filed it, to whoever decides, to the victim."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from services.agencies.oic.claims_amounts import Stage
from services.agencies.oic.claims_rows import Claim, awards_of, by_claim, is_late, law_of, read_lines, standing
from services.agencies.oic.claims_states import WORDS, State
from services.plugins.contract import BANGKOK, Money, StoreReading

PAID: Final = "PAID"
CLAIMS_SHOWN, STEPS_SHOWN, LOOKS_SHOWN = 20, 40, 20
"""The last of each, so that however often a hospital looks, the victim sees the claim: an answer holds so much."""
_LAST: Final = (
    "SELECT * FROM (SELECT {table}.*, ROW_NUMBER() OVER (PARTITION BY claim ORDER BY {by} DESC) AS place FROM {table} "
    "WHERE claim IN ({{}})) AS numbered WHERE place <= {most} ORDER BY claim, {by}"
)
OFFICE, INSURER = "office", "insurer"
TOLD_LATE: Final = {
    "th": "บริษัทประกันภัยแจ้งความคุ้มครองนี้หลังเกิดอุบัติเหตุ สำนักงาน คปภ. จึงเป็นผู้พิจารณา",
    "en": "The insurer reported this cover only after the accident, so the office decides.",
}
TITLES: Final[Mapping[Stage, tuple[str, str]]] = {
    Stage.PRELIMINARY: ("ค่าเสียหายเบื้องต้นตาม พ.ร.บ. คุ้มครองผู้ประสบภัยจากรถ", "Preliminary compensation, road victims"),
    Stage.FURTHER: ("ค่าสินไหมทดแทนตาม พ.ร.บ. คุ้มครองผู้ประสบภัยจากรถ", "Compensation, road victims"),
}
"""Of payments: nothing of anybody's health."""


def told_to_hospital(claim: Claim, awards: Sequence[dict[str, Any]], today: date) -> dict[str, Any]:
    """For whoever filed it: of the victim's other bills, at another hospital, it learns nothing but what is left."""
    return {**told_of(claim, awards, today), "lines": json.loads(claim["lines_filed"])}


def told_of(claim: Claim, awards: Sequence[dict[str, Any]], today: date) -> dict[str, Any]:
    """For whoever decides: plain JSON."""
    th, en = WORDS[State(claim["state"])]
    return {
        "claim": claim["number"],
        "state": claim["state"],
        "stage": claim["stage"],
        "message": {"th": th, "en": en},
        "insurer": claim["insurer"],
        "policy": claim["policy"],
        "decidedBy": OFFICE if claim["insurer"] is None or claim["cover_late"] else INSURER,
        "due": claim["due"],
        "granted": sum(award["satang"] for award in standing(awards)),
        "paid": sum(award["satang"] for award in awards if award["state"] == PAID),
        "payBy": claim["pay_by"],
        "late": is_late(claim, today),
        "lines": json.loads(claim["lines"]),
    }


async def shown_to(tx: StoreReading, holder: str, today: date) -> list[dict[str, Any]]:
    """To the victim, and to whoever is paid for them: the claim that was filed last first."""
    sql = (
        "SELECT claim.*, insurer.name_th AS insurer_th, insurer.name_en AS insurer_en FROM claim "  # noqa: S608 - our number
        "LEFT JOIN insurer ON insurer.code = claim.insurer WHERE claim.victim = :holder OR claim.payee = :holder "
        f"ORDER BY claim.filed_at DESC, claim.number LIMIT {CLAIMS_SHOWN}"
    )
    claims = await tx.fetch(sql, {"holder": holder})
    numbers = [claim["number"] for claim in claims]
    awards = await awards_of(tx, numbers)
    steps = await by_claim(tx, _LAST.format(table="claim_step", by="step", most=STEPS_SHOWN), numbers)
    looks = await by_claim(tx, _LAST.format(table="claim_look", by="at", most=LOOKS_SHOWN), numbers)
    return [
        {
            **_claim(one, today),
            "payments": [_payment(award) for award in standing(awards.get(one["number"], []))],
            "steps": [_step(step) for step in steps.get(one["number"], [])],
            "looks": [_look(look) for look in reversed(looks.get(one["number"], []))],
        }
        for one in claims
    ]


def _claim(claim: Claim, today: date) -> dict[str, Any]:
    law, (th, en) = law_of(claim), WORDS[State(claim["state"])]
    return {
        "number": claim["number"],
        "hospital": claim["hospital"],
        "bill": claim["bill"],
        "accidentAt": _at(claim["accident_at"]),
        "filedAt": _at(claim["filed_at"]),
        "stage": claim["stage"].upper(),
        "state": claim["state"],
        "message": th,
        "messageEn": en,
        "insurer": claim["insurer_th"],
        "insurerEn": claim["insurer_en"],
        "policy": claim["policy"],
        "lines": [
            {"item": line.item, "amount": Money(line.satang), "reason": line.th, "reasonEn": line.en}
            for line in read_lines(claim)
        ],
        "due": Money(claim["due"]),
        "law": law.law[0],
        "lawEn": law.law[1],
        "lawSince": law.since,
        "payBy": date.fromisoformat(claim["pay_by"]),
        "late": is_late(claim, today),
    }


def _payment(award: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reference": award["reference"],
        "amount": Money(award["satang"]),
        "state": award["state"],
        "since": _at(award["said_at"]),
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": step["state"],
        "at": _at(step["at"]),
        "organisation": step["organisation"],
        "reason": step["reason_th"],
        "reasonEn": step["reason_en"],
    }


def _look(look: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": _at(look["at"]), "organisation": look["organisation"]}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(BANGKOK)
