"""What a programme file may not say, one refusal a case; and what the shipped files do say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from core import strict_yaml
from core.money import Money
from tests.welfare.programmes.case_files import PROGRAMMES, ROOT, VOCABULARY
from welfare.programmes import Programme, ProgrammeUnknown, Status, errors, load_programme, read_vocabulary
from welfare.rules import errors as rule_errors

GOOD = """\
programme: trial
th: ทดลอง
en: Trial
payer: dla
for_each: person
payday: 10
back_pay: false
source: none
conditions:
  age:
    th: อายุ {min_age} ปี
    en: is {min_age} years old
    if: age_on(birth_date, assessment_date) >= :min_age
benefits:
  cash:
    th: เงิน
    en: cash
    cadence: MONTH
    per: PERSON
    amount:
    - if: household_registered
      pay: :rate
    - otherwise: 1.50 baht
versions:
- from: 2020-01-01
  status: in_force
  law: {th: กฎหมาย, en: Law}
  with: {min_age: 60, rate: 600 baht}
  all_of: {age: ข้อ 1}
  benefits: [cash]
- from: 2021-01-01
  until: 2021-12-31
  status: in_force
  law: {th: กฎหมาย, en: Law}
  with: {min_age: 61, rate: 700 baht}
  all_of: {age: ข้อ 1}
  benefits: [cash]
"""


def load(text: str) -> Programme:
    return load_programme(text, "trial.yaml", VOCABULARY)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_the_file_that_the_refusals_start_from_is_good() -> None:
    programme = load(GOOD)
    first, second = programme.versions
    assert (first.starts, first.until) == (date(2020, 1, 1), date(2020, 12, 31))
    assert (second.starts, second.until) == (date(2021, 1, 1), date(2021, 12, 31))
    assert first.conditions[0].text.en == "is 60 years old"
    assert second.conditions[0].text.en == "is 61 years old"
    assert first.conditions[0].law.en == "Law, clause 1"
    assert first.benefits[0].arms[0].amount == Money(60000)
    assert first.benefits[0].otherwise == Money(150)
    assert programme.version_on(date(2022, 1, 1)) is None


REFUSED: list[tuple[str, type[strict_yaml.FileError], str]] = [
    ("duplicate key", strict_yaml.DuplicateKey, changed("payday: 10", "payday: 10\npayday: 11")),
    ("yes for a bool", strict_yaml.AmbiguousScalar, changed("back_pay: false", "back_pay: no")),
    ("on as a key", strict_yaml.AmbiguousScalar, changed("source: none", "on: none")),
    ("digits with an underscore", strict_yaml.AmbiguousScalar, changed("min_age: 60", "min_age: 6_0")),
    ("octal", strict_yaml.AmbiguousScalar, changed("payday: 10", "payday: 010")),
    ("sexagesimal", strict_yaml.AmbiguousScalar, changed("payday: 10", "payday: 12:30")),
    ("an empty value", strict_yaml.AmbiguousScalar, changed("en: Trial", "en:")),
    ("a day that is none", strict_yaml.AmbiguousScalar, changed("2020-01-01", "2020-02-30")),
    ("a fraction", strict_yaml.FloatRefused, changed("min_age: 60", "min_age: 60.5")),
    ("an anchor", strict_yaml.AnchorRefused, changed("source: none", "source: &a none")),
    ("an alias", strict_yaml.AnchorRefused, changed("source: none", "source: &a none\nth2: *a")),
    ("a tag", strict_yaml.AnchorRefused, changed("source: none", "source: !!str none")),
    ("a merge", strict_yaml.AnchorRefused, changed("source: none", "<<: {source: none}")),
    ("broken YAML", strict_yaml.NotYaml, changed("source: none", "source: [none")),
    ("a tab", strict_yaml.NotYaml, changed("source: none", "\tsource: none")),
    ("a list", strict_yaml.NotYaml, "- a\n"),
    ("nothing", strict_yaml.NotYaml, ""),
    ("a control character", strict_yaml.NotYaml, changed("source: none", "source: no\x00ne")),
    ("two documents", strict_yaml.NotYaml, GOOD + "---\na: b\n"),
    ("an unknown key", strict_yaml.UnknownKey, changed("source: none", "source: none\nremark: x")),
    ("an unknown key deep inside", strict_yaml.UnknownKey,
     changed("    per: PERSON", "    per: PERSON\n    tax: none")),
    ("a missing key", strict_yaml.MissingKey, changed("payer: dla\n", "")),
    ("a name unlike its file", strict_yaml.WrongValue, changed("programme: trial", "programme: other")),
    ("an unknown cadence", strict_yaml.WrongValue, changed("cadence: MONTH", "cadence: WEEK")),
    ("a payday of 32", strict_yaml.WrongValue, changed("payday: 10", "payday: 32")),
    ("money without a unit", strict_yaml.WrongValue, changed("otherwise: 1.50 baht", "otherwise: '150'")),
    ("an amount in square wah", strict_yaml.WrongValue, changed("otherwise: 1.50 baht", "otherwise: 1 sq wah")),
    ("an amount not in with", strict_yaml.WrongValue, changed("pay: :rate", "pay: :rates")),
    ("a badly grouped sum", strict_yaml.WrongValue, changed("rate: 600 baht", 'rate: "6,00 baht"')),
    ("a third of a satang", strict_yaml.WrongValue, changed("rate: 600 baht", "rate: 600.005 baht")),
    ("a negative amount", strict_yaml.WrongValue, changed("otherwise: 1.50 baht", "otherwise: -1 baht")),
    ("an amount of a right", strict_yaml.UnknownKey, changed("cadence: MONTH", "cadence: STANDING")),
    ("a formula that may fall below 0", errors.RuleRefused,
     changed("otherwise: 1.50 baht", "otherwise: annual_income - :rate")),
    ("a formula of a number", errors.RuleRefused, changed("otherwise: 1.50 baht", "otherwise: household_size")),
    ("a formula that is a condition", errors.RuleRefused, changed("otherwise: 1.50 baht", "otherwise: deceased")),
    ("a formula that goes on", errors.RuleRefused,
     changed("otherwise: 1.50 baht", "otherwise: annual_income annual_income")),
    ("an unknown channel", strict_yaml.WrongValue, changed("source: none", "source: none\nchannel: post")),
    ("no benefit", strict_yaml.WrongValue, changed("benefits: [cash]", "benefits: []")),
    ("one benefit twice", strict_yaml.WrongValue, changed("benefits: [cash]", "benefits: [cash, cash]")),
    ("an unknown benefit", errors.UnknownReference, changed("benefits: [cash]", "benefits: [cash, gold]")),
    ("an unknown condition", errors.UnknownReference,
     changed("all_of: {age: ข้อ 1}", "all_of: {age: ข้อ 1, sex: ข้อ 2}")),
    ("a place that with does not fill", errors.UnknownReference, changed("is {min_age} years", "is {max_age} years")),
    ("an unused parameter", errors.Unused, changed("min_age: 60,", "min_age: 60, spare: 1,")),
    ("an unused condition", errors.Unused, changed("benefits:\n", "  idle: {th: ก, en: a, if: deceased}\nbenefits:\n")),
    ("versions that overlap", errors.VersionOverlap,
     changed("from: 2020-01-01", "from: 2020-01-01\n  until: 2021-01-01")),
    ("versions out of order", errors.VersionOverlap, changed("from: 2020-01-01", "from: 2021-01-01")),
    ("a version that ends before it starts", errors.VersionOverlap, changed("until: 2021-12-31", "until: 2020-12-31")),
    ("a gap", errors.VersionGap, changed("from: 2020-01-01", "from: 2020-01-01\n  until: 2020-12-30")),
    ("after_gap without a gap", errors.VersionGap, changed("from: 2021-01-01", "from: 2021-01-01\n  after_gap: true")),
    ("a rule that does not parse", errors.RuleRefused, changed(">= :min_age", "=> :min_age")),
    ("a rule on an unknown fact", errors.RuleRefused, changed("- if: household_registered", "- if: houses_registered")),
    ("a child's fact without a child", errors.RuleRefused,
     changed("- if: household_registered", "- if: child.deceased")),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_a_file_is_refused_with_its_line(error: type[strict_yaml.FileError], text: str) -> None:
    with pytest.raises(strict_yaml.FileError) as caught:
        load(text)
    assert type(caught.value) is error
    assert caught.value.file == "trial.yaml"
    assert 1 <= caught.value.line <= text.count("\n") + 1


def test_every_error_of_a_file_has_a_case_here() -> None:
    of_any_file = {
        kind
        for kind in vars(strict_yaml).values()
        if isinstance(kind, type) and issubclass(kind, strict_yaml.FileError) and kind is not strict_yaml.FileError
    }
    assert {case[1] for case in REFUSED} == of_any_file | set(errors.ProgrammeError.__subclasses__())


def test_a_refused_rule_says_where_in_the_file_and_where_in_the_rule() -> None:
    with pytest.raises(errors.RuleRefused) as caught:
        load(changed("- if: household_registered", "- if: NOT houses"))
    assert caught.value.line == 21
    assert isinstance(caught.value.cause, rule_errors.UnknownAttribute)
    assert caught.value.cause.column == 5
    assert "houses" in str(caught.value)


def test_a_gap_that_the_law_has_may_be_stated() -> None:
    text = changed("from: 2020-01-01", "from: 2020-01-01\n  until: 2020-12-30")
    programme = load(text.replace("from: 2021-01-01", "from: 2021-01-01\n  after_gap: true"))
    assert programme.version_on(date(2020, 12, 30)) is programme.versions[0]
    assert programme.version_on(date(2020, 12, 31)) is None


def test_a_proposed_version_is_kept_apart_and_never_in_force() -> None:
    text = GOOD.replace(
        "- from: 2021-01-01\n  until: 2021-12-31\n  status: in_force", "- from: 2021-01-01\n  status: proposed"
    )
    programme = load(text)
    assert [v.status for v in programme.proposed] == [Status.PROPOSED]
    assert programme.version_on(date(2021, 6, 1)) is programme.versions[0]


def test_the_shipped_programmes_are_these_with_their_versions_and_proposals() -> None:
    shipped = {programme.slug: (len(programme.versions), len(programme.proposed)) for programme in PROGRAMMES}
    assert shipped == {
        "aids-allowance": (1, 0),
        "child-support-grant": (4, 1),
        "digital-wallet": (2, 1),
        "disability-allowance": (2, 1),
        "old-age-allowance": (4, 1),
        "section-33-child-allowance": (2, 0),
        "section-33-maternity": (4, 0),
        "section-33-old-age": (4, 0),
        "section-33-unemployment": (5, 0),
        "section-40-child-allowance": (2, 0),
        "section-40-sickness": (1, 0),
        "state-welfare-card": (1, 0),
        "student-loan": (2, 0),
        "universal-coverage": (1, 0),
    }
    assert list(shipped) == sorted(shipped)
    with pytest.raises(ProgrammeUnknown):
        PROGRAMMES["none"]
    assert PROGRAMMES.get("none") is None


def test_the_welfare_card_has_five_benefits_of_which_two_are_per_household() -> None:
    version = PROGRAMMES["state-welfare-card"].version_on(date(2025, 1, 1))
    assert version is not None
    assert [b.kind for b in version.benefits if b.per == "HOUSEHOLD"] == ["electricity", "water"]
    assert [b.payday for b in version.benefits] == [1, 1, 1, 18, 18]
    assert len(version.benefits) == 5


def test_the_facts_to_ask_for_on_a_day_are_those_of_the_versions_in_force() -> None:
    assert PROGRAMMES.needs_on(date(2000, 1, 1)) == ()
    assert PROGRAMMES["aids-allowance"].needs_on(date(2025, 1, 1)) != ()
    assert "aids_certified" not in PROGRAMMES.needs_on(date(2025, 1, 1)), "nobody is asked who did not apply"
    assert "annual_income" not in PROGRAMMES.needs_on(date(2020, 1, 1))
    assert "annual_income" in PROGRAMMES.needs_on(date(2025, 1, 1))


def test_a_household_fact_is_no_fact_of_a_child_and_a_tie_to_a_child_none_of_a_person() -> None:
    assert "household_income" in VOCABULARY.person
    assert "household_income" not in VOCABULARY.child
    assert "lives_with_applicant" in VOCABULARY.child
    assert "lives_with_applicant" not in VOCABULARY.person


def test_a_catalogue_that_names_a_fact_twice_is_refused(tmp_path: Path) -> None:
    shipped = (ROOT / "services/exchange/catalogue/data/attributes.yaml").read_text("utf-8")
    path = tmp_path / "attributes.yaml"
    path.write_text(shipped + shipped[shipped.index("- id: birth_date") :], "utf-8")
    with pytest.raises(strict_yaml.DuplicateKey):
        read_vocabulary(path)


def test_no_english_text_of_a_shipped_programme_holds_thai_letters() -> None:
    for programme in PROGRAMMES:
        for version in (*programme.versions, *programme.proposed):
            texts = [version.law, *version.unverified, *(b.text for b in version.benefits)]
            texts += [text for c in version.conditions for text in (c.text, c.law)]
            assert [t.en for t in texts if any("\u0e00" <= letter <= "\u0e7f" for letter in t.en)] == []
