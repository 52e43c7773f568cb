"""What can be wrong with an officer."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, NotSignedIn
from core.text import Text


class NotAnOfficer(NotAllowed):
    """The person signed in, but serves no agency, or no longer."""

    code = "NOT_AN_OFFICER"
    text = Text(
        th="คุณไม่ได้เป็นเจ้าหน้าที่ของหน่วยงานใดในระบบนี้",
        en="You are not an officer here. The agency's first officer is added on the server: sitthi officer add.",
    )


class OfficerNotSignedIn(NotSignedIn):
    """No usable sign-in is stored under this name on this machine."""

    code = "OFFICER_NOT_SIGNED_IN"
    text = Text(
        th="เจ้าหน้าที่ “{profile}” ยังไม่ได้เข้าสู่ระบบ หรือการเข้าสู่ระบบหมดอายุ ใช้คำสั่ง sitthi officer sign-in --as {profile}",
        en="Officer “{profile}” is not signed in, or no longer. Use: sitthi officer sign-in --as {profile}",
    )


class RoleMissing(NotAllowed):
    """An officer without the role that this takes."""

    code = "ROLE_MISSING"
    text = Text(th="รายการนี้ต้องมีบทบาท {role}", en="This takes the role {role}.")


class RoleNotForAgency(NotAllowed):
    """A role that this agency may not give to anybody."""

    code = "ROLE_NOT_FOR_AGENCY"
    text = Text(
        th="หน่วยงาน {agency} ให้บทบาท {role} แก่เจ้าหน้าที่ไม่ได้", en="The agency {agency} may not give the role {role}."
    )


class ConflictOfInterest(NotAllowed):
    """What the officer would see or decide is their own, their household's, or of somebody for whom they act."""

    code = "CONFLICT_OF_INTEREST"
    text = Text(
        th="เรื่องนี้เป็นของคุณเอง ของคนในบ้าน หรือของผู้ที่คุณดำเนินการแทน ให้เจ้าหน้าที่คนอื่นพิจารณา",
        en="This case is your own, your household's, or of somebody for whom you act. A colleague decides it.",
    )


class AgencyGovernsItself(Conflict):
    """The agency has two officers who can add others: the server is not the way any more."""

    code = "AGENCY_GOVERNS_ITSELF"
    text = Text(
        th="หน่วยงาน {agency} มีเจ้าหน้าที่ที่เสนอและอนุมัติเจ้าหน้าที่ได้เองแล้ว ใช้ sitthi officer propose-add "
        "หรือ --break-glass เหตุผล เมื่อจำเป็นจริง ๆ",
        en="{agency} has officers who can propose and approve others: use sitthi officer propose-add, or, in an "
        "emergency, --break-glass REASON.",
    )


class ServesAnotherAgency(Conflict):
    """An officer belongs to one agency; end the service there first."""

    code = "SERVES_ANOTHER_AGENCY"
    text = Text(
        th="บุคคลนี้เป็นเจ้าหน้าที่ของหน่วยงาน {agency} อยู่แล้ว",
        en="This person already serves another agency: {agency}.",
    )


class StillAnOfficer(Conflict):
    """An officer's acts are the state's records: who serves cannot have their account erased before that ends."""

    code = "STILL_AN_OFFICER"
    text = Text(
        th="คุณยังเป็นเจ้าหน้าที่อยู่ กรุณาสิ้นสุดการเป็นเจ้าหน้าที่ก่อน",
        en="You are an officer. End that service first.",
    )
