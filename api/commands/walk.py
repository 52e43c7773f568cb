"""Walks the sign-in pages as a person without JavaScript would: follows redirects, finds the form, sends it.

For development: with the sandbox of ThaID, whoever sends its form is who they say they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final, Protocol
from urllib.parse import urljoin

import httpx2

from api.commands.code_flow import CodeFlow, SignInFailed
from core.ids import NationalId
from core.settings import Settings
from identity.provider.clients import DEMO_APP

STEPS_MAX: Final = 12
NO_LISTENER: Final = "http://127.0.0.1/callback"
"""A loopback address that the walk stops before, so nobody has to listen there."""
DEMO_SCOPE: Final = "openid profile citizen"
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class Journey(Protocol):
    """What a walk needs to know of a client: where it begins, and where it ends."""

    @property
    def address(self) -> str: ...

    @property
    def redirect_uri(self) -> str: ...


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    """Hidden and empty inputs, and the first button that has a name."""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
            self._open = True
        elif self._open and tag in ("input", "button") and "name" in given:
            self.found[-1].fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


def forms_of(html: str) -> Sequence[Form]:
    parser = _Forms()
    parser.feed(html)
    return parser.found


async def walk(http: httpx2.AsyncClient, flow: Journey, who: str | NationalId) -> str:
    """From the client's request to the address it is called back at. `who` is a persona's slug or a made-up citizen.

    `http` keeps cookies, follows no redirects. Raises :class:`SignInFailed` where a page has no form to go on with.
    """
    response = await http.get(flow.address)
    for _ in range(STEPS_MAX):
        if response.status_code in _REDIRECTS:
            location = urljoin(str(response.url), response.headers["location"])
            if location.startswith(f"{flow.redirect_uri}?"):
                return location
            response = await http.get(location)
            continue
        form = _next_form(response.text, who)
        if form is None or response.status_code >= 400:
            raise SignInFailed(reason=f"HTTP {response.status_code}")
        response = await http.post(urljoin(str(response.url), form.action), data=form.fields)
    raise SignInFailed(reason="too many steps")


async def sign_in(
    settings: Settings,
    who: str | NationalId,
    *,
    client: str = DEMO_APP,
    scope: str = DEMO_SCOPE,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> dict[str, Any]:
    """The token response for a persona or citizen of the sandbox, by the same requests a browser makes.

    Raises :class:`SignInFailed`, `httpx2.ConnectError` when no server answers at the issuer's address.
    """
    flow = CodeFlow(settings.issuer, client, scope, NO_LISTENER)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as http:
        return await flow.redeem(http, await walk(http, flow, who))


def _next_form(html: str, who: str | NationalId) -> Form | None:
    """The form a person would send: their own among the personas, the number's, or the only one there is."""
    forms = forms_of(html)
    for form in forms:
        if isinstance(who, NationalId) and "national_id" in form.fields:
            return Form(form.action, {**form.fields, "national_id": who.digits})
        if isinstance(who, str) and form.fields.get("persona") == who:
            return form
    return forms[0] if len(forms) == 1 else None
