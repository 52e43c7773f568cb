"""`sitthi rules impact` at the terminal, over a small made-up population."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.sandbox_families import families_of, sandbox_population
from services.sandbox.population.generator import generate
from services.sandbox.population.store import replace
from tests.welfare.programmes.case_files import VOCABULARY
from tests.welfare.programmes.test_population import facts_of

ROOT = Path(__file__).parents[2]
DATA = ROOT / "welfare/programmes/data"
AS_OF = date(2026, 11, 16)
CITIZENS = 600


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("SITTHI_DEMO_CITIZENS", str(CITIZENS))


def sitthi(*words: str) -> Result:
    return CliRunner().invoke(app, ["rules", "impact", *words])


def edited(tmp_path: Path, slug: str, old: str, new: str) -> str:
    text = (DATA / f"{slug}.yaml").read_text("utf-8")
    assert old in text
    path = tmp_path / f"{slug}.yaml"
    path.write_text(text.replace(old, new), "utf-8")
    return str(path)


def told(*words: str) -> dict[str, Any]:
    run = sitthi(*words, "--json")
    assert run.exit_code == 0, run.output
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_a_raise_is_a_gain_to_all_who_are_of_that_age_and_a_loss_to_nobody(tmp_path: Path) -> None:
    file = edited(tmp_path, "old-age-allowance", "from_60: 600 baht", "from_60: 700 baht")
    found = told(file, "--on", "2026-11-16")
    counts, satang = found["counts"], found["satang"]["perYear"]
    assert counts["more"] >= 10
    assert counts["newly"] == counts["noLonger"] == counts["less"] == counts["mixed"] == 0
    assert satang["after"] - satang["before"] == counts["more"] * 12 * 10_000
    assert found["people"] == sum(counts.values())
    assert found["inForce"] == found["toBe"]  # the same name and day, and other numbers
    lines = sitthi(file, "--on", "2026-11-16").stdout
    assert f"{counts['more']:,}  gain: entitled to more" in lines
    assert f"{satang['before']:,} → {satang['after']:,}" in lines


def test_a_proposal_is_compared_with_what_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_DEMO_CITIZENS", "2000")
    found = told(str(DATA / "child-support-grant.yaml"), "--proposed")
    assert (found["toBe"]["status"], found["inForce"]["status"]) == ("proposed", "in_force")
    assert found["forEach"] == "child"
    assert found["counts"]["newly"] >= 10


def test_what_is_in_force_itself_changes_nothing_and_says_so() -> None:
    run = sitthi(str(DATA / "aids-allowance.yaml"))
    assert run.exit_code == 0
    assert "They decide alike." in run.stdout


@pytest.mark.parametrize("file", sorted(DATA.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_programme_can_be_tried_on_the_sandboxes_people(file: Path) -> None:
    """With what the stand-ins say, all facts of all but the one are known of somebody."""
    on = "2025-02-01" if file.stem == "digital-wallet" else "2026-11-16"
    found = told(str(file), "--on", on)
    secret = ["aids_certified", "without_support"] if file.stem == "aids-allowance" else []
    assert found["toldOfNobody"] == secret
    assert found["people"]


def test_what_the_stand_ins_say_decides_who_gains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_DEMO_CITIZENS", "2000")
    file = edited(tmp_path, "section-33-child-allowance", 'rate: "1,000 baht"', 'rate: "1,100 baht"')
    found = told(file, "--on", "2026-11-16")
    counts, satang = found["counts"], found["satang"]["perYear"]
    assert counts["more"] >= 10
    assert counts["unknown"] == 0
    assert satang["after"] - satang["before"] == counts["more"] * 12 * 10_000


def test_a_programme_that_is_not_in_force_has_only_gains(tmp_path: Path) -> None:
    file = edited(tmp_path, "old-age-allowance", "programme: old-age-allowance", "programme: elders")
    renamed = Path(file).rename(tmp_path / "elders.yaml")
    found = told(str(renamed), "--on", "2026-11-16")
    assert found["inForce"] is None
    assert found["counts"]["newly"] >= 10
    assert found["satang"]["perYear"]["before"] == 0


def test_provinces_are_told_by_name_and_the_smallest_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_DEMO_CITIZENS", "2000")
    words = (str(DATA / "old-age-allowance.yaml"), "--on", "2026-11-16")
    found = told(*words)["byProvince"]
    assert "10" in found["rows"]
    assert found["rest"]["rows"] + len(found["rows"]) > 20
    lines = sitthi(*words).stdout.splitlines()
    assert any(line.strip().startswith("Bangkok  gain 0") for line in lines)
    assert any(line.strip().startswith("the rest  gain 0") for line in lines)


def test_nothing_about_a_person_leaves(tmp_path: Path) -> None:
    file = edited(tmp_path, "state-welfare-card", "750 baht", "751 baht")
    words = sitthi(file).stdout + sitthi(file, "--json").stdout
    assert re.search(r"\d{13}", words) is None
    counts = [
        int(count)
        for count in re.findall(r'"(?:people|newly|more|noLonger|less|mixed|same|never|unknown)": (\d+)', words)
    ]
    assert counts
    assert all(count == 0 or count >= 10 for count in counts)


def test_a_file_that_is_wrong_is_refused_with_its_line(tmp_path: Path) -> None:
    file = edited(tmp_path, "old-age-allowance", "nationality = 'thai'", "nationality = 'martian'")
    run = sitthi(file)
    assert run.exit_code == 1
    assert "old-age-allowance.yaml" in run.stderr
    assert "(PROGRAMME_RULE)" in run.stderr
    assert run.stdout == ""


def test_a_file_without_text_a_day_that_is_none_and_no_proposal_are_sentences(tmp_path: Path) -> None:
    binary = tmp_path / "old-age-allowance.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as text" in sitthi(str(binary)).stderr
    assert "is not a day" in sitthi(str(DATA / "old-age-allowance.yaml"), "--on", "2569-13-40").stderr
    assert "proposes nothing" in sitthi(str(DATA / "aids-allowance.yaml"), "--proposed").stderr
    before_any_law = sitthi(str(DATA / "old-age-allowance.yaml"), "--on", "1999-01-01")
    assert (before_any_law.exit_code, "(IMPACT_NO_LAW)" in before_any_law.stderr) == (1, True)


def test_where_there_are_no_sandboxes_nobody_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_SANDBOX", "false")
    run = sitthi(str(DATA / "old-age-allowance.yaml"))
    assert (run.exit_code, run.stdout) == (1, "")
    assert "two officers" in run.stderr


def test_the_facts_are_what_the_agencies_would_say() -> None:
    population = generate(CITIZENS, 3, AS_OF)
    families = families_of(population, VOCABULARY)
    people = [(person, home) for home in population.households() for person in home.members]
    assert families.persons.height == len(people)
    for row, (person, home) in zip(families.persons.iter_rows(named=True), people, strict=True):
        facts = facts_of(person, home)
        own = {name: value for name, value in row.items() if name not in ("id", "province", "household")}
        assert own == {name: facts[name] for name in own}
        assert row["province"] == home.address.subdistrict[:2]
    for row in families.children.iter_rows(named=True):
        person, home = people[row["id"]]
        facts = facts_of(person, home) | {"lives_with_applicant": True}
        assert people[row["applicant"]][0].national_id in (person.mother, person.father)
        thai = row["parent_is_thai"]
        own = {name: value for name, value in row.items() if name in facts}
        assert own == {name: facts[name] for name in own}
        if people[row["applicant"]][0].nationality == "THA":
            assert thai
    assert families.children.height > 50


def test_the_population_is_the_one_that_stands(tmp_path: Path) -> None:
    assert sandbox_population(tmp_path, 5, 1, AS_OF) == generate(5, 1, AS_OF)
    replace(tmp_path, generate(20, 9, AS_OF))
    assert sandbox_population(tmp_path, 5, 1, date(2026, 11, 17)) == generate(20, 9, AS_OF)
