"""Disclosures after RFC 9901: what is committed to, what is shown, and what is taken for neither."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attestation.errors import AttestationInvalid
from services.apply.decisions import proof

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc_", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.text("abcdefgh_", min_size=1, max_size=8).filter(lambda name: name not in ("_sd", "facts", "child", "salt"))
records = st.dictionaries(names, values, max_size=6)


def claims_of(record: dict[str, Any], reasons: Any = ()) -> dict[str, Any]:
    return {"_sd_alg": "sha-256", "_sd": proof.digests(proof.disclosures(record, list(reasons)).values())}


def test_a_digest_is_that_of_the_standards_example() -> None:
    """RFC 9901 §4.2.3: the digest is over the base64url text of the disclosure, not over what it holds."""
    disclosure = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert proof.digests([disclosure]) == ["uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"]
    committed = {"_sd_alg": "sha-256", "_sd": proof.digests([disclosure])}
    assert proof.disclosed(committed, [disclosure]) == {"family_name": "Möbius"}


@given(record=records)
def test_what_is_disclosed_is_what_the_record_says(record: dict[str, Any]) -> None:
    secured = {**record, "salt": proof.new_secret()}
    told = proof.disclosures(secured, [])
    assert proof.disclosed(claims_of(secured), list(told.values())) == {**record, "reasons": []}
    assert proof.uncommitted(secured, [], claims_of(secured)) == []


@given(record=records, other=values)
def test_a_member_that_was_changed_is_named(record: dict[str, Any], other: Any) -> None:
    secured = {"changed": 1, **record, "salt": proof.new_secret()}
    claims = claims_of(secured)
    if proof.canonical(other) != proof.canonical(secured["changed"]):
        assert proof.uncommitted({**secured, "changed": other}, [], claims) == ["changed"]


def test_facts_are_told_one_by_one_and_salts_tell_nothing_of_each_other() -> None:
    record: dict[str, Any] = {
        "facts": {"income": {"value": 1}, "born": {"value": 1}},
        "child": None,
        "salt": proof.new_secret(),
    }
    told = proof.disclosures(record, [])
    assert set(told) == {"facts.income", "facts.born", "child", "reasons"}
    salts = {orjson.loads(base64.urlsafe_b64decode(one + "==="))[0] for one in told.values()}
    assert len(salts) == len(told)
    assert all(len(base64.urlsafe_b64decode(salt + "=")) == hashlib.sha256().digest_size for salt in salts)
    assert record["salt"] not in str(told)


def test_two_decisions_on_the_same_facts_have_nothing_in_common() -> None:
    one, two = ({"facts": {"deceased": False}, "salt": proof.new_secret()} for _ in range(2))
    assert not set(claims_of(one)["_sd"]) & set(claims_of(two)["_sd"])


@pytest.mark.parametrize(
    "document", ["a~b", "a~b~key.binding.jwt", "~".join(["a", *["b"] * 600, ""])], ids=["cut", "binding", "many"]
)
def test_what_is_no_presentation_is_refused(document: str) -> None:
    with pytest.raises(AttestationInvalid):
        proof.parted(document)


@pytest.mark.parametrize("content", [["salt", "a"], ["salt", 1, 2], [1, "a", 2], {"a": 1}, "text", ["s", "jti", "x"]])
def test_a_disclosure_of_another_form_is_refused_even_if_it_is_committed_to(content: Any) -> None:
    disclosure = base64.urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")
    committed = {"_sd_alg": "sha-256", "_sd": proof.digests([disclosure]), "jti": "1"}
    with pytest.raises(AttestationInvalid):
        proof.disclosed(committed, [disclosure])


@pytest.mark.parametrize(
    "claims", [{}, {"_sd": []}, {"_sd": "text", "_sd_alg": "sha-256"}, {"_sd_alg": "md5", "_sd": []}]
)
def test_claims_that_commit_to_nothing_disclose_nothing(claims: dict[str, Any]) -> None:
    with pytest.raises(AttestationInvalid):
        proof.disclosed(claims, ["WyJzIiwgImEiLCAxXQ"])
