"""E-mail by SMTP (RFC 5321): plain text, one person a letter, with the header of RFC 8058 where it can be stopped."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from identity.notices.channels import Gone, Later, Parcel, Refused

SECONDS_MAX: Final = 20.0
_PORTS: Final = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
_NOBODY_THERE: Final = frozenset({521, 550, 551, 553, 556})
"""To RCPT (RFC 5321 §4.2.3, RFC 7504): the mailbox is not there. To the letter itself they mean the letter."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are handed in: `smtps://user:password@host:465` with TLS from the start, `smtp://…:587` with
    STARTTLS, which must succeed, `smtp+plain://…:25` without, for a machine of our own."""

    host: str
    port: int
    scheme: str
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)

    @classmethod
    def of(cls, url: str) -> MailServer:
        """Raises ValueError, which does not repeat the address: a password may be in it."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if parts.scheme not in _PORTS or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("an SMTP address is written smtps://user:password@host:465")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(host, port or _PORTS[parts.scheme], parts.scheme, user, password)


class Mail:
    """Implements :class:`identity.notices.channels.Channel`. `sender` is whom letters come from."""

    def __init__(self, server: MailServer, sender: str, *, authorities: ssl.SSLContext | None = None) -> None:
        self._server, self._sender, self._authorities = server, sender, authorities

    async def send(self, parcel: Parcel) -> None:
        try:
            letter = letter_of(parcel, self._sender)
        except ValueError as error:  # an address or a title that no header holds
            raise Refused(type(error).__name__) from None
        try:
            async with self._client() as client:
                await client.send_message(letter, sender=self._sender, recipients=[parcel.address])
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _of_recipient(error.recipients[0].code) from None
        except aiosmtplib.SMTPAuthenticationError:
            raise Later("the mail server does not know us") from None
        except aiosmtplib.SMTPResponseException as error:
            said = f"SMTP {error.code}"
            raise (Refused(said) if 500 <= error.code < 600 else Later(said)) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Later(type(error).__name__) from None

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.scheme == "smtps",
            start_tls=server.scheme == "smtp",
            tls_context=self._authorities,
            timeout=SECONDS_MAX,
        )


def letter_of(parcel: Parcel, sender: str) -> EmailMessage:
    """The letter, the same each time that it is tried, but for its date."""
    letter = EmailMessage(policy=SMTP_POLICY)
    domain = Address(addr_spec=sender).domain
    letter["From"] = Address("Sitthi สิทธิ", addr_spec=sender)
    letter["To"] = Address(addr_spec=parcel.address)
    letter["Subject"] = parcel.title
    letter["Message-ID"] = f"<{parcel.id}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday is told to us
    letter["Content-Language"] = parcel.language
    if parcel.unsubscribe is not None:
        letter["List-Unsubscribe"] = f"<{parcel.unsubscribe}>"
        letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter.set_content(parcel.body + "\n", cte="base64")
    return letter


def _of_recipient(code: int) -> Gone | Refused | Later:
    said = f"SMTP {code} to the address"
    if code in _NOBODY_THERE:
        return Gone(said)
    return Refused(said) if 500 <= code < 600 else Later(said)
