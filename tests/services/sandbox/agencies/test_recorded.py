"""A system that answers what examples say, about whoever of the sandbox was given the records of somebody in them."""

from __future__ import annotations

from services.sandbox.agencies.recorded import Recorded, RecordedSystem

EXAMPLE, ELDER, OTHER = "0000000000001", "3450000000117", "3450000000125"
BILLS = Recorded("/bills", {"pid": EXAMPLE, "unpaid": True}, 200, {"pid": EXAMPLE, "bills": [{"of": EXAMPLE}]})
SEALED = Recorded("/bills", {"pids": [EXAMPLE]}, 409, {"code": "SEALED"})
SYSTEM = RecordedSystem([BILLS, SEALED], {ELDER: EXAMPLE})


def test_what_an_example_asks_is_answered_as_it_says() -> None:
    assert SYSTEM("/bills", {"unpaid": True, "pid": EXAMPLE}) == (200, BILLS.answer)
    assert SYSTEM("/bills", {"pids": [EXAMPLE]}) == (409, {"code": "SEALED"})


def test_somebody_of_the_sandbox_is_answered_about_under_their_own_number() -> None:
    assert SYSTEM("/bills", {"pid": ELDER, "unpaid": True}) == (200, {"pid": ELDER, "bills": [{"of": ELDER}]})
    assert SYSTEM("/bills", {"pids": [ELDER]}) == (409, {"code": "SEALED"})


def test_nothing_is_known_of_anybody_else_nor_of_another_question() -> None:
    for path, body in (
        ("/bills", {"pid": OTHER, "unpaid": True}),
        ("/bills", {"pid": ELDER, "unpaid": False}),
        ("/meters", {"pid": ELDER, "unpaid": True}),
    ):
        assert SYSTEM(path, body) == (404, {"code": "NOT_RECORDED"})
