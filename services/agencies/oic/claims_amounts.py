"""What a victim of a vehicle is due: dated amounts, and how they are applied. All money is whole satang.

The law is that of the accident's day (Protection for Motor Vehicle Accident Victims Act 2535, ss. 20, 22, 23, 25). Of
one accident a victim is due an entitlement as a whole, whatever hospitals send bills for it; what was awarded before
comes off. `verified` says whether the numbers were held against the Royal Gazette; none were yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

BAHT: Final = 100


class Outcome(StrEnum):
    """What became of the victim, as the hospital has it."""

    INJURED = "injured"
    ORGAN_LOST = "organ-lost"
    DISABLED = "disabled"
    """For good."""
    DIED = "died"


class Organ(StrEnum):
    """By how much of the body is lost."""

    FINGER = "finger"
    ONE = "one"
    """A hand, arm, foot, leg, eye, hearing, speech."""
    TWO = "two"
    """Two of them, or more."""


class Stage(StrEnum):
    PRELIMINARY = "preliminary"
    """Without a question of fault."""
    FURTHER = "further"
    """Fault of another was shown."""


@dataclass(frozen=True, slots=True)
class Version:
    """The amounts from one day on."""

    since: date
    law: tuple[str, str]
    """Thai, English."""
    source: str
    verified: bool
    first_medical: int
    """Preliminary: actual costs of treatment, at most."""
    first_loss: int
    """Preliminary: death or disability, for which the loss of an organ counts."""
    first_together: int
    medical: int
    """After fault is shown: actual costs of treatment, at most."""
    organs: Mapping[Organ, int]
    loss: int
    """Death or permanent disability."""
    day: int
    """For each day in hospital."""
    days_max: int
    together: int
    """All in all, with what was paid before."""
    days_to_pay: int
    """Calendar days from the day of the whole claim, the last one included (s. 25)."""
    days_to_file: int
    """Calendar days from the accident, the last one included."""


_ACT: Final = (
    "พ.ร.บ. คุ้มครองผู้ประสบภัยจากรถ พ.ศ. 2535 มาตรา 20 และ 25",
    "Protection for Motor Vehicle Accident Victims Act 2535, ss. 20 and 25",
)
VERSIONS: Final = (
    Version(
        since=date(2016, 4, 1),
        law=_ACT,
        source="Registrar's order on compulsory cover from 1 April 2559; Ministerial Regulation on preliminary damages",
        verified=False,
        first_medical=30_000 * BAHT,
        first_loss=35_000 * BAHT,
        first_together=65_000 * BAHT,
        medical=80_000 * BAHT,
        organs=MappingProxyType({Organ.FINGER: 200_000 * BAHT, Organ.ONE: 200_000 * BAHT, Organ.TWO: 300_000 * BAHT}),
        loss=300_000 * BAHT,
        day=200 * BAHT,
        days_max=20,
        together=304_000 * BAHT,
        days_to_pay=7,
        days_to_file=180,
    ),
    Version(
        since=date(2020, 4, 1),
        law=_ACT,
        source="Registrar's order on compulsory cover from 1 April 2563; Ministerial Regulation on preliminary damages",
        verified=False,
        first_medical=30_000 * BAHT,
        first_loss=35_000 * BAHT,
        first_together=65_000 * BAHT,
        medical=80_000 * BAHT,
        organs=MappingProxyType({Organ.FINGER: 200_000 * BAHT, Organ.ONE: 250_000 * BAHT, Organ.TWO: 500_000 * BAHT}),
        loss=500_000 * BAHT,
        day=200 * BAHT,
        days_max=20,
        together=504_000 * BAHT,
        days_to_pay=7,
        days_to_file=180,
    ),
)
"""Earliest first."""


def version_on(day: date) -> Version | None:
    """The amounts of an accident on that day; None before the first that is known here."""
    return next((one for one in reversed(VERSIONS) if one.since <= day), None)


@dataclass(frozen=True, slots=True)
class Harm:
    """Of one victim in one accident, over all bills that count."""

    treatment: int
    """Actual costs, satang."""
    days: int
    """In hospital."""
    outcome: Outcome
    organ: Organ | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One amount, signed, and why it is of so much."""

    item: str
    satang: int
    th: str
    en: str


def computed(version: Version, stage: Stage, harm: Harm, before: int) -> list[Line]:
    """The lines of what is due now; their sum is never below zero. `before`: satang awarded of this accident."""
    lines = _preliminary(version, harm) if stage is Stage.PRELIMINARY else _further(version, harm)
    most = version.first_together if stage is Stage.PRELIMINARY else version.together
    total = due(lines)
    if total > most:
        lines.append(_line("CEILING", most - total, _CEILING, most=most))
        total = most
    if before:
        lines.append(_line("PAID_BEFORE", -min(before, total), _BEFORE, before=before))
    return lines


def of_one_bill(version: Version, stage: Stage, harm: Harm, before: int, satang: int) -> list[Line]:
    """The same as a hospital is told it, of its own bill, which is `harm` and was granted `before`; what else is due or
    was granted of the accident, at another hospital, is in one sum without a cause, that all make `satang`."""
    lines = computed(version, stage, harm, before)
    if rest := satang - due(lines):
        lines.append(_line("ACCIDENT", rest, _ACCIDENT))
    return lines


def due(lines: Sequence[Line]) -> int:
    return sum(line.satang for line in lines)


def worst(harms: Sequence[tuple[Outcome, Organ | None]]) -> tuple[Outcome, Organ | None]:
    """Of what several hospitals say became of one victim, the gravest."""
    order, organs = list(Outcome), list(Organ)
    return max(harms, key=lambda one: (order.index(one[0]), -1 if one[1] is None else organs.index(one[1])))


def baht(satang: int) -> str:
    """`30,000` or `1,234.50`."""
    whole, rest = divmod(satang, BAHT)
    return f"{whole:,}" if rest == 0 else f"{whole:,}.{rest:02}"


def _preliminary(version: Version, harm: Harm) -> list[Line]:
    lines = _medical(harm, version.first_medical)
    if harm.outcome is not Outcome.INJURED:
        lines.append(_line("LOSS", version.first_loss, _FIRST_LOSS, amount=version.first_loss))
    return lines


def _further(version: Version, harm: Harm) -> list[Line]:
    lines = _medical(harm, version.medical)
    if harm.outcome in (Outcome.DISABLED, Outcome.DIED):
        lines.append(_line("LOSS", version.loss, _LOSS, amount=version.loss))
    elif harm.outcome is Outcome.ORGAN_LOST:
        amount = version.organs[harm.organ or Organ.FINGER]
        lines.append(_line("ORGAN", amount, _ORGAN, amount=amount))
    if harm.days:
        days = min(harm.days, version.days_max)
        texts = tuple(one.format(days=days, each=baht(version.day), most=version.days_max) for one in _DAYS)
        lines.append(Line("INPATIENT", days * version.day, *texts))
    return lines


def _medical(harm: Harm, most: int) -> list[Line]:
    if not harm.treatment:
        return []
    return [_line("MEDICAL", min(harm.treatment, most), _MEDICAL, actual=harm.treatment, most=most)]


def _line(item: str, satang: int, texts: tuple[str, str], **sums: int) -> Line:
    th, en = (text.format(**{name: baht(value) for name, value in sums.items()}) for text in texts)
    return Line(item, satang, th, en)


_MEDICAL: Final = (
    "ค่ารักษาพยาบาลตามจริง {actual} บาท จ่ายไม่เกิน {most} บาท",
    "Treatment cost {actual} baht; at most {most} baht is paid.",
)
_FIRST_LOSS: Final = (
    "เสียชีวิต ทุพพลภาพ หรือสูญเสียอวัยวะ: ค่าเสียหายเบื้องต้น {amount} บาท",
    "Death, disability or the loss of an organ: {amount} baht of preliminary compensation.",
)
_LOSS: Final = ("เสียชีวิตหรือทุพพลภาพถาวร {amount} บาท", "Death or permanent disability: {amount} baht.")
_ORGAN: Final = ("สูญเสียอวัยวะ {amount} บาท", "Loss of an organ: {amount} baht.")
_DAYS: Final = (
    "ผู้ป่วยใน {days} วัน วันละ {each} บาท ไม่เกิน {most} วัน",
    "{days} days in hospital, {each} baht a day, for {most} days at most.",
)
_CEILING: Final = ("รวมกันจ่ายไม่เกิน {most} บาท", "Together at most {most} baht is paid.")
_ACCIDENT: Final = (
    "ปรับให้เป็นยอดที่ยังจ่ายได้ของอุบัติเหตุนี้ทั้งหมด",
    "Adjusted to what is left to be paid of the accident as a whole.",
)
_BEFORE: Final = (
    "หักที่จ่ายหรืออนุมัติแล้วของอุบัติเหตุนี้ {before} บาท",
    "Less {before} baht that was granted for this accident before.",
)
