"""Amounts that are formulas, benefits that are rights, programmes that exclude each other."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import strict_yaml
from core.money import Money
from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from welfare.programmes import Outcome, Version, errors, evaluate, freeze, load_programme, load_programmes, replay
from welfare.programmes.answer import Cadence
from welfare.programmes.frames import determine_frame
from welfare.programmes.model import Channel, Formula, Unit

ON: Final = date(2026, 11, 16)
TRIAL: Final = """\
programme: trial
th: ทดลอง
en: Trial
payer: sso
for_each: person
payday: 10
back_pay: false
source: none
conditions:
  alive: {th: มีชีวิต, en: is alive, if: NOT deceased}
benefits:
  cash:
    th: เงิน
    en: cash
    cadence: MONTH
    per: PERSON
    amount:
    - if: state_welfare_card
      pay: share(LEAST(sso_wage, :cap), :rate)
    - if: disability_card
      pay: :cap
    - otherwise: share(LEAST(sso_wage, :top) * sso_pension_years_over, :rate)
versions:
- from: 2020-01-01
  status: in_force
  law: {th: กฎหมาย, en: Law}
  with: {cap: 100 baht, top: "50,000.01 baht", rate: 3333}
  all_of: {alive: ข้อ 1}
  benefits: [cash]
"""


def version_of(slug: str, on: date = ON) -> Version:
    version = PROGRAMMES[slug].version_on(on)
    assert version is not None
    return version


def trial() -> Version:
    return load_programme(TRIAL, "trial.yaml", VOCABULARY).versions[0]


@pytest.mark.parametrize("formula", ["sso_wage - :cap", "share(sso_wage * sso_pension_years_over, :rate)"])
def test_a_formula_whose_bounds_reach_below_nothing_or_beyond_64_bits_is_refused(formula: str) -> None:
    with pytest.raises(errors.RuleRefused):
        load_programme(TRIAL.replace("share(LEAST(sso_wage, :cap), :rate)", formula), "trial.yaml", VOCABULARY)


wages = st.one_of(st.none(), st.integers(0, 50_000), st.integers(0, 100_000_000_000_000))
flags = st.sampled_from([True, False, None])


@settings(max_examples=300, deadline=None)
@given(wage=wages, years=st.one_of(st.none(), st.integers(0, 100)), card=flags, disabled=flags)
def test_a_formula_gives_one_citizen_what_it_gives_a_frame_and_a_replay(
    wage: int | None, years: int | None, card: bool | None, disabled: bool | None
) -> None:
    version = trial()
    facts: dict[str, Any] = {"deceased": False, "sso_wage": wage, "sso_pension_years_over": years}
    facts |= {"state_welfare_card": card, "disability_card": disabled}
    found = evaluate(version, facts, None, ON)
    schema = {name: pl.Boolean if isinstance(facts[name], bool) or facts[name] is None else pl.Int64 for name in facts}
    schema |= {"sso_wage": pl.Int64, "sso_pension_years_over": pl.Int64}
    row = determine_frame(version, pl.DataFrame([facts], schema=schema), ON).row(0, named=True)
    paid = found.benefits[0].amount.satang if found.benefits and found.benefits[0].amount else None
    assert row["benefit.cash"] == (0 if not found.benefits else paid)
    assert replay(json.loads(json.dumps(freeze(version))), facts, ON) == found
    expected: int | None
    if card is None or (not card and disabled is None):
        expected = None
    elif card:
        expected = None if wage is None else (min(wage, 10_000) * 3333 + 5000) // 10_000
    elif disabled:
        expected = 10_000
    else:
        expected = None if wage is None or years is None else (min(wage, 5_000_001) * years * 3333 + 5000) // 10_000
    assert (0 if not found.benefits else paid) == expected


def test_facts_of_a_formula_that_is_not_chosen_are_not_missing() -> None:
    facts = {"deceased": False, "state_welfare_card": False, "disability_card": True}
    assert evaluate(trial(), facts, None, ON).missing == ()


def test_while_the_arm_is_unknown_every_fact_that_could_matter_is_missing() -> None:
    found = evaluate(trial(), {"deceased": False, "state_welfare_card": None, "disability_card": None}, None, ON)
    assert found.missing == ("state_welfare_card", "disability_card", "sso_wage", "sso_pension_years_over")


def test_an_unmet_condition_leaves_no_fact_of_a_formula_missing() -> None:
    found = evaluate(trial(), {"deceased": True}, None, ON)
    assert (found.outcome, found.missing, found.benefits) == (Outcome.UNMET, (), ())


def test_the_facts_of_formulas_are_among_the_facts_to_ask_for() -> None:
    assert {"sso_wage", "sso_pension_years_over"} <= set(trial().needs)
    assert any(isinstance(arm.amount, Formula) for arm in trial().benefits[0].arms)


def test_a_right_has_no_amount_and_is_no_column_of_a_frame() -> None:
    version = version_of("universal-coverage")
    facts: dict[str, Any] = {"nationality": "thai", "deceased": False}
    facts |= {"social_security_section": "none", "health_scheme": "none"}
    found = evaluate(version, facts, None, ON)
    [right] = found.benefits
    assert (found.outcome, right.is_right, right.amount, right.cadence) == (
        Outcome.MET, True, None, Cadence.STANDING,
    )  # fmt: skip
    assert found.missing == ()
    frame = determine_frame(version, pl.DataFrame([facts]), ON)
    assert [name for name in frame.columns if name.startswith("benefit.")] == []
    assert version.sums == ()


def test_a_benefit_by_the_day_says_so() -> None:
    benefits = version_of("section-40-sickness").benefits
    assert [(b.kind, b.cadence, b.otherwise) for b in benefits] == [
        ("inpatient", Cadence.DAY, Money.baht(300)),
        ("rest", Cadence.DAY, Money.baht(200)),
    ]


def test_each_programme_says_where_one_applies() -> None:
    elsewhere = {p.slug: p.channel for p in PROGRAMMES if p.channel is not Channel.HERE}
    assert elsewhere == {
        "section-40-sickness": Channel.PAYER,
        "student-loan": Channel.PAYER,
        "universal-coverage": Channel.NONE,
    }


def test_an_exclusion_stands_in_one_file_and_holds_both_ways() -> None:
    [one], [other] = PROGRAMMES.exclusions("section-33-unemployment"), PROGRAMMES.exclusions("section-33-old-age")
    assert (one.programme, other.programme) == ("section-33-old-age", "section-33-unemployment")
    assert (one.text, one.law) == (other.text, other.law)
    assert PROGRAMMES.exclusions("disability-allowance") == (), "it may be held beside the old-age allowance"
    assert PROGRAMMES.exclusions("old-age-allowance") == ()
    assert PROGRAMMES.exclusions("no-such") == ()


def folder(tmp_path: Path, **excludes: str | None) -> Path:
    """Programmes a, b and c, each excluding what is named."""
    for slug in "abc":
        other = excludes.get(slug)
        more = f"excludes: [{{programme: {other}, th: ก, en: a, law: {{th: ก, en: a}}}}]\n" if other else ""
        head = f"programme: {slug}\n{more}"
        body = TRIAL.replace("programme: trial\n", head)
        (tmp_path / f"{slug}.yaml").write_text(body, "utf-8")
    return tmp_path


def test_programmes_that_exclude_each_other_are_read(tmp_path: Path) -> None:
    found = load_programmes(folder(tmp_path, a="b", c="b"), VOCABULARY)
    assert [e.programme for e in found.exclusions("b")] == ["a", "c"]


@pytest.mark.parametrize(
    ("excludes", "error"),
    [
        ({"a": "x"}, errors.UnknownReference),
        ({"a": "a"}, errors.UnknownReference),
        ({"a": "b", "b": "a"}, strict_yaml.WrongValue),
    ],
    ids=["nobody", "itself", "said twice"],
)
def test_an_exclusion_that_is_none_is_refused(
    tmp_path: Path, excludes: dict[str, str], error: type[strict_yaml.FileError]
) -> None:
    with pytest.raises(error):
        load_programmes(folder(tmp_path, **excludes), VOCABULARY)


def test_a_programme_for_persons_cannot_exclude_one_for_children(tmp_path: Path) -> None:
    path = folder(tmp_path, a="b") / "b.yaml"
    path.write_text(path.read_text("utf-8").replace("for_each: person", "for_each: child"), "utf-8")
    with pytest.raises(strict_yaml.WrongValue):
        load_programmes(tmp_path, VOCABULARY)


def test_a_programme_says_whether_a_person_or_a_household_has_it_once(tmp_path: Path) -> None:
    assert load_programme(TRIAL, "trial.yaml", VOCABULARY).unit is Unit.PERSON
    of_household = TRIAL.replace("payday:", "unit: household\npayday:", 1)
    assert load_programme(of_household, "trial.yaml", VOCABULARY).unit is Unit.HOUSEHOLD
    with pytest.raises(strict_yaml.WrongValue):
        load_programme(TRIAL.replace("payday:", "unit: village\npayday:", 1), "trial.yaml", VOCABULARY)
    path = folder(tmp_path, a="b") / "b.yaml"
    path.write_text(path.read_text("utf-8").replace("payday:", "unit: household\npayday:", 1), "utf-8")
    with pytest.raises(strict_yaml.WrongValue):
        load_programmes(tmp_path, VOCABULARY)  # of two that exclude each other, both are a person's or a household's


def test_what_is_given_once_for_an_occasion_names_a_fact_that_every_version_reads() -> None:
    maternity, wallet = PROGRAMMES.get("section-33-maternity"), PROGRAMMES.get("digital-wallet")
    assert maternity is not None
    assert wallet is not None
    assert (maternity.once_for, wallet.once_for) == ("sso_birth_on", None)


@pytest.mark.parametrize("name", ["no_such_fact", "child.birth_date"])
def test_an_occasion_that_no_decision_would_hold_is_refused(name: str) -> None:
    text = TRIAL.replace("back_pay: false\n", f"back_pay: false\nonce_for: {name}\n")
    assert "once_for" in text
    with pytest.raises(strict_yaml.WrongValue):
        load_programme(text, "trial.yaml", VOCABULARY)
