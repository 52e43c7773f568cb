"""The named personas: people for demonstrations and tests, the same in every population.

Their national IDs depend on nothing, so accounts outlive a new population. Their ages are set half a year past a
birthday (the twins' at five months), so that what is said of them stays true for `HOLDS_DAYS` after the day the
population was made for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.text import Text
from services.plugins.contract.people import Gender, Name, Relation
from services.sandbox.population.names import Word, compose, title
from services.sandbox.population.national_ids import national_id

HOLDS_DAYS: Final = 150


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a persona's household. `running` is the running number in the national ID; it names the person."""

    running: int
    gender: Gender
    given: Word
    months: int
    """Age in months on the day the population is made for."""
    relation: Relation
    yearly_baht: int
    person_type: int = 1
    married: bool = False
    father: int | None = None
    mother: int | None = None
    slug: str | None = None
    description: Text | None = None


@dataclass(frozen=True, slots=True)
class Family:
    province: str
    district: int
    subdistrict: int
    number: str
    village: int
    name: Word
    members: tuple[Member, ...]

    def national_id(self, running: int) -> str:
        return national_id(next(m.person_type for m in self.members if m.running == running), self.province, running)

    def full_name(self, member: Member) -> Name:
        return compose(title(member.gender, member.months // 12, married=member.married), member.given, self.name)


@dataclass(frozen=True, slots=True)
class Persona:
    """What a sign-in page shows of a persona."""

    slug: str
    national_id: str
    name: Text
    description: Text
    age_years: int


def _years(years: int) -> int:
    return years * 12 + 6


M, F = Gender.MALE, Gender.FEMALE
FAMILIES: Final = (
    Family(
        "45", 1, 3, "12", 4, Word("แก้วมงคล", "Kaeomongkhon"),
        (
            Member(
                11, F, Word("บุญเรือน", "Bunruean"), _years(68), Relation.HEAD, 36_000, person_type=3, married=True,
                slug="elder",
                description=Text(
                    th="อายุ 68 ปี รายได้น้อย ไม่มีบำนาญ มีสิทธิรับเบี้ยยังชีพผู้สูงอายุ",
                    en="68, poor, without a pension: entitled to the old-age allowance",
                ),
            ),
            Member(12, F, Word("สุดา", "Suda"), _years(38), Relation.CHILD, 84_000, mother=11),
        ),
    ),
    Family(
        "33", 4, 2, "77/1", 9, Word("ศรีสว่าง", "Sisawang"),
        (
            Member(21, M, Word("สมหมาย", "Sommai"), _years(33), Relation.HEAD, 120_000, married=True),
            Member(
                22, F, Word("สายฝน", "Saifon"), _years(29), Relation.SPOUSE, 48_000, married=True,
                slug="newborn-parent",
                description=Text(
                    th="แม่ลูกแฝดวัยไม่ถึงขวบ ครัวเรือนรายได้น้อย", en="mother of twins under one year, in a poor household"
                ),
            ),
            Member(23, M, Word("ก้องภพ", "Kongphop"), 5, Relation.CHILD, 0, father=21, mother=22),
            Member(24, F, Word("ดวงใจ", "Duangchai"), 5, Relation.CHILD, 0, father=21, mother=22),
        ),
    ),
    Family(
        "80", 7, 5, "5", 2, Word("พรหมเจริญ", "Phromcharoen"),
        (
            Member(
                31, M, Word("วินัย", "Winai"), _years(38), Relation.CHILD, 24_000, mother=32,
                slug="disabled-adult",
                description=Text(
                    th="อายุ 38 ปี มีบัตรประจำตัวคนพิการ มีสิทธิรับเบี้ยความพิการ",
                    en="38, holds a disability card: entitled to the disability allowance",
                ),
            ),
            Member(32, F, Word("มาลี", "Mali"), _years(63), Relation.HEAD, 30_000, person_type=3, married=True),
        ),
    ),
    Family(
        "57", 1, 6, "203", 11, Word("คำงาม", "Khamngam"),
        (
            Member(41, M, Word("ปิยะ", "Piya"), _years(36), Relation.HEAD, 96_000, married=True),
            Member(
                42, F, Word("อรทัย", "Orathai"), _years(34), Relation.SPOUSE, 48_000, married=True,
                slug="disabled-child-parent",
                description=Text(
                    th="แม่ของเด็กพิการ ยื่นคำขอแทนลูกได้", en="mother of the child with a disability, may apply in its place"
                ),
            ),
            Member(
                43, F, Word("น้ำฝน", "Namfon"), _years(9), Relation.CHILD, 0, father=41, mother=42,
                slug="disabled-child",
                description=Text(
                    th="เด็กอายุ 9 ปี มีบัตรประจำตัวคนพิการ", en="9, holds a disability card; a parent applies in her place"
                ),
            ),
        ),
    ),
    Family(
        "74", 1, 1, "88/42", 0, Word("รุ่งเจริญ", "Rungcharoen"),
        (
            Member(
                51, M, Word("ธนพล", "Thanaphon"), _years(35), Relation.HEAD, 216_000, married=True,
                slug="worker",
                description=Text(
                    th="ลูกจ้างผู้ประกันตนมาตรา 33 มีลูกสองคน รายได้ครัวเรือนเกินเกณฑ์เล็กน้อย",
                    en="employee insured under section 33 with two children; household income a little over the limits",
                ),
            ),
            Member(52, F, Word("กัลยา", "Kanlaya"), _years(33), Relation.SPOUSE, 204_000, married=True),
            Member(53, F, Word("ชนิดา", "Chanida"), _years(8), Relation.CHILD, 0, father=51, mother=52),
            Member(54, M, Word("พีรพัฒน์", "Phiraphat"), _years(3), Relation.CHILD, 0, father=51, mother=52),
        ),
    ),
    Family(
        "50", 1, 4, "9", 3, Word("แสงรัตน์", "Saengrat"),
        (
            Member(
                61, F, Word("ณัฐธิดา", "Natthathida"), _years(27), Relation.HEAD, 312_000,
                slug="graduate",
                description=Text(th="จบปริญญาตรีและโท มีใบแสดงผลการเรียน", en="holds two degrees with their transcripts"),
            ),
        ),
    ),
    Family(
        "12", 1, 2, "150/7", 0, Word("วงศ์ประเสริฐ", "Wongprasoet"),
        (
            Member(
                71, M, Word("อนันต์", "Anan"), _years(45), Relation.HEAD, 540_000, person_type=3, married=True,
                slug="official",
                description=Text(th="ข้าราชการ ไม่มีสิทธิรับสวัสดิการใด", en="government official: entitled to nothing"),
            ),
            Member(72, F, Word("วราภรณ์", "Waraphon"), _years(43), Relation.SPOUSE, 420_000, 3, married=True),
        ),
    ),
    Family(
        "30", 5, 3, "41", 6, Word("นาคทอง", "Nakthong"),
        (
            Member(81, M, Word("สันติ", "Santi"), _years(44), Relation.HEAD, 180_000, person_type=3, married=True),
            Member(82, F, Word("รัตนา", "Rattana"), _years(42), Relation.SPOUSE, 150_000, person_type=3, married=True),
            Member(
                83, M, Word("จิรายุ", "Chirayu"), _years(15), Relation.CHILD, 0, father=81, mother=82,
                slug="minor",
                description=Text(th="อายุ 15 ปี ยังไม่บรรลุนิติภาวะ", en="15, a minor"),
            ),
        ),
    ),
    Family(
        "10", 3, 2, "31", 0, Word("เพชรศรี", "Phetsi"),
        (
            Member(
                91, F, Word("จินตนา", "Chintana"), _years(41), Relation.HEAD, 456_000, person_type=3,
                slug="officer-one",
                description=Text(th="เจ้าหน้าที่การเงิน คนที่หนึ่ง", en="payment officer, the first"),
            ),
        ),
    ),
    Family(
        "10", 3, 4, "62", 0, Word("อินทร์แก้ว", "Inkaeo"),
        (
            Member(
                92, M, Word("กมล", "Kamon"), _years(36), Relation.HEAD, 432_000,
                slug="officer-two",
                description=Text(th="เจ้าหน้าที่การเงิน คนที่สอง", en="payment officer, the second"),
            ),
        ),
    ),
)  # fmt: skip
"""Every persona with the people they live with. Running numbers and provinces never change: accounts hang on them."""


def _persona(family: Family, member: Member) -> Persona:
    assert member.slug is not None
    assert member.description is not None
    name = family.full_name(member)
    return Persona(
        slug=member.slug,
        national_id=family.national_id(member.running),
        name=Text(
            th=f"{name.title_th}{name.given_th} {name.family_th}",
            en=f"{name.title_en} {name.given_en} {name.family_en}",
        ),
        description=member.description,
        age_years=member.months // 12,
    )


PERSONAS: Final = tuple(_persona(family, member) for family in FAMILIES for member in family.members if member.slug)
"""In the order of the sign-in page."""
PEOPLE_WITH_PERSONAS: Final = sum(len(family.members) for family in FAMILIES)


def persona(slug: str) -> Persona:
    """Raises KeyError for a slug that names nobody."""
    return {one.slug: one for one in PERSONAS}[slug]
