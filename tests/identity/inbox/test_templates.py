"""A file of messages is judged when it is read; what does not fit a template is not sent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from core.ids import NationalId
from core.money import Money
from core.text import Text
from identity.inbox.templates import (
    BODY_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    MessageTemplate,
    Place,
    TemplateFault,
    catalogue_of,
    read_templates,
)
from identity.notices.topics import NoticeTopic
from tests.identity.people_of_tests import PEOPLE

GOOD = """
["pay.test-sent"]
about = "PAYMENTS"
places = { amount = "money", title = "text", on = "day", parts = "number", label = "word" }
title.th = "เงินเข้า {amount} บาท"
title.en = "Paid {amount} baht"
body.th = "{title} วันที่ {on} {parts} งวด {label}"
body.en = "{title} on {on} in {parts} parts {label}"
"""
VALUES: dict[str, Any] = {
    "amount": Money.baht(1_234, 50),
    "title": Text(th="เบี้ย", en="Allowance"),
    "on": date(2026, 11, 10),
    "parts": 3,
    "label": "x",
}


def template(document: str = GOOD) -> MessageTemplate:
    [found] = read_templates(document, "test/messages.toml").values()
    return found


def test_a_template_is_read_with_the_kinds_of_its_places() -> None:
    found = template()
    assert (found.id, found.about) == ("pay.test-sent", NoticeTopic.PAYMENTS)
    assert found.places["amount"] is Place.MONEY
    title, body = found.filled(VALUES)
    assert title == Text(th="เงินเข้า 1,234.50 บาท", en="Paid 1,234.50 baht")
    assert body == Text(th="เบี้ย วันที่ 2026-11-10 3 งวด x", en="Allowance on 2026-11-10 in 3 parts x")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ('["pay.test-sent"]', '["Pay.sent"]', "a key is written"),
        ('["pay.test-sent"]', "[pay.sent]", "a key is written"),
        ('"PAYMENTS"', '"MONEY"', "about is one of"),
        ('about = "PAYMENTS"', "", "about is one of"),
        ('about = "PAYMENTS"', 'about = "PAYMENTS"\nicon = "x"', "nothing else"),
        ('title.en = "Paid {amount} baht"', "", "title is said in th and in en"),
        ('title.en = "Paid {amount} baht"', 'title.en = "Paid {amount} baht"\ntitle.fr = "x"', "title is said"),
        ('title.en = "Paid {amount} baht"', "title.en = 1", "title.en says nothing"),
        ('title.en = "Paid {amount} baht"', 'title.en = "  "', "title.en says nothing"),
        ('title.en = "Paid {amount} baht"', 'title.en = "เงิน {amount}"', "title.en is written in another language"),
        ('title.th = "เงินเข้า {amount} บาท"', 'title.th = "Paid {amount}"', "title.th is written in another"),
        ('title.en = "Paid {amount} baht"', 'title.en = "Paid {parts} baht"', "other places in Thai"),
        ('title.en = "Paid {amount} baht"', 'title.en = "Paid {amount baht"', "bracket too many"),
        ('title.en = "Paid {amount} baht"', 'title.en = "Paid {amount.satang}"', "no name"),
        ('title.en = "Paid {amount} baht"', 'title.en = "Paid {amount:>9}"', "no name"),
        ('title.en = "Paid {amount} baht"', 'title.en = "Paid {amount!r}"', "no name"),
        ('title.en = "Paid {amount} baht"', 'title.en = "Paid {}"', "no name"),
        ("Paid {amount} baht", "{amount}" + "x" * (TITLE_LENGTH_MAX + 1), "81 letters"),
        (" parts {label}", "{label}" + "x" * BODY_LENGTH_MAX, "letters, and 600"),
        ('amount = "money", ', "", "places names what stands"),
        ('amount = "money"', 'amount = "money", more = "text"', "places names what stands"),
        ('amount = "money"', 'amount = "float"', "a place is one of"),
        ("places = {", 'places = "x" # {', "places names what stands"),
    ],
)
def test_the_first_flaw_is_said_with_its_file_and_key(was: str, now: str, said: str) -> None:
    assert GOOD.count(was) == 1
    with pytest.raises(TemplateFault, match=said) as refused:
        template(GOOD.replace(was, now))
    assert str(refused.value).startswith("test/messages.toml: ")


@pytest.mark.parametrize("length", [TITLE_LENGTH_MAX, TITLE_LENGTH_MAX + 1])
def test_a_title_has_as_many_letters_as_a_telephone_shows(length: int) -> None:
    document = GOOD.replace("Paid {amount} baht", "x" * length + "{amount}")
    if length > TITLE_LENGTH_MAX:
        with pytest.raises(TemplateFault):
            template(document)
    else:
        assert template(document).title.en.startswith("xxx")


@pytest.mark.parametrize("document", ["x", GOOD + GOOD, 'a = "b"', "a = 1\na = 2"])
def test_what_is_no_file_of_messages_is_refused(document: str) -> None:
    with pytest.raises(TemplateFault):
        read_templates(document, "test/messages.toml")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("amount", 700),
        ("title", "one language"),
        ("on", "2026-11-10"),
        ("on", datetime(2026, 11, 10, tzinfo=UTC)),
        ("parts", True),
        ("parts", 1.5),
        ("label", NationalId(PEOPLE["elder"].national_id)),
        ("label", None),
        ("label", Text(th="x", en="x")),
    ],
)
def test_a_place_takes_what_it_says_it_does(place: str, value: object) -> None:
    with pytest.raises(ValueError, match=place) as refused:
        template().filled({**VALUES, place: value})
    assert PEOPLE["elder"].national_id not in str(refused.value)


def test_every_place_is_filled_and_nothing_else_is_given() -> None:
    with pytest.raises(ValueError, match="is filled with"):
        template().filled({name: value for name, value in VALUES.items() if name != "on"})
    with pytest.raises(ValueError, match="is filled with"):
        template().filled({**VALUES, "more": 1})


def test_two_rooms_never_share_a_key() -> None:
    one = read_templates(GOOD, "one")
    assert set(catalogue_of([one, one])) == {"pay.test-sent"}
    with pytest.raises(TemplateFault, match="two rooms have it"):
        catalogue_of([one, read_templates(GOOD, "two")])
