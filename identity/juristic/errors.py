"""What is refused to who would act for a juristic person, or appoint somebody who does."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, SitthiError
from core.text import Text


class NotItsOfficer(NotAllowed):
    """Alike for a juristic person that is unknown, another's, or struck off, and for an appointment that has ended, has
    expired, or does not hold yet."""

    code = "NOT_ITS_OFFICER"
    text = Text(
        th="คุณไม่ได้รับมอบอำนาจให้ดำเนินการแทนนิติบุคคลนี้ในขณะนี้",
        en="You are not appointed to act for this juristic person now.",
    )


class PowerMissing(NotAllowed):
    code = "POWER_MISSING"
    text = Text(th="การแต่งตั้งของคุณไม่มีอำนาจ {power}", en="Your appointment does not give the power {power}.")


class NotItsDirector(NotAllowed):
    """Alike for a juristic person that is unknown and for who directs another, or no longer this one. An officer who is
    no director is one of these: nobody passes on what they were given."""

    code = "NOT_ITS_DIRECTOR"
    text = Text(
        th="เฉพาะกรรมการของนิติบุคคลนี้เท่านั้นที่แต่งตั้งผู้ดำเนินการแทนได้",
        en="Only directors of this juristic person appoint who acts for it.",
    )


class SecondDirectorNeeded(NotAllowed):
    """Who proposed cannot approve as well, nor can who is to be appointed."""

    code = "SECOND_DIRECTOR_NEEDED"
    text = Text(
        th="ต้องให้กรรมการอีกคนหนึ่งซึ่งไม่ใช่ผู้ได้รับแต่งตั้งเป็นผู้อนุมัติ",
        en="Another director has to approve, who is not the one to be appointed.",
    )


class ProposerGone(Conflict):
    code = "PROPOSER_GONE"
    text = Text(
        th="ผู้เสนอไม่ได้เป็นกรรมการของนิติบุคคลนี้แล้ว กรุณาเสนอใหม่",
        en="Whoever proposed this directs the juristic person no more: propose it anew.",
    )


class AppointmentDecided(Conflict):
    """It was approved, declined or ended already, perhaps in this very moment, or nobody approved it in time."""

    code = "APPOINTMENT_DECIDED"
    text = Text(th="การแต่งตั้งนี้มีผลตัดสินหรือหมดเวลาแล้ว", en="This appointment was decided already, or is over.")


class TooManyAppointments(Conflict):
    code = "TOO_MANY_APPOINTMENTS"
    text = Text(
        th="นิติบุคคลนี้มีการแต่งตั้งที่มีผลหรือรออนุมัติครบจำนวนแล้ว",
        en="As many appointments as may be hold for this juristic person, or wait for approval.",
    )


class TooManyProposedToday(SitthiError):
    """Each proposal may put a message before somebody who never asked for one."""

    code = "TOO_MANY_PROPOSED_TODAY"
    text = Text(
        th="วันนี้นิติบุคคลนี้เสนอแต่งตั้งครบจำนวนแล้ว กรุณาเสนออีกครั้งในวันถัดไป",
        en="This juristic person has proposed as many appointments, or as many of this person, as it may in a day.",
    )


class NotItsSignatory(NotAllowed):
    """Of a director whom the register of companies does not count among those who sign."""

    code = "NOT_ITS_SIGNATORY"
    text = Text(
        th="ตามทะเบียน คุณเป็นกรรมการที่ไม่มีอำนาจลงนามแทนนิติบุคคลนี้",
        en="The register says that you direct this juristic person, and do not sign for it.",
    )


class MoreSignaturesNeeded(Conflict):
    """The register asks for three signatures or more together; here two directors act at most."""

    code = "MORE_SIGNATURES_NEEDED"
    text = Text(
        th="นิติบุคคลนี้ต้องมีกรรมการลงนามร่วมกัน {signatures} คน กรุณาแต่งตั้งผ่านเจ้าหน้าที่ของหน่วยงาน",
        en="{signatures} directors sign together for this juristic person: appoint through officers of the agency.",
    )


class TooManySystems(Conflict):
    code = "TOO_MANY_SYSTEMS"
    text = Text(
        th="นิติบุคคลนี้มีระบบครบจำนวนแล้ว กรุณายกเลิกระบบที่ไม่ใช้",
        en="This juristic person has as many systems as may be: end one that is not used.",
    )
