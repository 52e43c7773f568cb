"""Credentials are made, shown in part, and believed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.receive.credentials.disclosures import (
    DIGESTS,
    ELEMENT,
    HASH_NAME,
    Disclosable,
    Path,
    conceal,
    reveal,
    unpacked,
)
from services.receive.credentials.jws import read
from services.receive.credentials.sd_jwt import disclosable, issue, places, present, prove
from services.receive.credentials.verifying import Asked, verify
from tests.services.receive.credentials.issuers import (
    AGENCY,
    AUDIENCE,
    ISSUER,
    NONCE,
    NOW,
    VCT,
    WALLET,
    Trusted,
    plain,
    transcript,
)

NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name not in {DIGESTS, ELEMENT, HASH_NAME})
LEAVES = st.one_of(st.text(max_size=12), st.booleans(), st.none(), st.integers(-(2**53) + 1, 2**53 - 1))


def _inner(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.one_of(children, children.map(Disclosable))
    return st.one_of(st.lists(some, max_size=4), st.dictionaries(NAMES, some, max_size=4))


CLAIMS = st.dictionaries(
    NAMES,
    st.recursive(LEAVES, _inner, max_leaves=12).flatmap(lambda value: st.sampled_from([value, Disclosable(value)])),
)


def test_what_is_issued_says_all_that_was_put_into_it_when_everything_is_shown() -> None:
    claims = transcript()
    told = verify(str(issue(claims, AGENCY)), Trusted(), NOW, unproven=True)
    assert told.claims == plain(claims)
    assert (told.issuer, told.type, told.holder) == (ISSUER, VCT, None)


def test_the_signed_part_holds_nothing_that_can_be_hidden() -> None:
    credential = issue(transcript(), AGENCY)
    written = str(read(credential.signed).payload)
    assert not [word for word in ("สมหญิง", "Bachelor", "MA101", "at_least") if word in written]


def test_one_course_is_shown_alone_and_its_wallet_proves_itself() -> None:
    credential = issue(transcript(), AGENCY)
    shown = prove(present(credential, [("degrees", 0, "courses", 1)]), WALLET, audience=AUDIENCE, nonce=NONCE, at=NOW)
    told = verify(str(shown), Trusted(), NOW, asked=Asked(AUDIENCE, NONCE))
    assert told.claims["degrees"] == [{"title": "Bachelor of Science", "courses": [{"code": "PH102", "grade": "A"}]}]
    assert not {"given_name", "family_name"} & told.claims.keys()
    assert told.claims["gpax"] == {}
    assert told.holder is not None
    assert set(told.disclosed) == {("degrees",), ("degrees", 0), ("degrees", 0, "courses", 1)}


def test_a_range_of_the_grade_average_is_shown_alone() -> None:
    shown = present(issue(transcript(), AGENCY), [("gpax", "at_least_3_00")])
    told = verify(str(shown), Trusted(), NOW, unproven=True)
    assert told.claims["gpax"] == {"at_least_3_00": True}
    assert "degrees" not in told.claims


def test_a_path_that_leads_nowhere_cannot_be_shown() -> None:
    with pytest.raises(KeyError):
        present(issue(transcript(), AGENCY), [("salary",)])


def test_decoys_are_as_long_as_digests_and_mean_nothing() -> None:
    few, many = issue(transcript(), AGENCY), issue(transcript(), AGENCY, decoys=7)
    before, after = (read(one.signed).payload[DIGESTS] for one in (few, many))
    assert (len(after), {len(one) for one in after}) == (len(before) + 7, {43})
    assert after == sorted(after)
    told = verify(str(many), Trusted(), NOW, unproven=True)
    assert told.claims == plain(transcript())


def test_the_same_claims_are_never_issued_with_the_same_digests() -> None:
    one, other = (set(read(issue(transcript(), AGENCY).signed).payload[DIGESTS]) for _ in range(2))
    assert not one & other


def test_salts_are_all_different_however_many_there_are() -> None:
    claims = {f"claim{number}": Disclosable(1) for number in range(200)}
    _, disclosures = conceal(claims)
    salts = {orjson.loads(unpacked(one))[0] for one in disclosures}
    assert (len(salts), {len(salt) for salt in salts}) == (200, {22})


@pytest.mark.parametrize("name", [DIGESTS, ELEMENT])
def test_no_claim_has_a_name_that_the_format_needs(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a claim"):
        conceal({"degree": {name: 1}})
    with pytest.raises(ValueError, match="no name of a claim"):
        conceal({name: Disclosable(1)})
    with pytest.raises(ValueError, match="no claim"):
        conceal({HASH_NAME: "md5"})


@pytest.mark.parametrize("name", ["iss", "exp", "cnf", "vct", "status"])
def test_what_must_stand_in_the_open_is_not_hidden(name: str) -> None:
    with pytest.raises(ValueError, match="in the open"):
        issue(transcript(**{name: Disclosable("x")}), AGENCY)


def test_patterns_hide_members_and_every_element_of_an_array() -> None:
    claims = {"degrees": [{"title": "B.Sc.", "courses": [{"code": "MA101"}]}], "gpax": 3}
    patterns = [("degrees", None), ("degrees", None, "courses", None), ("degrees", None, "missing"), ("nothing",)]
    course = Disclosable({"code": "MA101"})
    assert disclosable(claims, patterns) == {
        "degrees": [Disclosable({"title": "B.Sc.", "courses": [course]})],
        "gpax": 3,
    }


@settings(deadline=None)
@given(claims=CLAIMS)
def test_whatever_is_hidden_comes_back_when_it_is_shown(claims: dict[str, Any]) -> None:
    payload, disclosures = conceal(claims, decoys=1)
    assert reveal(payload, disclosures).claims == plain(claims)


@settings(deadline=None)
@given(claims=CLAIMS, data=st.data())
def test_whatever_is_kept_back_is_absent_and_the_rest_is_as_it_was(claims: dict[str, Any], data: st.DataObject) -> None:
    payload, disclosures = conceal(claims)
    every = reveal(payload, disclosures).paths
    chosen = data.draw(st.lists(st.sampled_from(disclosures), unique=True)) if disclosures else []
    shown = [one for one in disclosures if any(every[two][: len(every[one])] == every[one] for two in chosen)]
    told = reveal(payload, shown)
    assert told.paths == {one: every[one] for one in shown}
    assert told.claims == _without(claims, {every[one] for one in disclosures if one not in shown}, ())


@settings(deadline=None)
@given(claims=CLAIMS, data=st.data())
def test_each_claim_can_be_shown_alone(claims: dict[str, Any], data: st.DataObject) -> None:
    credential = issue(claims, AGENCY)
    every = places(credential)
    for path in data.draw(st.lists(st.sampled_from(list(every.values())), max_size=2)) if every else []:
        shown = present(credential, [path])
        # it, and what it stands in
        assert {every[one] for one in shown.disclosures} == {one for one in every.values() if path[: len(one)] == one}


def _without(value: Any, hidden: set[Path], path: Path) -> Any:
    """What is left of claims when what stands in these places is taken away."""
    if isinstance(value, Disclosable):
        return _without(value.value, hidden, path)
    if isinstance(value, dict):
        return {
            name: _without(inner, hidden, (*path, name)) for name, inner in value.items() if (*path, name) not in hidden
        }
    if isinstance(value, list):
        return [_without(inner, hidden, (*path, at)) for at, inner in enumerate(value) if (*path, at) not in hidden]
    return value
