"""What can be wrong with an act on an agreement."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed
from core.text import Text


class AgreementStateConflict(Conflict):
    """The agreement is not in a state in which this can be done, perhaps since this very moment."""

    code = "AGREEMENT_STATE_CONFLICT"
    text = Text(
        th="ข้อตกลงอยู่ในสถานะ {state} จึงทำรายการ {act} ไม่ได้",
        en="The agreement is {state}: {act} is not possible now.",
    )


class NotAParty(NotAllowed):
    """The officer's agency is not the one whose act this is."""

    code = "NOT_A_PARTY"
    text = Text(
        th="รายการนี้เป็นของอีกหน่วยงานหนึ่งในข้อตกลง หรือหน่วยงานของคุณไม่ใช่คู่สัญญา",
        en="This is for the other agency of the agreement, or your agency is none of the two.",
    )
