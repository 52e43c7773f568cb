"""What an ingest awards is held against its manifest before anybody is paid by it."""

from __future__ import annotations

from typing import Any

import pytest

from services.plugins.conformance.answers import not_typed, plain
from services.plugins.contract import OperationKind

WORDS = {"th": "ค่าเสียหาย", "en": "Compensation"}
AWARD = {
    "record": 0, "reference": "A-1", "pid": "0000000000001", "satang": 100, "title": WORDS, "law": WORDS,
    "since": "2020-04-01",
}  # fmt: skip
REJECTED = [{"record": 0, "code": "UNKNOWN"}]


@pytest.mark.parametrize(
    ("answer", "most", "why"),
    [
        ({}, 0, None),
        ({"awards": [AWARD]}, 100, None),
        ({"awards": [AWARD]}, 99, "more than"),
        ({"awards": [AWARD]}, 0, "more than"),
        ({"awards": [AWARD], "rejected": REJECTED}, 100, "rejects"),
        ({"told": [{"record": 0, "answer": {"number": "A-1"}}], "rejected": REJECTED}, 0, "rejects"),
        ({"told": [{"record": 0, "answer": {"number": "A-1"}}]}, 0, None),
        ({"told": [{"record": 0, "answer": {"number": "ก" * 1_400}}]}, 0, "not what"),
        ({"awards": [{**AWARD, "pid": "1"}]}, 100, "not what"),
    ],
)
def test_an_award_is_within_the_manifests_bound_and_of_a_record_that_was_taken(
    answer: dict[str, Any], most: int, why: str | None
) -> None:
    found = not_typed(OperationKind.INGEST, answer, most)
    assert found is None if why is None else why in (found or "")


def test_it_is_compared_as_it_is_written() -> None:
    [award] = plain(OperationKind.INGEST, {"awards": [AWARD]})["awards"]
    assert award == {**AWARD, "insteadOf": None}
