"""E-mail, handed to a real server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from identity.notices.channels import Gone, Later, NotSent, Parcel, Refused
from identity.notices.mail import Mail, MailServer
from tests.identity.notices.outside import MailBox, authority

SENDER = "notices@sitthi.example"
LETTER = Parcel(
    "0" * 31 + "7",
    "anna@example.com",
    "มีข้อความใหม่ถึงคุณ",
    "เปิดแอปเพื่ออ่าน\nhttps://sitthi.example/",
    "th",
    urgent=False,
    unsubscribe="https://sitthi.example/notices/stop/x",
)


def mail(box: MailBox) -> Mail:
    return Mail(MailServer.of(box.url), SENDER)


async def test_a_letter_arrives_with_the_headers_that_stop_it(mail_box: MailBox) -> None:
    await mail(mail_box).send(LETTER)
    [letter] = mail_box.letters
    assert letter["Subject"] == "มีข้อความใหม่ถึงคุณ"
    assert letter["To"] == "anna@example.com"
    assert letter["Message-ID"] == f"<{LETTER.id}@sitthi.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe"] == "<https://sitthi.example/notices/stop/x>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter.get_content().strip().splitlines() == ["เปิดแอปเพื่ออ่าน", "https://sitthi.example/"]


async def test_a_letter_that_cannot_be_stopped_does_not_say_that_it_can(mail_box: MailBox) -> None:
    await mail(mail_box).send(Parcel("7", "anna@example.com", "x", "y", "en", urgent=True))
    assert mail_box.letters[0]["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("said", "means"),
    [("550 no such user", Gone), ("551 gone away", Gone), ("552 full", Refused), ("450 busy", Later)],
)
async def test_what_the_server_says_of_the_address(mail_box: MailBox, said: str, means: type[NotSent]) -> None:
    mail_box.to_recipient = said
    with pytest.raises(NotSent) as failed:
        await mail(mail_box).send(LETTER)
    assert type(failed.value) is means
    assert "anna" not in str(failed.value)


@pytest.mark.parametrize(("said", "means"), [("550 spam", Refused), ("451 greylisted", Later)])
async def test_what_the_server_says_of_the_letter(mail_box: MailBox, said: str, means: type[NotSent]) -> None:
    mail_box.to_letter = said
    with pytest.raises(NotSent) as failed:
        await mail(mail_box).send(LETTER)
    assert type(failed.value) is means


@pytest.mark.parametrize(
    "wrong",
    [{"address": "=?utf-8?q?a?=@example.com"}, {"title": "One\r\nBcc: ben@example.com"}, {"title": "One\u2028two"}],
    ids=str,
)
async def test_what_no_letter_can_say_is_refused_and_nothing_is_handed_in(
    mail_box: MailBox, wrong: dict[str, str]
) -> None:
    with pytest.raises(Refused):
        await mail(mail_box).send(replace(LETTER, **wrong))  # type: ignore[arg-type]  # of texts alone
    assert mail_box.letters == []


async def test_a_server_that_is_not_there_is_asked_later() -> None:
    with pytest.raises(Later):
        await Mail(MailServer.of("smtp+plain://127.0.0.1:9"), SENDER).send(LETTER)


async def test_without_the_tls_that_was_asked_for_nothing_is_handed_in(mail_box: MailBox) -> None:
    for scheme in ("smtp", "smtps"):
        with pytest.raises(Later):
            await Mail(MailServer.of(mail_box.url.replace("smtp+plain", scheme)), SENDER).send(LETTER)
    assert mail_box.letters == []


@pytest.mark.parametrize(("scheme", "at_once"), [("smtp", False), ("smtps", True)])
async def test_a_letter_goes_under_tls_to_a_server_whose_authority_vouches_for_its_name(
    scheme: str, at_once: bool
) -> None:
    server, believing = authority("localhost")
    async with MailBox(server, at_once) as box:
        await Mail(MailServer.of(box.at(scheme)), SENDER, authorities=believing).send(LETTER)
        assert box.encrypted == [True]
        assert box.letters[0]["To"] == "anna@example.com"


@pytest.mark.parametrize(("scheme", "at_once"), [("smtp", False), ("smtps", True)])
@pytest.mark.parametrize("flaw", ["another name", "another authority", "no authority of ours"])
async def test_nothing_is_handed_to_a_server_that_is_not_whom_it_says(scheme: str, at_once: bool, flaw: str) -> None:
    server, believing = authority("mail.example" if flaw == "another name" else "localhost")
    if flaw == "another authority":
        _, believing = authority("localhost")
    async with MailBox(server, at_once) as box:
        trusting = None if flaw == "no authority of ours" else believing
        with pytest.raises(Later) as failed:
            await Mail(MailServer.of(box.at(scheme)), SENDER, authorities=trusting).send(LETTER)
        assert box.letters == []
    assert "anna" not in str(failed.value)


async def test_who_strips_starttls_from_what_the_server_offers_gets_nothing() -> None:
    _, believing = authority("localhost")
    async with MailBox() as box:  # it offers none, as somebody in between would have it look
        with pytest.raises(Later):
            await Mail(MailServer.of(box.at("smtp")), SENDER, authorities=believing).send(LETTER)
        assert box.letters == []


def test_an_address_is_read_whole_and_its_password_is_never_shown() -> None:
    server = MailServer.of("smtps://us:p%40ss@mail.example")
    assert (server.host, server.port, server.user, server.password) == ("mail.example", 465, "us", "p@ss")
    assert "p@ss" not in repr(server)
    with pytest.raises(ValueError, match="smtps://") as refused:
        MailServer.of("https://us:secret@mail.example")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "smtps://", "smtps://host:x", "smtps://host/path", "smtps://host?q", "mail.example"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP address"):
        MailServer.of(url)
