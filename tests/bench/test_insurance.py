from __future__ import annotations

from contextlib import closing
from pathlib import Path

from bench.insurance import CHECK, COVER, INTAKE, QUERY, READ, ROWS, InsuranceSize, bare, measure, opened, policy


async def test_policies_are_taken_and_checks_answered_as_the_bare_table_answers(tmp_path: Path) -> None:
    size = InsuranceSize(rounds=2, policies=40, checks=20)
    async with opened(tmp_path) as office:
        with closing(bare(tmp_path / "bare.sqlite")) as file:
            for turn in range(size.rounds):  # which asserts that both say the same of each vehicle
                found = await measure(office, file, size, turn)
                assert found.keys() == {READ, ROWS, INTAKE, QUERY, CHECK, COVER}
            assert file.execute("SELECT count(*) FROM policy").fetchone() == (80,)


def test_vehicles_differ_in_chassis_and_plate() -> None:
    made = [policy(number) for number in range(0, 200_000, 97)]
    assert len({one["chassis"] for one in made}) == len(made)
    assert len({one["plate"] for one in made}) == len(made)
