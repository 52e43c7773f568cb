"""A restriction and an objection work at once; the person still sees their own, and it is in the log."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.text import Text
from services.exchange import policy
from services.exchange.facts import Asker, AskerKind, Basis, FactState, Purpose
from services.exchange.privacy.bars import StoppedUses
from services.exchange.privacy.stopping import read, stopping
from tests.laws.cases import PURPOSE, person_of
from tests.services.exchange.privacy.world import ME, STATEMENT, WHO, done
from tests.support.app import Served

LOAN = Purpose(PURPOSE, Basis.CONSENT, Text(th="ก", en="a"))
SLF = Asker(kind=AskerKind.SYSTEM, id="slf", agency="slf", label=Text(th="กยศ.", en="SLF"))
GIVEN = {"ground": "ACCURACY", "statement": STATEMENT, "purpose": PURPOSE}


async def barred(sitthi: Served, person: UUID, purpose: str, basis: Basis = Basis.PUBLIC_TASK) -> str | None:
    async with sitthi.house.db.read() as session:
        asked = Purpose(purpose, basis, Text(th="ก", en="a"))
        return (await StoppedUses().barred(session, [person], asked)).get(person)


async def test_what_is_restricted_is_not_told_to_others_and_the_owner_still_sees_it(sitthi: Served) -> None:
    person = await person_of(sitthi, "graduate")
    words = (await sitthi.graph("{ consentTerms { purpose { id } textVersion } }", persona="graduate"))["consentTerms"]
    version = next(one["textVersion"] for one in words if one["purpose"]["id"] == PURPOSE)
    await done(sitthi, "grantConsent", "consent { id }", "graduate", purpose=PURPOSE, textVersion=version)
    told = await sitthi.house.gate.facts(person, ["birth_date"], asker=SLF, purpose=LOAN)
    assert told["birth_date"].state is FactState.FRESH
    made = await done(sitthi, "restrictUse", "request { id status }", "graduate", **GIVEN)
    assert made["request"]["status"] == "ACTIVE"
    fact = (await sitthi.house.gate.facts(person, ["birth_date"], asker=SLF, purpose=LOAN))["birth_date"]
    assert (fact.state, fact.value, fact.reason) == (FactState.DENIED, None, policy.RESTRICTED)
    own = await sitthi.graph(ME, persona="graduate")
    assert own["viewer"]["profile"]["birthDate"]["value"]
    log = await sitthi.graph("{ viewer { accessLog { nodes { decision reason } } } }", persona="graduate")
    assert {"decision": "DENIED", "reason": "RESTRICTED"} in log["viewer"]["accessLog"]["nodes"]
    await done(sitthi, "liftRestriction", "request { status }", "graduate", request=made["request"]["id"])
    told = await sitthi.house.gate.facts(person, ["birth_date"], asker=SLF, purpose=LOAN)
    assert told["birth_date"].state is FactState.FRESH


async def test_an_objection_stops_the_purpose_it_names_and_no_other(sitthi: Served) -> None:
    person = await person_of(sitthi, WHO)
    given_ = {"ground": "PUBLIC_TASK", "statement": "ไม่ต้องการ", "purpose": "welfare-check"}
    await done(sitthi, "objectToUse", "request { id }", WHO, **given_)
    assert await barred(sitthi, person, "welfare-check") == policy.OBJECTED
    assert await barred(sitthi, person, PURPOSE) is None


async def test_without_a_purpose_all_that_can_be_stopped_is(sitthi: Served) -> None:
    person = await person_of(sitthi, WHO)
    await done(sitthi, "restrictUse", "request { purpose }", WHO, ground="UNLAWFUL", statement="")
    for name, entry in stopping().items():
        expected = policy.RESTRICTED if entry.restriction and not entry.own else None
        assert await barred(sitthi, person, name) == expected, name
    assert await barred(sitthi, person, "a-purpose-nobody-thought-of") == policy.RESTRICTED


async def test_a_restriction_weighs_more_than_an_objection(sitthi: Served) -> None:
    person = await person_of(sitthi, WHO)
    await done(sitthi, "objectToUse", "request { id }", WHO, ground="RESEARCH", statement="", purpose=PURPOSE)
    await done(sitthi, "restrictUse", "request { id }", WHO, **GIVEN)
    assert await barred(sitthi, person, PURPOSE, Basis.CONSENT) == policy.RESTRICTED


@pytest.mark.parametrize(
    ("field", "given_", "code"),
    [
        ("objectToUse", {"ground": "PUBLIC_TASK", "purpose": "payment"}, "OBJECTION_NOT_POSSIBLE"),
        ("objectToUse", {"ground": "PUBLIC_TASK", "purpose": "own-view"}, "OBJECTION_NOT_POSSIBLE"),
        ("restrictUse", {"ground": "CLAIMS", "purpose": "welfare-decision"}, "RESTRICTION_NOT_POSSIBLE"),
        ("restrictUse", {"ground": "CLAIMS", "purpose": "no-such-purpose"}, "UNKNOWN_PURPOSE"),
        ("restrictUse", {"ground": "CLAIMS", "purpose": "1112034563562"}, "UNKNOWN_PURPOSE"),
        ("restrictUse", {"ground": "CLAIMS", "statement": "ก" * 2_001}, "BAD_INPUT"),
    ],
)
async def test_what_the_law_does_not_let_one_stop_is_refused_with_its_reason(
    sitthi: Served, field: str, given_: dict[str, str], code: str
) -> None:
    payload = await sitthi.do(field, "request { id }", WHO, **{"statement": "", **given_})
    assert [one["code"] for one in payload["problems"]] == [code]
    assert "1112034563562" not in payload["problems"][0]["message"]


async def test_lifting_twice_says_that_it_is_over(sitthi: Served) -> None:
    made = await done(sitthi, "restrictUse", "request { id }", WHO, **GIVEN)
    await done(sitthi, "liftRestriction", "request { id }", WHO, request=made["request"]["id"])
    again = await sitthi.do("liftRestriction", "request { id }", WHO, request=made["request"]["id"])
    assert [one["code"] for one in again["problems"]] == ["PRIVACY_REQUEST_STATE"]
    await done(sitthi, "restrictUse", "request { id }", WHO, **GIVEN)


async def test_another_person_is_not_concerned(sitthi: Served) -> None:
    await done(sitthi, "restrictUse", "request { id }", WHO, **GIVEN)
    assert await barred(sitthi, await person_of(sitthi, "graduate"), PURPOSE, Basis.CONSENT) is None


ENTRY = "- purpose: a\n  own: false\n  law:\n    th: ก\n    en: a\n"


@pytest.mark.parametrize(
    "text", [ENTRY + ENTRY, "- purpose: a\n  own: false\n", "- purpose: A b\n  own: true\n", "- x: 1\n"]
)
def test_a_file_of_purposes_that_is_not_right_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        read(text)
