"""What can be wrong with a question about a whole population."""

from __future__ import annotations

from core.errors import SitthiError
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
