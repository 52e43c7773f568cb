"""All that people are told, in one catalogue: the rooms hand their templates in, none knows the others'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import identity.messages
import services.apply.messages
import services.exchange.messages
import services.pay.fees.messages
import services.pay.messages
import services.plugins.documents.messages
import services.plugins.records.messages
import services.receive.messages
import services.receive.shares.messages
import services.receive.standing.messages
import welfare.messages
from identity.inbox.templates import MessageTemplate, catalogue_of

MESSAGES: Final[Mapping[str, MessageTemplate]] = catalogue_of(
    room.MESSAGES
    for room in (
        identity.messages,
        services.apply.messages,
        services.exchange.messages,
        services.pay.messages,
        services.pay.fees.messages,
        services.plugins.documents.messages,
        services.plugins.records.messages,
        services.receive.messages,
        services.receive.shares.messages,
        services.receive.standing.messages,
        welfare.messages,
    )
)


def messages_page() -> str:
    """`docs/messages.md`: every message as it reads, for whoever judges the words."""
    lines = [
        "# What people are told",
        "",
        "Made from the rooms' `messages.toml` by `sitthi reference`. A message is sent with the words of its day, in",
        "both languages; `{places}` are filled then. How it reaches people: [inbox.md](inbox.md).",
        "",
    ]
    for key in sorted(MESSAGES):
        template = MESSAGES[key]
        lines += [f"## {key}", "", f"`{template.about.value}`", ""]
        for title, body in ((template.title.th, template.body.th), (template.title.en, template.body.en)):
            lines += [f"> **{title}** " + " ".join(body.split("\n")), ">"]
        lines[-1] = ""
    return "\n".join(lines).rstrip() + "\n"
