"""The life of a claim. The table is the documentation.

| in         | event      | becomes    | who                                                    |
|------------|------------|------------|--------------------------------------------------------|
| –          | FILE       | FILED      | the hospital                                           |
| FILED      | CHECK      | CHECKED    | at once: which policy covered the vehicle, or the fund |
| CHECKED    | COMPUTE    | COMPUTED   | at once: what is due, by the law of the accident's day |
| COMPUTED   | ASK        | SUPPLEMENT | whoever decides: something is missing                  |
| DISPUTED   | ASK        | SUPPLEMENT | whoever decides                                        |
| SUPPLEMENT | SUPPLY     | FILED      | the hospital: checked and computed anew                |
| COMPUTED   | APPROVE    | APPROVED   | whoever decides: the payment is asked for              |
| COMPUTED   | REJECT     | REJECTED   | whoever decides                                        |
| SUPPLEMENT | REJECT     | REJECTED   | whoever decides: it never came                         |
| APPROVED   | PAY        | PAID       | the host: a bank booked it                             |
| PAID       | RETURN     | APPROVED   | the host: it came back, and is owed still              |
| APPROVED   | NAME_PAYEE | APPROVED   | whoever decides: what came back is paid to another     |
| PAID       | SHOW_FAULT | COMPUTED   | whoever decides: the further amounts, less what is paid|
| REJECTED   | DISPUTE    | DISPUTED   | the hospital                                           |
| PAID       | DISPUTE    | DISPUTED   | the hospital: too little                               |
| DISPUTED   | REOPEN     | COMPUTED   | whoever decides: computed anew                         |
| DISPUTED   | UPHOLD     | CLOSED     | whoever decides: it stands                             |
| PAID       | CLOSE      | CLOSED     | whoever decides                                        |
| REJECTED   | CLOSE      | CLOSED     | whoever decides                                        |
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    FILED = "FILED"
    CHECKED = "CHECKED"
    COMPUTED = "COMPUTED"
    SUPPLEMENT = "SUPPLEMENT"
    APPROVED = "APPROVED"
    PAID = "PAID"
    REJECTED = "REJECTED"
    DISPUTED = "DISPUTED"
    CLOSED = "CLOSED"


class Event(StrEnum):
    FILE = "FILE"
    CHECK = "CHECK"
    COMPUTE = "COMPUTE"
    ASK = "ASK"
    SUPPLY = "SUPPLY"
    APPROVE = "APPROVE"
    REJECT = "REJECT"
    PAY = "PAY"
    RETURN = "RETURN"
    NAME_PAYEE = "NAME_PAYEE"
    SHOW_FAULT = "SHOW_FAULT"
    DISPUTE = "DISPUTE"
    REOPEN = "REOPEN"
    UPHOLD = "UPHOLD"
    CLOSE = "CLOSE"


TRANSITIONS: Final[Mapping[tuple[State | None, Event], State]] = MappingProxyType(
    {
        (None, Event.FILE): State.FILED,
        (State.FILED, Event.CHECK): State.CHECKED,
        (State.CHECKED, Event.COMPUTE): State.COMPUTED,
        (State.COMPUTED, Event.ASK): State.SUPPLEMENT,
        (State.DISPUTED, Event.ASK): State.SUPPLEMENT,
        (State.SUPPLEMENT, Event.SUPPLY): State.FILED,
        (State.COMPUTED, Event.APPROVE): State.APPROVED,
        (State.COMPUTED, Event.REJECT): State.REJECTED,
        (State.SUPPLEMENT, Event.REJECT): State.REJECTED,
        (State.APPROVED, Event.PAY): State.PAID,
        (State.PAID, Event.RETURN): State.APPROVED,
        (State.APPROVED, Event.NAME_PAYEE): State.APPROVED,
        (State.PAID, Event.SHOW_FAULT): State.COMPUTED,
        (State.REJECTED, Event.DISPUTE): State.DISPUTED,
        (State.PAID, Event.DISPUTE): State.DISPUTED,
        (State.DISPUTED, Event.REOPEN): State.COMPUTED,
        (State.DISPUTED, Event.UPHOLD): State.CLOSED,
        (State.PAID, Event.CLOSE): State.CLOSED,
        (State.REJECTED, Event.CLOSE): State.CLOSED,
    }
)
WORDS: Final[Mapping[State, tuple[str, str]]] = MappingProxyType(
    {
        State.FILED: ("รับคำขอแล้ว", "The claim was received."),
        State.CHECKED: ("ตรวจกรมธรรม์แล้ว", "It is known who pays."),
        State.COMPUTED: ("คำนวณค่าเสียหายแล้ว รอการอนุมัติ", "What is due was computed, and waits for approval."),
        State.SUPPLEMENT: ("รอเอกสารเพิ่มเติมจากโรงพยาบาล", "The hospital is to send more."),
        State.APPROVED: ("อนุมัติแล้ว รอการจ่ายเงิน", "It was approved, and is on its way to be paid."),
        State.PAID: ("จ่ายเงินแล้ว", "It was paid."),
        State.REJECTED: ("ไม่อนุมัติ", "It was not approved."),
        State.DISPUTED: ("อยู่ระหว่างพิจารณาข้อโต้แย้ง", "It is disputed, and looked at again."),
        State.CLOSED: ("สิ้นสุดแล้ว", "It is closed."),
    }
)


def after(state: State | None, event: Event) -> State | None:
    """The state that follows; None where the event has no place."""
    return TRANSITIONS.get((state, event))
