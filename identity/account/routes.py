"""The page "Security": passkeys, sessions and an end to them. It works without JavaScript, but for adding a passkey."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import BANGKOK, Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound, SitthiError
from core.text import Text
from core.thai_dates import be_year
from identity.passkeys.models import Passkey
from identity.passkeys.repository import PasskeyRows
from identity.passkeys.routes import script_address
from identity.passkeys.service import Passkeys
from identity.provider.devices import device_of, shown
from identity.provider.models import SignInSession
from identity.provider.routes import SESSION_COOKIE, sign_in_path
from identity.provider.sessions import SessionNames, SignInSessions
from identity.sessions.alerts import METHODS
from identity.sessions.repository import Apps, WhereSignedIn, by_session
from identity.sessions.service import SignIns
from identity.upstream.routes import CONTINUE_COOKIE
from identity.web import Cookies, Forms, Pages, local_path, see_other

SECURITY: Final = "/account/security"

Act = Callable[[AsyncSession, SignInSession, dict[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AccountRoutes:
    issuer: str
    db: Database
    clock: Clock
    keys: KeyRing
    passkeys: Passkeys
    sessions: SignInSessions
    sign_ins: SignIns
    cookies: Cookies
    forms: Forms
    pages: Pages

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(SECURITY, self.show, methods=["GET"], response_model=None)
        for path, act in (
            ("/account/passkeys/rename", self.rename_passkey),
            ("/account/passkeys/remove", self.remove_passkey),
            ("/account/sessions/end", self.end_session),
            ("/account/sessions/end-others", self.end_others),
            ("/account/sessions/end-all", self.end_all),
        ):
            router.add_api_route(path, self._form(act), methods=["POST"], response_model=None)
        return router

    async def show(self, request: Request) -> Response:
        async with self.db.read() as session:
            who = await self._who(session, request)
            if who is None:
                return see_other(self.issuer + sign_in_path(SECURITY))
            places = WhereSignedIn(session, who.person)
            found = await places.sessions(self.clock.now())
            apps = by_session(await places.apps(self.clock.now()))
            passkeys = await PasskeyRows(session).of(who.person)
        if not self.sessions.is_touched_lately(who):
            async with self.db.write() as session:
                await self.sessions.touch(session, who)
        return self._page(request, who, passkeys, [self._session(one, who, apps) for one in found])

    async def rename_passkey(self, session: AsyncSession, who: SignInSession, fields: dict[str, str]) -> None:
        await self.passkeys.rename(session, who.person, _key(fields), fields.get("label", ""))

    async def remove_passkey(self, session: AsyncSession, who: SignInSession, fields: dict[str, str]) -> None:
        await self.passkeys.remove(session, who.person, _key(fields))

    async def end_session(self, session: AsyncSession, who: SignInSession, fields: dict[str, str]) -> None:
        await self.sign_ins.end(session, who.person, _key(fields))

    async def end_others(self, session: AsyncSession, who: SignInSession, _fields: dict[str, str]) -> None:
        await self.sign_ins.end_all(session, who.person, but=who.id)

    async def end_all(self, session: AsyncSession, who: SignInSession, _fields: dict[str, str]) -> None:
        await self.sign_ins.end_all(session, who.person)

    def _form(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """A form of the page: one act, one transaction, and back to the page; or out, if the session ended by it."""

        async def answer(request: Request) -> Response:
            try:
                fields = await self.forms.read(request)
                async with self.db.write() as session:
                    who = await self._who(session, request)
                    if who is None:
                        return see_other(self.issuer + sign_in_path(SECURITY))
                    await act(session, who, fields)
                    is_still_in = await self._who(session, request) is not None
            except SitthiError as error:
                status = 404 if isinstance(error, NotFound) else 400
                text = error.text.filled(**error.fields)
                return self.pages.problem(request, text, status=status, code=error.code, again=SECURITY)
            if is_still_in:
                return see_other(self.issuer + SECURITY)
            response = self.pages.page(request, "sign_out.html", done=True)
            self.cookies.clear(response, SESSION_COOKIE)
            return response

        return answer

    async def _who(self, session: AsyncSession, request: Request) -> SignInSession | None:
        return await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))

    def _page(
        self, request: Request, who: SignInSession, passkeys: Sequence[Passkey], sessions: list[dict[str, Any]]
    ) -> Response:
        going_on = self.cookies.read(request, CONTINUE_COOKIE)
        return self.pages.page(
            request,
            "security.html",
            script=script_address(self.issuer),
            name=SessionNames(self.keys).open(who.name_sealed, who.id),
            passkeys=[_passkey(one) for one in passkeys],
            may_enrol=self.passkeys.is_fresh(who),
            device=shown(device_of(request.headers.get("user-agent"))).th,
            sessions=sessions,
            # It is a cookie: anything may stand in it.
            continue_to=None if going_on is None or not passkeys else local_path(going_on),
        )

    def _session(self, one: SignInSession, this: SignInSession, apps: Apps) -> dict[str, Any]:
        held = {client.id: Text(client.name_th, client.name_en) for _, client in apps.get(one.id, ())}
        return {
            "id": one.id.hex,
            "device": shown(one.device),
            "method": METHODS[one.method],
            "signed_in_at": _when(one.signed_in_at),
            "last_used_at": _when(one.last_used_at),
            "is_this": one.id == this.id,
            "has_expired": one.expires_at <= self.clock.now(),
            "apps": list(held.values()),
        }


def _passkey(one: Passkey) -> dict[str, Any]:
    return {
        "id": one.id.hex,
        "label": one.label,
        "synced": one.synced,
        "created_at": _when(one.created_at),
        "last_used_at": None if one.last_used_at is None else _when(one.last_used_at),
    }


def _when(at: datetime) -> dict[str, str]:
    """An instant for people: Bangkok's clock; Buddhist era in Thai, Common Era in English."""
    local = at.astimezone(BANGKOK)
    day, clock = f"{local.day}/{local.month}", f"{local:%H:%M}"
    th, en = f"{day}/{be_year(local.date())} {clock} น.", f"{local:%Y-%m-%d %H:%M}"
    return {"iso": local.isoformat(timespec="minutes"), "th": th, "en": en}


def _key(fields: dict[str, str]) -> UUID:
    """Raises :class:`NotFound` for what is no key at all, as for one that is nobody's."""
    given = fields.get("id", "")
    try:
        return UUID(hex=given if len(given) <= 64 else "")
    except ValueError:
        raise NotFound from None
