"""What a citizen chooses of a credential is shown, with what stands in it, and nothing else can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from core.assurance import Aal, Assurance, Demand, Ial
from core.errors import BadInput
from core.text import Text
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.needs import Offered
from services.receive.credentials.sd_jwt import SdJwt
from services.receive.credentials.types import type_of
from services.receive.shares.choosing import choices_of, chosen, pointer_of, rows_of, titles_as_json, titles_of_json
from services.receive.shares.claims import Presentable, shown_to, signed_for_share
from tests.services.receive.credentials.issuers import Trusted
from tests.services.receive.credentials.office import CLAIMS, NAME, manifest_of

SPEC: Final = manifest_of().credentials[NAME]
NOW: Final = datetime(2026, 11, 16, 8, tzinfo=UTC)
ISSUER: Final = "https://sitthi.example"
AGENCY: Final = SigningKey.fresh()
POINTERS: Final = ("/courses", "/courses/0", "/courses/1", "/gpax_at_least_3_00")


def test_choices_have_titles_and_values_where_they_have_no_parts() -> None:
    found = {one.pointer: one for one in choices_of(CLAIMS, SPEC)}
    assert found["/courses"].value is None
    assert found["/courses/1"].value == {"code": "PH102", "grade": "B"}
    assert found["/courses/1"].title == Text(th="วิชา", en="Course")
    assert [one.pointer for one in found.values() if one.always] == ["/institution"]


@pytest.mark.parametrize("pointers", [[], ["/courses/2"], ["/institution"], ["courses"], ["/courses/1/grade"], [""]])
def test_what_cannot_be_chosen_is_refused(pointers: list[str]) -> None:
    with pytest.raises(BadInput):
        chosen(choices_of(CLAIMS, SPEC), pointers)


@pytest.mark.parametrize(("path", "pointer"), [(("a/b", 0), "/a~1b/0"), (("~", "x"), "/~0/x"), ((), "")])
def test_pointers_are_written_as_rfc_6901_has_it(path: tuple[str | int, ...], pointer: str) -> None:
    assert pointer_of(path) == pointer


def test_rows_say_what_is_shown_for_a_person() -> None:
    titles = titles_of_json(titles_as_json(SPEC))
    shown = {"institution": "ก", "courses": [{"code": "PH102", "grade": "B"}], "gpax_at_least_3_00": True, "iss": "x"}
    assert [value for _, value in rows_of({"institution": None}, titles)] == ["–"]
    assert [(title.en, value) for title, value in rows_of(shown, titles)] == [
        ("Institution", "ก"), ("Course", "PH102 · B"), ("Average of 3.00 or more", "✓"),
    ]  # fmt: skip


class Keys(IssuerKeys):
    """Of one agency, in no database."""

    def __init__(self) -> None:
        self.base = f"{ISSUER}/issuers/"

    def key(self, issuer: str, kid: str | None, at: datetime | None) -> ec.EllipticCurvePublicKey:
        return Trusted(AGENCY, issuer=self.issuer_of("mhesi")).key(issuer, kid, at)


def presentable(pointers: list[str], claims: dict[str, Any] = CLAIMS) -> Presentable:
    demand = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_1))
    offered = Offered("degrees", "mhesi", Text(th="ก", en="a"), NAME, SPEC, demand)
    return signed_for_share(
        claims,
        offered,
        pointers,
        issuer=Keys().issuer_of("mhesi"),
        kept=type_of(offered, Keys()),
        key=AGENCY,
        status={"idx": 1, "uri": f"{ISSUER}/issuers/mhesi/status/1"},
        now=NOW,
        until=NOW + timedelta(days=7),
    )


@given(st.sets(st.sampled_from(POINTERS), min_size=1))
def test_what_was_not_chosen_is_in_nothing_that_is_kept(pointers: set[str]) -> None:
    kept = Presentable.of_json(presentable(sorted(pointers)).as_json())
    shown = shown_to(kept, Keys(), issuer=ISSUER, verifier="ก", nonce="nonce-0001", now=NOW)
    told = shown.told.claims
    courses = [one["code"] for one in told.get("courses", [])]
    wanted = [code for place, code in enumerate(("MA101", "PH102")) if {"/courses", f"/courses/{place}"} & pointers]
    assert courses == wanted
    assert ("gpax_at_least_3_00" in told) == ("/gpax_at_least_3_00" in pointers)
    assert ("courses" in told) == any(one.startswith("/courses") for one in pointers)
    assert told["institution"] == CLAIMS["institution"]
    assert SdJwt.parse(shown.text).disclosures == kept.sd_jwt.disclosures
    assert shown.told.holder is not None
    assert told["vct#integrity"].startswith("sha256-")
