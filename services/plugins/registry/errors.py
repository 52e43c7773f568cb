"""What can be wrong with an act on a registered service. What is wrong with its documents is a `PluginRefused`."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, SitthiError
from core.text import Text


class ServiceStateConflict(Conflict):
    """The version is not in a state in which this can be done, perhaps since this very moment."""

    code = "SERVICE_STATE_CONFLICT"
    text = Text(
        th="เวอร์ชันนี้อยู่ในสถานะ {state} จึงทำรายการ {act} ไม่ได้", en="The version is {state}: {act} is not possible now."
    )


class VersionTaken(Conflict):
    """Other documents stand under this version, and somebody else has seen them."""

    code = "SERVICE_VERSION_TAKEN"
    text = Text(
        th="เวอร์ชัน {version} ส่งไปแล้วด้วยเอกสารชุดอื่น และอยู่ในสถานะ {state} กรุณาใช้เลขเวอร์ชันใหม่",
        en="Version {version} was sent with other documents, and is {state}. Give these a new version.",
    )


class VersionNotHigher(Conflict):
    """A version that was never published comes after all that were."""

    code = "SERVICE_VERSION_NOT_HIGHER"
    text = Text(
        th="เวอร์ชัน {version} ไม่สูงกว่า {highest} ซึ่งเคยเผยแพร่แล้ว หากต้องการกลับไปใช้เวอร์ชันเดิม ให้ใช้ rollback",
        en="Version {version} is not higher than {highest}, which was published. To go back to one, roll back.",
    )


class ReviewNeeded(Conflict):
    """The version touches what a reviewer looks at first."""

    code = "SERVICE_REVIEW_NEEDED"
    text = Text(
        th="ต้องให้ผู้ตรวจพิจารณาก่อน: {parts} กรุณาใช้ submit",
        en="A reviewer looks at this first ({parts}): submit it.",
    )


class ServiceHeld(NotAllowed):
    """The reviewers stopped the service; its agency cannot start it again by itself."""

    code = "SERVICE_HELD"
    text = Text(
        th="ผู้ตรวจระงับบริการนี้ไว้ หน่วยงานเปิดใช้เองไม่ได้ กรุณาส่งเวอร์ชันที่แก้แล้วให้ตรวจ หรือติดต่อผู้ตรวจ",
        en="The reviewers suspended this service: submit a version that mends it, or talk to them.",
    )


class CheckBroken(SitthiError):
    """The conformance suite itself broke, again and again; the operators were told. Stands in the trail of the version,
    which is a draft again."""

    code = "SERVICE_CHECK_BROKEN"
    text = Text(
        th="ระบบตรวจขัดข้องเองทั้ง {attempts} ครั้ง มิได้แปลว่าบริการผิด เราทราบแล้ว กรุณาขอตรวจใหม่ภายหลัง",
        en="The check itself broke {attempts} times. That says nothing of the service, and we know; ask again later.",
    )


class SlugTaken(Conflict):
    """The service is another agency's."""

    code = "SERVICE_SLUG_TAKEN"
    text = Text(th="ชื่อบริการ {slug} เป็นของหน่วยงานอื่นแล้ว", en="The service `{slug}` is another agency's.")


class NothingToRollBackTo(Conflict):
    code = "NOTHING_TO_ROLL_BACK_TO"
    text = Text(
        th="ไม่มีเวอร์ชันก่อนหน้าที่เคยเผยแพร่ให้กลับไปใช้",
        en="There is no earlier version that was published and could be again.",
    )


class KeysDropped(Conflict):
    """The former version believes answers that are signed by a key which the agency has given up since."""

    code = "SERVICE_KEYS_DROPPED"
    text = Text(
        th="เวอร์ชัน {version} เชื่อกุญแจที่เลิกใช้แล้ว กรุณาส่งเอกสารชุดนั้นเป็นเวอร์ชันใหม่พร้อมกุญแจปัจจุบัน",
        en="Version {version} trusts a key that was dropped. Send its files as a new version, with the keys of now.",
    )


class RemedyMissing(SitthiError):
    """Who refuses says what is wrong, where, and what would mend it."""

    code = "REMEDY_MISSING"
    text = Text(
        th="การไม่อนุมัติต้องบอกเหตุผล ตำแหน่ง และวิธีแก้",
        en="A refusal names its reason, the place, and what would mend it.",
    )
