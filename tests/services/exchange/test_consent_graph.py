"""Consents as a citizen's app sees them, and who may agree in another's place (PDPA 2562 s.20)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from core.clock import BANGKOK
from core.text import Language
from identity.delegation.models import Kind
from services.exchange.consent.receipts import RECEIPT_TYPE
from services.exchange.facts import FactState
from tests.services.exchange.consenting import ATTRIBUTES, SCREENING, WORDS, Citizen
from tests.services.exchange.fakes import Exchange
from tests.services.exchange.graphing import EVERYTHING, Asking

pytestmark = pytest.mark.fakeredis_only

CONSENT = "consent { id status givenAs textVersion expiresAt attributes { id } receipts { event jws } }"
TERMS = """
query T($attributes: [String!]) { consentTerms {
  textVersion text days active { id status } renewable missing(attributes: $attributes) { id }
  versions { version since sha256 textTh textEn text }
} }
"""
ALL: dict[str, Any] = {"purpose": SCREENING.id, "textVersion": WORDS}


@pytest.fixture
def ask(exchange: Exchange) -> Asking:
    return Asking(exchange)


async def terms(ask: Asking, who: str | None = "mother", **given: Any) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = (await ask(TERMS, who, **given))["consentTerms"]
    return found


def names(attributes: list[dict[str, Any]]) -> set[str]:
    return {one["id"] for one in attributes}


async def test_the_terms_say_what_the_viewer_would_still_have_to_agree_to(ask: Asking) -> None:
    assert names((await terms(ask))["missing"]) == set(ATTRIBUTES)
    granted = await ask.do("grantConsent", CONSENT, attributes=["name", "birth_date"], **ALL)
    told = await terms(ask)
    assert told["active"] == {"id": granted["consent"]["id"], "status": "ACTIVE"}
    assert names(told["missing"]) == {"annual_income", "nationality"}
    assert (await terms(ask, attributes=["name"]))["missing"] == [], "who asks for a part need not ask the citizen"
    assert names((await terms(ask, attributes=["name", "annual_income"]))["missing"]) == {"annual_income"}
    assert told["renewable"] is False


async def test_the_terms_of_who_is_signed_out_or_has_no_consent_name_none(ask: Asking) -> None:
    await ask.do("grantConsent", CONSENT, **ALL)
    for who in (None, "lodger"):
        told = await terms(ask, who)
        assert (told["active"], told["renewable"]) == (None, False)
        assert names(told["missing"]) == set(ATTRIBUTES)


async def test_a_consent_that_ends_soon_is_offered_for_renewal(exchange: Exchange, ask: Asking) -> None:
    first = (await ask.do("grantConsent", CONSENT, **ALL))["consent"]
    exchange.clock.advance(timedelta(days=340))
    told = await terms(ask)
    assert (told["renewable"], told["missing"]) == (True, [])
    second = (await ask.do("grantConsent", CONSENT, **ALL))["consent"]
    assert second["id"] != first["id"]
    assert (await terms(ask))["renewable"] is False


async def test_every_version_of_the_words_can_be_read_in_both_languages(ask: Asking) -> None:
    [version] = (await terms(ask))["versions"]
    assert (version["version"], version["since"]) == (WORDS, "2026-01-01")
    assert "ข้าพเจ้ายินยอม" in version["textTh"]
    assert version["text"] == version["textEn"]
    [thai] = (await ask(TERMS, language=Language.TH))["consentTerms"][0]["versions"]
    assert thai["text"] == version["textTh"]


async def test_the_words_that_were_agreed_to_and_the_receipts_stand_with_the_consent(ask: Asking) -> None:
    granted = (await ask.do("grantConsent", CONSENT + " consent { words { version textTh sha256 } }", **ALL))["consent"]
    assert granted["words"]["version"] == WORDS
    [receipt] = granted["receipts"]
    said = await ask.consents.attestor.verify(receipt["jws"], typ=RECEIPT_TYPE)
    assert (said["event"], said["words"]["sha256"]) == ("GRANTED", granted["words"]["sha256"])
    gone = await ask.do("withdrawConsent", CONSENT, consent=granted["id"])
    assert [one["event"] for one in gone["consent"]["receipts"]] == ["GRANTED", "WITHDRAWN"]


async def test_part_of_a_consent_is_withdrawn(ask: Asking) -> None:
    granted = (await ask.do("grantConsent", CONSENT, **ALL))["consent"]
    rest = await ask.do("withdrawConsent", CONSENT, consent=granted["id"], attributes=["annual_income"])
    assert names(rest["consent"]["attributes"]) == set(ATTRIBUTES) - {"annual_income"}
    assert rest["consent"]["status"] == "ACTIVE"
    wrong = await ask.do("withdrawConsent", CONSENT, consent=granted["id"], attributes=["annual_income"])
    assert wrong == {"consent": None, "problems": [{"code": "BAD_INPUT", "path": ["attributes"]}]}


# Minors. Today is 16 November 2026.

COMES_OF_AGE = date(2006, 11, 26)
"""Born on that day, one is a minor for ten days more."""


@pytest.fixture
async def child(exchange: Exchange) -> str:
    await exchange.person("child", birth_date=COMES_OF_AGE, nationality="thai")
    return "child"


async def test_a_parent_agrees_for_a_minor_until_the_day_of_majority(
    exchange: Exchange, ask: Asking, child: str
) -> None:
    alone = await ask.do("grantConsent", CONSENT, child, **ALL)
    assert [one["code"] for one in alone["problems"]] == ["CONSENT_NEEDS_PARENT"]
    parent = await ask.delegated(child, "mother")
    granted = (await ask.do("grantConsent", CONSENT, child, acting=parent, **ALL))["consent"]
    assert (granted["status"], granted["givenAs"]) == ("ACTIVE", "PARENT")
    majority = datetime(2026, 11, 26, tzinfo=BANGKOK)
    assert datetime.fromisoformat(granted["expiresAt"]) == majority
    citizen = Citizen(exchange, child)
    exchange.clock.set(majority - timedelta(seconds=1))
    assert (await citizen.asked_by_agency("nationality"))["nationality"].state is FactState.FRESH
    assert (await terms(ask, child))["renewable"] is False, "nobody renews what ends with minority"
    exchange.clock.set(majority)
    assert (await citizen.asked_by_agency("nationality"))["nationality"].state is FactState.DENIED
    own = (await ask.do("grantConsent", CONSENT, child, **ALL))["consent"]
    assert (own["status"], own["givenAs"]) == ("ACTIVE", "SELF")


async def test_from_the_day_of_majority_no_parent_agrees(exchange: Exchange, ask: Asking, child: str) -> None:
    parent = await ask.delegated(child, "mother")  # one that, by some mistake, ends too late
    exchange.clock.set(datetime(2026, 11, 26, tzinfo=BANGKOK))
    told = await ask.do("grantConsent", CONSENT, child, acting=parent, **ALL)
    assert told == {"consent": None, "problems": [{"code": "NOT_DELEGATED", "path": []}]}


async def test_a_long_consent_of_a_parent_ends_as_any_other(exchange: Exchange, ask: Asking) -> None:
    parent = await ask.delegated("younger", "mother")
    granted = (await ask.do("grantConsent", CONSENT, "younger", acting=parent, **ALL))["consent"]
    assert datetime.fromisoformat(granted["expiresAt"]) == exchange.clock.now() + timedelta(days=365)


@pytest.mark.parametrize("who", ["child", "parent"])
async def test_the_minor_and_the_parent_may_both_withdraw_it(
    exchange: Exchange, ask: Asking, child: str, who: str
) -> None:
    parent = await ask.delegated(child, "mother")
    granted = (await ask.do("grantConsent", CONSENT, child, acting=parent, **ALL))["consent"]
    acting = parent if who == "parent" else None
    gone = await ask.do("withdrawConsent", CONSENT, child, acting=acting, consent=granted["id"])
    assert gone["consent"]["status"] == "WITHDRAWN"
    [row] = await Citizen(exchange, child).all()
    assert row.given_by == exchange.keys["mother"]
    assert row.withdrawn_by == (exchange.keys["mother"] if who == "parent" else None)


@pytest.mark.parametrize("scopes", [EVERYTHING - {"CONSENT"}, frozenset({"VIEW"})])
async def test_a_parent_without_the_scope_agrees_to_nothing_and_withdraws_nothing(
    ask: Asking, child: str, scopes: frozenset[str]
) -> None:
    granted = (await ask.do(
        "grantConsent", CONSENT, child, acting=await ask.delegated(child, "mother"), **ALL
    ))["consent"]  # fmt: skip
    parent = await ask.delegated(child, "lodger", scopes=scopes)
    told = await ask.do("grantConsent", CONSENT, child, acting=parent, **ALL)
    assert [one["code"] for one in told["problems"]] == ["NOT_DELEGATED"]
    told = await ask.do("withdrawConsent", CONSENT, child, acting=parent, consent=granted["id"])
    assert [one["code"] for one in told["problems"]] == ["NOT_DELEGATED"]
    [found] = (await ask("{ consentTerms { active { id } } }", child, acting=parent))["consentTerms"]
    assert found["active"] is None


async def test_a_carer_agrees_to_nothing_whatever_the_delegation_says(ask: Asking) -> None:
    carer = await ask.delegated("lodger", "mother", Kind.CARER)
    told = await ask.do("grantConsent", CONSENT, "lodger", acting=carer, **ALL)
    assert [one["code"] for one in told["problems"]] == ["NOT_DELEGATED"]


async def test_for_who_has_a_guardian_the_guardian_agrees(ask: Asking) -> None:
    guardian = await ask.delegated("lodger", "mother", Kind.GUARDIAN, until=date(2027, 1, 1))
    alone = await ask.do("grantConsent", CONSENT, "lodger", **ALL)
    assert [one["code"] for one in alone["problems"]] == ["CONSENT_NEEDS_GUARDIAN"]
    granted = (await ask.do("grantConsent", CONSENT, "lodger", acting=guardian, **ALL))["consent"]
    assert (granted["status"], granted["givenAs"]) == ("ACTIVE", "GUARDIAN")
    gone = await ask.do("withdrawConsent", CONSENT, "lodger", consent=granted["id"])
    assert gone["consent"]["status"] == "WITHDRAWN", "who is under guardianship may still take it back"


async def test_while_nobody_can_say_how_old_the_person_is_nobody_agrees(exchange: Exchange, ask: Asking) -> None:
    parent = await ask.delegated("younger", "mother")
    exchange.dopa.breaks()
    for acting in (None, parent):
        told = await ask.do("grantConsent", CONSENT, "younger", acting=acting, **ALL)
        assert [one["code"] for one in told["problems"]] == ["SERVICE_UNAVAILABLE"]
    exchange.dopa.broken = None
    granted = (await ask.do("grantConsent", CONSENT, "younger", acting=parent, **ALL))["consent"]
    exchange.dopa.breaks()
    gone = await ask.do("withdrawConsent", CONSENT, "younger", consent=granted["id"])
    assert gone["consent"]["status"] == "WITHDRAWN", "to take it back, nobody has to be reached"
