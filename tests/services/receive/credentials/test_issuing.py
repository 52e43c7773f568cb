"""Many credentials at once are what one by one they would be."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.receive.credentials import issuing
from services.receive.credentials.disclosures import DIGESTS, HASH_NAME, RESERVED, unpacked
from services.receive.credentials.issuing import Filling, Mould
from services.receive.credentials.jws import SigningKey, bare_jwk, read
from services.receive.credentials.sd_jwt import IN_THE_OPEN, SdJwt, disclosable, issue, places, present, prove
from services.receive.credentials.verifying import Asked, verify
from tests.services.receive.credentials.issuers import AGENCY, AUDIENCE, ISSUER, NONCE, NOW, VCT, WALLET, Trusted

COMMON = {"iss": ISSUER, "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 1_000, "vct": VCT}
STATUS = {"status": {"status_list": {"idx": 7, "uri": "https://sitthi.example/status/1"}}}
PATTERNS = (
    ("name",),
    ("degrees",),
    ("degrees", None),
    ("degrees", None, "title"),
    ("degrees", None, "courses"),
    ("degrees", None, "courses", None),
    ("open", "within"),
)
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['",\n,"', "\n", "=", "+/", '["x"]', "สมหญิง", "a" * 70]
)
LEAVES = TEXTS | st.integers(-5, 5) | st.booleans() | st.none() | st.lists(TEXTS, max_size=2)
COURSES = LEAVES | st.lists(st.dictionaries(st.sampled_from(["code", "grade"]), TEXTS, max_size=2) | LEAVES, max_size=3)
DEGREES = st.fixed_dictionaries({}, optional={"title": LEAVES, "courses": COURSES, "plain": LEAVES})
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "name": LEAVES,
        "degrees": LEAVES | st.lists(DEGREES | LEAVES, max_size=3) | DEGREES,
        "open": LEAVES | st.fixed_dictionaries({}, optional={"within": LEAVES, "beside": LEAVES}),
        "always": LEAVES,
    },
)


def cast(each: list[dict[str, Any]], *, decoys: int = 0, opened: dict[str, Any] = STATUS) -> list[SdJwt]:
    mould = Mould(PATTERNS, decoys=decoys)
    made = mould.cast(COMMON, [Filling(claims, opened) for claims in each], AGENCY)
    return [SdJwt.parse(one.decode("ascii")) for one in made]


@given(st.lists(CLAIMS, min_size=1, max_size=4), st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_what_a_batch_holds_is_what_each_alone_would(each: list[dict[str, Any]], decoys: int) -> None:
    for claims, made in zip(each, cast(each, decoys=decoys), strict=True):
        alone = issue({**COMMON, **STATUS, **disclosable(claims, PATTERNS)}, AGENCY, decoys=decoys)
        assert Counter(places(made).values()) == Counter(places(alone).values())
        assert digests(made) == digests(alone)
        told = verify(str(made), Trusted(), NOW, unproven=True)
        assert {name: told.claims[name] for name in claims} == claims
        present(made, [path for path in places(made).values() if path])


def digests(credential: SdJwt) -> list[int]:
    """How many stand in each object of the payload, and of what is disclosed."""
    found: list[int] = []

    def count(value: Any) -> None:
        if isinstance(value, dict):
            if DIGESTS in value:
                assert value[DIGESTS] == sorted(value[DIGESTS])
                assert {len(unpacked(one)) for one in value[DIGESTS]} <= {32}
                found.append(len(value[DIGESTS]))
            for inner in value.values():
                count(inner)
        elif isinstance(value, list):
            for inner in value:
                count(inner)

    count(read(credential.signed).payload)
    for one in credential.disclosures:
        count(orjson.loads(unpacked(one)))
    return sorted(found)


def test_each_of_a_batch_has_salts_digests_and_decoys_of_its_own() -> None:
    claims = {"name": "สมหญิง", "degrees": [{"title": "B.Sc.", "courses": [{"code": "MA101"}]}]}
    each = cast([claims] * (issuing.AT_ONCE + 3), decoys=3)
    lines = [line for one in each for line in one.disclosures]
    assert len(set(lines)) == len(lines) == 6 * len(each)
    assert len({read(one.signed).signature for one in each}) == len(each)
    told = [digest for one in each for digest in read(one.signed).payload[DIGESTS]]
    assert len(set(told)) == len(told) == 5 * len(each)


def test_decoys_of_a_batch_cannot_be_told_from_digests() -> None:
    [made] = cast([{"name": "x"}], decoys=200)
    last = Counter(digest[-1] for digest in read(made.signed).payload[DIGESTS])
    assert set(last) <= set("AEIMQUYcgkosw048"), "the last letter of 32 bytes has two bits that are nothing"


@given(TEXTS, st.text(alphabet="abc", max_size=9), st.text(alphabet="xyz", max_size=9))
@settings(deadline=None, max_examples=30)
def test_a_disclosure_tells_by_its_length_the_lengths_of_name_and_value_alone(name: str, one: str, other: str) -> None:
    assume(name not in {*COMMON, *IN_THE_OPEN, *RESERVED, HASH_NAME})
    texts = [text.ljust(9, "-") for text in (one, other)]
    made = Mould([(name,)], decoys=1).cast(COMMON, [Filling({name: text}, STATUS) for text in texts], AGENCY)
    lines = [line for each in made for line in SdJwt.parse(each.decode("ascii")).disclosures]
    assert len({len(line) for line in lines}) == 1
    for line, text in zip(lines, texts, strict=True):
        salt, told, value = orjson.loads(unpacked(line))
        assert (len(salt), told, value) == (22, name, text)


def test_people_of_whom_other_things_are_told_are_told_them_in_one_batch() -> None:
    """What is hidden of an object is kept by its names: of more kinds of them than are kept."""
    each: list[dict[str, Any]] = [{"open": {f"beside-{n % 1_500}": n, "within": n}, "name": n} for n in range(3_000)]
    for claims, made in zip(each, cast(each), strict=True):
        told = read(made.signed).payload
        assert told["open"].keys() == {*claims["open"], DIGESTS} - {"within"}
        assert len(made.disclosures) == 2


def test_a_holder_whose_key_is_known_proves_it() -> None:
    bound = {**STATUS, "cnf": {"jwk": bare_jwk(WALLET.public_jwk())}}
    [made] = cast([{"name": "สมหญิง", "always": 1}], opened=bound)
    shown = prove(present(made, [("name",)]), WALLET, audience=AUDIENCE, nonce=NONCE, at=NOW)
    told = verify(str(shown), Trusted(), NOW, asked=Asked(AUDIENCE, NONCE))
    assert told.claims["name"] == "สมหญิง"
    assert told.holder is not None


@pytest.mark.parametrize(
    "claims",
    [
        {"_sd": []}, {"...": 1}, {"_sd_alg": "sha-1"}, {"iss": "https://other.example"}, {"status": {}},
        {"degrees": [{"_sd": ["x"]}]}, {"open": {"within": 1, "...": "x"}},
    ],
)  # fmt: skip
def test_no_claim_has_a_name_that_is_the_hosts(claims: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a claim has a name"):
        cast([claims])


@pytest.mark.parametrize("pattern", [(), (None,), ("iss",), ("cnf",), ("status",)])
def test_no_pattern_hides_what_stands_in_the_open(pattern: tuple[str | None, ...]) -> None:
    with pytest.raises(ValueError, match="stands in the open"):
        Mould([pattern])


def test_signatures_whose_halves_are_short_are_written_whole() -> None:
    """Of many signatures some begin with a zero byte, and some need 33 bytes in DER."""
    key = SigningKey.fresh()
    mould = Mould(PATTERNS)
    for made in mould.cast(COMMON, [Filling({"name": n}, STATUS) for n in range(600)], key):
        read(SdJwt.parse(made.decode("ascii")).signed).verify(key.private.public_key())


def test_an_empty_batch_is_nothing() -> None:
    assert cast([]) == []
