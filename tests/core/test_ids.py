import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import GlobalId, MalformedGlobalId, MalformedNationalId, NationalId, check_digit, new_id

twelve_digits = st.from_regex(r"[0-8][0-9]{11}", fullmatch=True)


@given(twelve_digits)
def test_exactly_one_check_digit_is_valid(first: str) -> None:
    valid = [d for d in "0123456789" if _is_valid(first + d)]
    assert valid == [str(check_digit(first))]


def test_the_example_of_the_standard_is_valid_in_both_spellings() -> None:
    assert NationalId.parse("1-1120-34563-56-2") == NationalId("1112034563562")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "1112034563563",
        "111203456356",
        "11120345635620",
        "๑๑๑๒๐๓๔๕๖๓๕๖๒",
        "9112034563562",
        "1112034563562\x00",
        "x" * 13,
    ],
)
def test_a_malformed_national_id_is_refused(bad: str) -> None:
    with pytest.raises(MalformedNationalId) as caught:
        NationalId.parse(bad)
    assert bad == "" or bad not in str(caught.value)


def test_a_national_id_never_prints_itself() -> None:
    national_id = NationalId("1112034563562")
    assert "1112034563562" not in f"{national_id!r} {national_id} {[national_id]}"


@given(st.sampled_from(["Citizen", "Application"]), st.uuids())
def test_a_global_id_comes_back_as_it_went(name: str, key: UUID) -> None:
    assert GlobalId.parse(str(GlobalId(name, key))) == GlobalId(name, key)


@given(st.text(max_size=80))
def test_whatever_is_sent_as_a_global_id_is_read_or_refused(text: str) -> None:
    try:
        parsed = GlobalId.parse(text)
    except MalformedGlobalId:
        return
    assert str(parsed) == text


def test_a_global_id_of_another_type_is_refused() -> None:
    with pytest.raises(MalformedGlobalId):
        GlobalId.parse(str(GlobalId("Citizen", new_id())), expected="Application")


def test_new_ids_are_version_7_and_unique() -> None:
    made = [new_id() for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert {key.version for key in made} == {7}
    assert {key.variant for key in made} == {"specified in RFC 4122"}


def test_new_ids_are_in_the_order_of_their_making() -> None:
    """Trails are read in the order of their ids, and two acts of one transaction are in one millisecond."""
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)


def test_they_are_also_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    made = []
    for step in (0, 1_000_000_000, -60_000_000_000, -60_000_000_000):
        monkeypatch.setattr(time, "time_ns", lambda step=step: now + step)
        made.append(new_id())
    assert made == sorted(made)


def _is_valid(digits: str) -> bool:
    try:
        NationalId(digits)
    except MalformedNationalId:
        return False
    return True
