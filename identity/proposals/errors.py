"""What can be wrong with an act of two officers."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed
from core.text import Text


class MakerIsChecker(NotAllowed):
    """Maker and checker are two people, whatever roles one of them has."""

    code = "MAKER_IS_CHECKER"
    text = Text(
        th="ผู้เสนอและผู้อนุมัติต้องเป็นคนละคน ผู้เสนอถอนข้อเสนอของตนได้",
        en="Who proposed cannot decide as well; you may withdraw what you proposed.",
    )


class ConcernsYourself(NotAllowed):
    code = "CONCERNS_YOURSELF"
    text = Text(th="คุณตัดสินเรื่องของตนเองไม่ได้", en="You cannot decide about yourself.")


class NotTheMaker(NotAllowed):
    code = "NOT_THE_MAKER"
    text = Text(th="ผู้เสนอเท่านั้นที่ถอนข้อเสนอได้", en="Only who proposed may withdraw it.")


class ProposalDecided(Conflict):
    """Approved, refused or withdrawn already, perhaps in this very moment by another officer."""

    code = "PROPOSAL_DECIDED"
    text = Text(th="ข้อเสนอนี้มีผลตัดสินแล้ว", en="This proposal was decided already.")


class ProposalExpired(Conflict):
    code = "PROPOSAL_EXPIRED"
    text = Text(th="ข้อเสนอนี้หมดอายุแล้ว กรุณาเสนอใหม่", en="This proposal has expired. Please propose it anew.")


class MakerGone(Conflict):
    """Whoever proposed it may not any more, so nobody stands behind it."""

    code = "MAKER_GONE"
    text = Text(
        th="ผู้เสนอไม่ได้เป็นเจ้าหน้าที่ที่มีสิทธิ์เสนอแล้ว ข้อเสนอนี้อนุมัติไม่ได้",
        en="Whoever proposed this is no longer an officer who may: it cannot be approved.",
    )
