"""What can be wrong with a question about a whole population."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, SitthiError
from core.text import Text


class NoLawToCompare(SitthiError):
    """Neither the file nor what is in force has a version on that day."""

    code = "IMPACT_NO_LAW"
    text = Text(
        th="วันที่ {on} ไม่มีกฎเกณฑ์ทั้งในไฟล์และที่ใช้บังคับอยู่", en="On {on} neither the file nor what is in force has a version."
    )


class BeneficiariesDiffer(SitthiError):
    """One is decided for each person, the other for each child: they have nobody in common who could gain or lose."""

    code = "IMPACT_BENEFICIARIES_DIFFER"
    text = Text(
        th="เปรียบเทียบกันไม่ได้ เพราะผู้รับประโยชน์ต่างกัน (รายบุคคลกับรายบุตร)",
        en="They cannot be compared: one is for each person, the other for each child.",
    )


class NotCovered(NotAllowed):
    """A rule reads facts that the purpose does not name, so that they may not be read of a whole population."""

    code = "BULK_NOT_COVERED"
    text = Text(
        th="โครงการ {programme} ใช้ข้อมูลที่วัตถุประสงค์นี้ไม่ครอบคลุม: {facts}",
        en="{programme} reads facts that this purpose does not cover for a whole population: {facts}",
    )


class NotForEverybody(NotAllowed):
    """It is put to nobody who did not ask (docs/adr/0031), or nobody has to apply for it, or no law is in force."""

    code = "BULK_NOT_FOR_EVERYBODY"
    text = Text(th="โครงการ {programme} ไม่อาจตรวจกับทุกคนได้", en="{programme} is not to be put to a whole population.")


class NotYourProgramme(NotAllowed):
    """Another agency pays it: its own officers decide whether anybody is looked at for it."""

    code = "BULK_NOT_YOUR_PROGRAMME"
    text = Text(th="โครงการนี้เป็นของหน่วยงานอื่น", en="Another agency pays this programme.")


class RunGone(Conflict):
    """Its day has come, and everything that was found out is deleted."""

    code = "BULK_GONE"
    text = Text(th="ผลของชุดนี้ลบไปแล้วตามกำหนด", en="What this run found out was deleted on its day.")


class ReportMissing(Conflict):
    """It was not run to its end, or it tries no rule."""

    code = "BULK_NO_REPORT"
    text = Text(th="ชุดนี้ยังไม่มีรายงาน", en="This run has no report.")


class Unpublishable(SitthiError):
    """Versions in the tree for which there is no report of who gains and loses, over the whole population."""

    code = "RULES_WITHOUT_REPORT"
    text = Text(
        th="ยังไม่มีรายงานผลกระทบของ {versions}",
        en="There is no report on who would gain and who would lose for {versions}.",
    )
