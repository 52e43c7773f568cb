"""Road tax: when it may be renewed, until when, and what it costs then.

The window of 90 days, the surcharge of one percent for each month begun and the three years after which a registration
is cancelled are the Department's practice under the Vehicle Act 2522 (unverified).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from services.plugins.contract import BANGKOK, Text

EARLY: Final = timedelta(days=90)
LAPSES_AFTER_YEARS: Final = 3
SURCHARGE_BASIS_POINTS: Final = 100
"""For each month begun after the last day that was paid for."""

RENEWABLE: Final = "RENEWABLE"
TOO_EARLY: Final = "TOO_EARLY"
LAPSED: Final = "LAPSED"
WAITING_FOR_PAYMENT: Final = "WAITING_FOR_PAYMENT"
INSURANCE_MISSING: Final = "INSURANCE_MISSING"
INSURANCE_UNKNOWN: Final = "INSURANCE_UNKNOWN"

ADVICE: Final = {
    RENEWABLE: Text(
        th="ต่อภาษีได้ทันที: ยื่นคำขอแล้วชำระค่าภาษีผ่าน QR",
        en="You can renew now: apply, then pay by QR code.",
    ),
    TOO_EARLY: Text(
        th="ยังไม่ถึงเวลาต่อภาษี ต่อล่วงหน้าได้ไม่เกิน 90 วัน",
        en="It is too early: road tax is renewed within the 90 days before it ends.",
    ),
    LAPSED: Text(
        th="ขาดต่อภาษีเกินสามปี ทะเบียนรถถูกระงับ กรุณาติดต่อสำนักงานขนส่ง",
        en="Not renewed for three years: the registration is suspended. Please go to a transport office.",
    ),
    WAITING_FOR_PAYMENT: Text(
        th="ยื่นคำขอแล้ว รอชำระค่าภาษี ดู QR ได้ที่คำขอของคุณ",
        en="Applied for, and waiting for its payment: see your application for the QR code.",
    ),
    INSURANCE_MISSING: Text(
        th="รถคันนี้ไม่มีประกันภัยภาคบังคับ (พ.ร.บ.) จึงต่อภาษีไม่ได้ ซื้อได้จากบริษัทประกันภัย ตัวแทนหรือนายหน้าที่มีใบอนุญาต "
        "(ตรวจใบอนุญาตได้ในบริการของ คปภ.) แล้วต่อภาษีได้ทันทีที่บริษัทรายงาน ใช้รถที่ไม่มี พ.ร.บ. ปรับไม่เกิน 10,000 บาท",
        en="This vehicle has no compulsory insurance, without which road tax is not renewed. Buy it from an insurer, "
        "or a licensed agent or broker (check the licence under the insurance commission's service); you can renew as "
        "soon as the insurer has reported it. To use it uninsured is fined up to 10,000 baht.",
    ),
    INSURANCE_UNKNOWN: Text(
        th="ขณะนี้ตรวจประกันภัยภาคบังคับ (พ.ร.บ.) ของรถคันนี้ไม่ได้ กรุณาลองใหม่ภายหลัง",
        en="Whether this vehicle has compulsory insurance cannot be found out just now. Please try again later.",
    ),
}


@dataclass(frozen=True, slots=True)
class Vehicle:
    """As the register of vehicles has it, with what was renewed here."""

    chassis: str
    plate: str
    province: str
    province_name: str
    kind: str
    brand: str
    paid_until: date
    yearly_satang: int

    @property
    def renewable_from(self) -> date:
        return self.paid_until - EARLY

    @property
    def next_until(self) -> date:
        return years_after(self.paid_until, 1)

    def standing(self, today: date) -> str:
        """But for its insurance."""
        if today >= years_after(self.paid_until, LAPSES_AFTER_YEARS):
            return LAPSED
        return RENEWABLE if today >= self.renewable_from else TOO_EARLY

    def satang(self, today: date) -> int:
        """For one year, with the surcharge; part of a satang counts as one."""
        months = months_begun(self.paid_until, today)
        return self.yearly_satang + -(-self.yearly_satang * SURCHARGE_BASIS_POINTS * months // 10_000)


@dataclass(frozen=True, slots=True)
class Cover:
    """What the register of insurance says of one vehicle; `covered` is None where nobody could say."""

    covered: bool | None
    until: datetime | None = None


def years_after(day: date, years: int) -> date:
    """Of 29 February the 28th, where the year has none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def months_begun(paid_until: date, today: date) -> int:
    """Months after the last day that was paid for, the one that has begun counted whole; none before its end."""
    if today <= paid_until:
        return 0
    whole = (today.year - paid_until.year) * 12 + today.month - paid_until.month
    return whole + (1 if today.day > paid_until.day else 0)


def today_of(now: datetime) -> date:
    return now.astimezone(BANGKOK).date()
