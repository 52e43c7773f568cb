"""Standing agreements: what the platform's own work rests on is all there, and nothing else is let in by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.exchange import policy
from services.exchange.agreements.terms import Terms
from services.exchange.catalogue import CatalogueFileError
from services.exchange.catalogue.files import opened
from services.exchange.catalogue.model import BIRTH_DATE, CHILDREN
from services.exchange.catalogue.standing import AGREEMENTS, standing_agreements
from services.exchange.facts import WELFARE_DECISION
from tests.conftest import NOW
from tests.services.exchange.fakes import CATALOGUE
from welfare.programmes import load_programmes, read_vocabulary

ROOT = Path(__file__).parents[4]
GOOD = """
- id: one
  steward: dopa
  requesters: [sso]
  purposes: [agency-service]
  attributes: [birth_date]
  valid_from: 2026-01-01
  law: a law
  confidentiality: {th: ลับ, en: secret}
"""


def test_every_payer_is_told_what_its_programmes_read() -> None:
    vocabulary = read_vocabulary(ROOT / "services/exchange/catalogue/data/attributes.yaml")
    programmes = load_programmes(ROOT / "welfare/programmes/data", vocabulary)
    day = NOW.date()
    missing = []
    for programme in programmes:
        payer = programme.payer
        names = {name.removeprefix("child.") for name in programme.needs_on(day)} | {BIRTH_DATE, CHILDREN}
        held = [one for one in CATALOGUE.standing if one.requester == payer and one.holds_on(day)]
        for name in sorted(names):
            steward = CATALOGUE.attribute(name).steward
            told = steward in (payer, "citizen") or policy.agreement_for(held, steward, name, WELFARE_DECISION)
            if not told:
                missing.append((programme.slug, payer, name))
    assert missing == []


def test_a_certificate_of_illness_is_told_to_the_payer_of_its_allowance_alone() -> None:
    told = {one.requester for one in CATALOGUE.standing if "aids_certified" in one.attributes}
    assert told == {"dla"}


def test_a_good_file_makes_one_agreement_for_each_requester() -> None:
    made = read(GOOD.replace("[sso]", "[sso, nhso]"))
    assert [(one.id, one.requester, one.quota) for one in made] == [
        ("one-sso", "sso", None),
        ("one-nhso", "nhso", None),
    ]


@pytest.mark.parametrize(
    ("former", "then"),
    [
        ("[sso]", "[nhso]"),
        ("[agency-service]", "[welfare-check]"),
        ("[birth_date]", "[birth_date, name]"),
        ("2026-01-01", "2026-01-02"),
        ("law: a law", "law: another law"),
        ("law: a law", "law: a law\n  valid_until: 2027-12-31"),
        ("law: a law", "law: a law\n  quota: {per_day: 2, per_minute: 1}"),
        ("th: ลับ", "th: ลับมาก"),
        ("en: secret", "en: most secret"),
    ],
)
def test_two_states_of_the_file_are_told_apart_by_the_digest_of_the_terms(former: str, then: str) -> None:
    [before], [after] = read(GOOD), read(GOOD.replace(former, then))
    assert before.digest != after.digest
    assert before.digest == read(GOOD)[0].digest


@pytest.mark.parametrize(
    ("former", "then"),
    [
        ("steward: dopa", "steward: nobody"),
        ("[sso]", "[nobody]"),
        ("[sso]", "[dopa]"),
        ("[sso]", "[]"),
        ("[agency-service]", "[no-such]"),
        ("[birth_date]", "[annual_income]"),
        ("[birth_date]", "[no_such]"),
        ("law: a law", "law: a law\n  valid_until: 2025-12-31"),
        ("law: a law", "law: a law\n  quota: {per_day: 0, per_minute: 1}"),
        ("law: a law", "law: a law\n  more: 1"),
        ("[sso]", "[sso, sso]"),
    ],
)
def test_a_file_that_says_something_else_is_refused(former: str, then: str) -> None:
    assert read(GOOD)
    with pytest.raises(CatalogueFileError):
        read(GOOD.replace(former, then))


def read(text: str) -> tuple[Terms, ...]:
    file = opened({AGREEMENTS: text}, AGREEMENTS)
    return standing_agreements(file, CATALOGUE.attributes, CATALOGUE.agencies, CATALOGUE.purposes)
