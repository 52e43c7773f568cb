"""A citizen asks for a paper: the house lays it out, signs it for the agency, and verifies it for others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.paper import font_families
from tests.api.test_issue_document import download, issue, issued, kept
from tests.services.plugins.documents.office import Office
from tests.support import programs
from tests.support.app import Served

TEMPLATE = """#let said = json(bytes(sys.inputs.data))
#let host = json(bytes(sys.inputs.host))
#set document(title: host.title.th)
#set text(font: host.fonts)
#said.words
"""
PAPER: dict[str, Any] = {
    "template": "letter",
    "name": "letter.pdf",
    "title": {"th": "หนังสือ", "en": "A letter"},
    "data": {"words": "หนังสือรับรอง"},
    "attachments": [
        {
            "name": "letter.xml",
            "mediaType": "application/xml",
            "relationship": "source",
            "title": {"th": "ข้อมูล", "en": "What it says"},
            "content": "PGEvPg==",
        }
    ],
}


@pytest.fixture
def office(sitthi: Served) -> Office:
    if not font_families():
        programs.absent("no Thai font: script/setup fetches one")
    made = Office(says=PAPER)
    sitthi.house.registry.add(replace(made.plugin(), templates={"letter": TEMPLATE, "broken": "#undefined"}))
    return made


async def test_the_paper_that_a_citizen_takes_away_is_verified_by_whoever_is_shown_it(
    sitthi: Served, office: Office
) -> None:
    document = await issued(sitthi)
    assert (document["name"], document["mediaType"], document["title"]) == ("letter.pdf", "application/pdf", "A letter")
    paper = (await download(sitthi, document["url"])).content
    told = await sitthi.http.post("/verify/", content=paper, headers={"content-type": "application/pdf"})
    assert told.status_code == 200, told.text
    assert (told.json()["valid"], told.json()["agency"]) == (True, "oic")
    page = await sitthi.http.post("/verify/", files={"file": ("a.pdf", paper + b"\n", "application/pdf")})
    assert page.status_code == 422
    assert "PAPER_ADDED_TO" in page.text


async def test_a_file_larger_than_other_requests_may_be_is_verified_too(sitthi: Served) -> None:
    large = b"%PDF-".ljust(1_000_000, b" ")
    told = await sitthi.http.post("/verify/", content=large, headers={"content-type": "application/pdf"})
    assert told.status_code == 422
    assert told.json()["errors"][0]["extensions"]["code"] == "PAPER_NOT_SIGNED"


@pytest.mark.parametrize("template", ["other", "broken"])
async def test_of_a_template_that_is_not_there_or_fails_nothing_is_kept(
    sitthi: Served, office: Office, template: str
) -> None:
    office.says = PAPER | {"template": template}
    payload = await issue(sitthi)
    assert payload["document"] is None
    assert [problem["code"] for problem in payload["problems"]] == ["SERVICE_UNAVAILABLE"]
    assert await kept(sitthi) == (0, 0)
