"""What can be wrong with an officer's act on a case."""

from __future__ import annotations

from datetime import datetime

from core.clock import BANGKOK
from core.errors import Conflict, NotAllowed, ServiceUnavailable
from core.text import Text
from services.apply.errors import ApplyError


class CaseTaken(ApplyError, Conflict):
    """Another officer has it. `until`: from when on it may be taken from them."""

    code = "CASE_TAKEN"
    text = Text(
        th="เจ้าหน้าที่คนอื่นรับเรื่องนี้ไปแล้ว รับต่อได้หลัง {until}",
        en="Another officer has this case. It can be taken over after {until}.",
    )

    def __init__(self, until: datetime) -> None:
        said = until.astimezone(BANGKOK).isoformat(sep=" ", timespec="minutes")
        super().__init__(until=said)


class CaseNotTaken(ApplyError, Conflict):
    """Who works on a case has taken it first, and still has it."""

    code = "CASE_NOT_TAKEN"
    text = Text(
        th="ต้องรับเรื่องนี้ก่อน หรือการรับเรื่องหมดเวลาและมีคนอื่นรับไปแล้ว",
        en="Take this case first; or your time with it is over and somebody else has it.",
    )


class TiesUnknown(ApplyError, ServiceUnavailable):
    """Nobody can say at this moment whether officer and citizen are near each other."""

    code = "TIES_UNKNOWN"
    text = Text(
        th="{service} ยังไม่ตอบ จึงตรวจไม่ได้ว่าเรื่องนี้เป็นของคนในบ้านคุณหรือไม่ ระหว่างนี้ยังดูคิว บันทึก คืนเรื่อง และส่งต่อได้ "
        "หากจำเป็นต้องเปิดดู ให้รับรองพร้อมเหตุผลด้วยพาสคีย์ ระบบจะตรวจย้อนหลัง",
        en="{service} does not answer, so that nobody can say whether this is somebody of your house. Meanwhile the "
        "queue, notes, release and refer work. If you have to look, declare with a reason and your passkey that it is "
        "not; that is checked later.",
    )


class DecidedItBefore(ApplyError, NotAllowed):
    """An appeal is answered by somebody who had no part in what it is against."""

    code = "DECIDED_IT_BEFORE"
    text = Text(
        th="คุณมีส่วนในคำวินิจฉัยที่ถูกอุทธรณ์ ให้เจ้าหน้าที่คนอื่นพิจารณา",
        en="You had a part in the decision that is appealed against. A colleague answers the appeal.",
    )


class NotWhatTheLawGives(ApplyError):
    """On these facts and findings the law does not come to what the officer wants to decide."""

    code = "NOT_WHAT_THE_LAW_GIVES"
    text = Text(
        th="ตามข้อเท็จจริงและกฎหมาย ผลเป็นอย่างอื่น: {said} ยังขาด: {missing}",
        en="On these facts the law comes to something else: {said}. Not known: {missing}.",
    )


class StateHolds(ApplyError):
    """The citizen is not asked for what the state knows (cabinet, 2 October 2561)."""

    code = "STATE_HOLDS_IT"
    text = Text(
        th="รัฐมีข้อมูลนี้แล้ว จึงไม่ขอจากประชาชน หากข้อมูลผิดให้ขอแก้ไขที่หน่วยงานเจ้าของข้อมูล",
        en="The state holds this already, so the citizen is not asked for it, nor is it found otherwise here. If it is "
        "wrong, its owner corrects it.",
    )


class ProposalWaits(ApplyError, Conflict):
    """One proposal of a case at a time: another officer approves it, or gives it back."""

    code = "PROPOSAL_WAITS"
    text = Text(
        th="มีข้อเสนอของเรื่องนี้รอเจ้าหน้าที่คนที่สองอยู่แล้ว", en="A proposal of this case waits for a second officer already."
    )
