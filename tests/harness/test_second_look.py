"""Which failures are looked at again."""

from __future__ import annotations

import pytest

from tests.support.second_look import AT_MOST, NEVER, deserves_another

ONE = "tests/api/test_home.py::test_one[sqlite]"


def test_up_to_three_are_asked_again_and_a_fourth_is_not() -> None:
    few = [f"{ONE}{number}" for number in range(AT_MOST)]
    assert deserves_another(few)
    assert not deserves_another([*few, "tests/api/test_home.py::test_another"])


def test_a_run_that_ended_without_a_failed_test_is_not_excused() -> None:
    assert not deserves_another([])


def test_a_file_that_could_not_be_collected_is_not_excused() -> None:
    assert not deserves_another(["tests/api/test_home.py"])


@pytest.mark.parametrize("where", NEVER)
def test_money_and_the_log_get_no_second_look(where: str) -> None:
    assert not deserves_another([ONE, f"{where}test_x.py::test_once" if where.endswith("/") else f"{where}::test_once"])
