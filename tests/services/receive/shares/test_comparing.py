"""What is claimed of a candidate is compared with what the register says, and nothing else is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import Text
from services.receive.shares.checks.comparing import FIELDS, Claim, Degree, Outcome, compared
from services.receive.shares.checks.states import Result

BACHELOR = Degree(
    Text(th="มหาวิทยาลัยหนึ่ง", en="First University"), "BACHELOR", Text(th="บัณฑิต", en="Bachelor of Arts"), 2020
)
MASTER = Degree(
    Text(th="มหาวิทยาลัยสอง", en="Second University"), "MASTER", Text(th="มหาบัณฑิต", en="Master of Arts"), 2023
)
BOTH = (BACHELOR, MASTER)


@pytest.mark.parametrize(
    ("claim", "differs"),
    [
        (Claim("มหาวิทยาลัยหนึ่ง", "BACHELOR", "บัณฑิต", 2020), ()),
        (Claim("first  UNIVERSITY", "BACHELOR", "bachelor of arts", 2020), ()),
        (Claim(level="MASTER"), ()),
        (Claim(level="DOCTORATE"), ("level",)),
        (Claim("มหาวิทยาลัยสอง", "MASTER", "มหาบัณฑิต", 2022), ("year",)),
        (Claim("มหาวิทยาลัยหนึ่ง", "MASTER", None, 2023), ("institution",)),
        (Claim("มหาวิทยาลัยสาม", "MASTER", "บัณฑิต", 2023), ("institution", "title")),
        (Claim("First Universit", None, None, None), ("institution",)),
    ],
)
def test_the_degree_that_fits_best_decides(claim: Claim, differs: tuple[str, ...]) -> None:
    outcome = Outcome(Result.DIFFERS, differs) if differs else Outcome(Result.CONFIRMED)
    assert compared(claim, BOTH) == outcome


def test_without_a_degree_all_that_is_claimed_differs() -> None:
    assert compared(Claim(title="บัณฑิต", year=2020), ()) == Outcome(Result.DIFFERS, ("title", "year"))


CLAIMS = st.builds(
    Claim,
    st.sampled_from([None, "มหาวิทยาลัยหนึ่ง", "มหาวิทยาลัยสอง", "อื่น"]),
    st.sampled_from([None, "BACHELOR", "MASTER", "DOCTORATE"]),
    st.sampled_from([None, "บัณฑิต", "มหาบัณฑิต", "อื่น"]),
    st.sampled_from([None, 2020, 2023, 1999]),
).filter(lambda claim: claim.as_json() != {})


@given(CLAIMS, st.lists(st.sampled_from(BOTH), max_size=3))
def test_only_what_was_claimed_is_ever_named_and_more_degrees_never_make_it_worse(
    claim: Claim, degrees: list[Degree]
) -> None:
    outcome = compared(claim, degrees)
    assert set(outcome.differs) <= set(claim.as_json()) <= set(FIELDS)
    assert (outcome.result is Result.CONFIRMED) == (outcome.differs == ())
    assert len(compared(claim, [*degrees, BACHELOR]).differs) <= len(outcome.differs)
    assert Outcome.of_json(outcome.as_json()) == outcome
