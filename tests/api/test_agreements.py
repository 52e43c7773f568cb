"""The agreements between agencies, as everybody may read them."""

from __future__ import annotations

from tests.support.app import Served


async def test_agreements_in_force_are_public_and_name_no_officer(sitthi: Served) -> None:
    answer = await sitthi.http.get("/open/agreements.json")
    told = answer.json()["agreements"]
    assert answer.status_code == 200
    assert {one["origin"] for one in told} == {"STANDING"}
    assert len(told) == len(sitthi.house.catalogue.standing)
    one = next(one for one in told if one["id"] == "student-loan-revenue-slf")
    assert [attribute["id"] for attribute in one["attributes"]] == ["annual_income"]
    assert one["requester"]["title"]["en"] == "Student Loan Fund"
    assert "proposed" not in answer.text
