"""The pages "Juristic persons": who directs one sees by whom it acts, appoints and ends. No JavaScript is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import StepUpRequired
from core.clock import BANGKOK, Clock
from core.database import Database
from core.errors import BadInput, NotFound, NotSignedIn, SitthiError
from core.ids import NationalId
from core.text import Text
from core.thai_dates import be_year
from identity.juristic.appointing import Wish
from identity.juristic.desk import APPOINTING, JuristicDesk, Standing, Told
from identity.juristic.models import JuristicOfficer
from identity.juristic.numbers import JuristicNumber
from identity.juristic.register import title_of
from identity.juristic.states import Status, status_of
from identity.provider.models import SignInSession
from identity.provider.routes import SESSION_COOKIE, sign_in_path
from identity.provider.sessions import SignInSessions
from identity.web import Cookies, Forms, Pages, see_other

JURISTIC: Final = "/account/juristic"
HISTORY: Final = 50
Fields = dict[str, str]
Act = Callable[[SignInSession, Fields], Awaitable[None]]

_STATUS: Final = {"NOT_FOUND": 404, "SERVICE_UNAVAILABLE": 503, "FORM_NOT_OURS": 400, "BODY_TOO_LARGE": 413}
"""Of the pages; what is not named is a refusal of what was sent."""
_WORDS: Final = {
    Status.PROPOSED: Text(th="รอกรรมการอีกคนอนุมัติ", en="waits for another director"),
    Status.OFFERED: Text(th="รอผู้ได้รับแต่งตั้งตอบรับ", en="waits for who is appointed"),
    Status.ACTIVE: Text(th="มีผลอยู่", en="holds"),
    Status.COMING: Text(th="ยังไม่ถึงวันเริ่ม", en="has yet to begin"),
    Status.ENDED: Text(th="สิ้นสุดแล้ว", en="over"),
}
_STEPS: Final = {
    "REGISTERED": Text(th="ขึ้นทะเบียน", en="entered"),
    "CHANGED": Text(th="แก้ไขทะเบียน", en="entry changed"),
    "STRUCK_OFF": Text(th="ถอนทะเบียน", en="struck off"),
    "DIRECTOR_ENTERED": Text(th="กรรมการเข้าใหม่", en="a director began"),
    "DIRECTOR_ENDED": Text(th="กรรมการพ้นตำแหน่ง", en="a director ended"),
    "APPOINTMENT_PROPOSED": Text(th="เสนอแต่งตั้ง", en="appointment proposed"),
    "APPOINTED": Text(th="แต่งตั้ง", en="appointed"),
    "ACCEPTED": Text(th="ตอบรับ", en="accepted"),
    "APPOINTMENT_ENDED": Text(th="สิ้นสุดการแต่งตั้ง", en="appointment ended"),
    "CLIENT_ADDED": Text(th="เพิ่มระบบ", en="system added"),
    "CLIENT_KEYS": Text(th="เปลี่ยนกุญแจของระบบ", en="keys of a system replaced"),
    "CLIENT_ENDED": Text(th="ยกเลิกระบบ", en="system ended"),
    "ACTED": Text(th="ดำเนินการแทน", en="acted for it"),
}
_ACTORS: Final = {
    "DIRECTOR": Text(th="กรรมการ", en="director"),
    "OFFICER": Text(th="ผู้ดำเนินการแทน", en="officer of it"),
    "AGENCY": Text(th="เจ้าหน้าที่ของหน่วยงาน", en="officer of the agency"),
    "REGISTER": Text(th="ทะเบียนกรมพัฒนาธุรกิจการค้า", en="register of companies"),
    "GONE": Text(th="ผู้ที่ออกจากระบบแล้ว", en="somebody who left"),
}
_KEYS: Final = Text(th="กุญแจต้องเป็น JWKS (RFC 7517)", en="the keys are a JWKS (RFC 7517)")
_DAY: Final = Text(th="วันที่ไม่ถูกต้อง", en="this is not a day")


@dataclass(frozen=True, slots=True)
class JuristicRoutes:
    issuer: str
    db: Database
    clock: Clock
    desk: JuristicDesk
    sessions: SignInSessions
    cookies: Cookies
    forms: Forms
    pages: Pages
    titles: Callable[[str], Text]
    """The name of an agency by its slug."""

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(JURISTIC, self.show_all, methods=["GET"], response_model=None)
        router.add_api_route(JURISTIC + "/find", self._form(self.find), methods=["POST"], response_model=None)
        router.add_api_route(JURISTIC + "/{juristic}", self.show, methods=["GET"], response_model=None)
        for path, act, is_easy in (
            ("propose", self.propose, False),
            ("approve", self.approve, False),
            ("accept", self.accept, False),
            ("end", self.end, True),
            ("systems/add", self.add_system, False),
            ("systems/keys", self.replace_keys, False),
            ("systems/end", self.end_system, True),
        ):
            whole = f"{JURISTIC}/{{juristic}}/{path}"
            router.add_api_route(whole, self._form(act, is_easy=is_easy), methods=["POST"], response_model=None)
        return router

    async def show_all(self, request: Request) -> Response:
        async with self.db.read() as session:
            who = await self._who(session, request)
            if who is None:
                return see_other(self.issuer + sign_in_path(JURISTIC))
            found = await self.desk.standings(session, who.person)
        shown = [{"id": one.row.id.hex, "title": title_of(one.row), **self._of(one)} for one in found]
        return self.pages.page(request, "juristic.html", juristic=shown, is_fresh=self._is_fresh(who), **self._proof())

    async def show(self, request: Request, juristic: str) -> Response:
        try:
            key = _key(juristic)
            async with self.db.read() as session:
                who = await self._who(session, request)
                if who is None:
                    return see_other(self.issuer + sign_in_path(f"{JURISTIC}/{key.hex}"))
                seen = await self.desk.standing(session, who.person, key)
                directors = await self.desk.directors(session, seen)
                appointments = await self.desk.appointments(session, seen)
                endings = await self.desk.endings(session, appointments)
                clients = await self.desk.clients(session, seen)
                history = await self.desk.history(session, seen, HISTORY)
        except SitthiError as error:
            return self._refused(request, error, JURISTIC)
        return self.pages.page(
            request,
            "juristic_person.html",
            id=seen.row.id.hex,
            title=title_of(seen.row),
            directors=[(name, one.person == who.person, one.signs) for one, name in directors],
            appointments=[{**self._appointment(one, seen), "ending": endings.get(one.person)} for one in appointments],
            clients=[(one.id, Text(one.name_th, one.name_en), one.jwks["keys"] if one.jwks else []) for one in clients],
            history=[self._event(one) for one in history],
            today=self.clock.today().isoformat(),
            is_fresh=self._is_fresh(who),
            **self._of(seen),
            **self._proof(seen.row.id),
        )

    async def find(self, who: SignInSession, fields: Fields) -> None:
        await self.desk.find(who.person, JuristicNumber.parse(fields.get("number", "")))

    async def propose(self, who: SignInSession, fields: Fields) -> None:
        juristic, number = _key(fields["juristic"]), NationalId.parse(fields.get("national_id", ""))
        wish = Wish(
            person=who.person,
            name=Text(th=fields.get("name_th", ""), en=fields.get("name_en", "")),
            powers=fields.get("powers", "").split(),
            until=_day(fields.get("until", "")),
            since=_day(fields["since"]) if fields.get("since") else None,
        )
        await self.desk.look(who.person, juristic)
        async with self.db.write() as session:
            await self.desk.propose(session, who.person, juristic, number, wish)

    async def approve(self, who: SignInSession, fields: Fields) -> None:
        juristic, appointment = _keys(fields)
        await self.desk.look(who.person, juristic)
        async with self.db.write() as session:
            await self.desk.appointing.approve(session, who.person, juristic, appointment)

    async def accept(self, who: SignInSession, fields: Fields) -> None:
        async with self.db.write() as session:
            await self.desk.appointing.accept(session, who.person, *_keys(fields))

    async def end(self, who: SignInSession, fields: Fields) -> None:
        juristic, appointment = _keys(fields)
        await self.desk.look_before_ending(who.person, juristic)
        async with self.db.write() as session:
            await self.desk.appointing.end(session, who.person, juristic, appointment)

    async def add_system(self, who: SignInSession, fields: Fields) -> None:
        name = Text(th=fields.get("name_th", ""), en=fields.get("name_en", ""))
        jwks = _jwks(fields)
        async with self.db.write() as session:
            await self.desk.systems.add(session, who.person, _key(fields["juristic"]), name, jwks)

    async def replace_keys(self, who: SignInSession, fields: Fields) -> None:
        jwks, juristic = _jwks(fields), _key(fields["juristic"])
        async with self.db.write() as session:
            await self.desk.systems.replace_keys(session, who.person, juristic, fields.get("client", ""), jwks)

    async def end_system(self, who: SignInSession, fields: Fields) -> None:
        juristic = _key(fields["juristic"])
        await self.desk.look_before_ending(who.person, juristic)
        async with self.db.write() as session:
            await self.desk.systems.end(session, who.person, juristic, fields.get("client", ""))

    def _form(self, act: Act, *, is_easy: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """A form of the page: one act, and back to the page. What gives somebody a right asks for a fresh proof;
        `is_easy`: to end one does not."""

        async def answer(request: Request) -> Response:
            juristic = request.path_params.get("juristic")
            here = JURISTIC
            try:
                here = JURISTIC if juristic is None else f"{JURISTIC}/{_key(juristic).hex}"
                fields = await self.forms.read(request)
                async with self.db.read() as session:
                    who = await self._who(session, request)
                if who is None:
                    raise NotSignedIn
                if not is_easy and not self._is_fresh(who):
                    raise StepUpRequired(APPOINTING)
                await act(who, {**fields, "juristic": juristic or ""})
            except SitthiError as error:
                return self._refused(request, error, here)
            return see_other(self.issuer + here)

        return answer

    def _refused(self, request: Request, error: SitthiError, here: str) -> Response:
        if isinstance(error, NotSignedIn):
            return see_other(self.issuer + sign_in_path(here))
        if isinstance(error, StepUpRequired):
            wanted = {"return": here, "acr": APPOINTING.assurance.acr}
            return see_other(f"{self.issuer}/signin?{urlencode(wanted)}")
        text = error.text.filled(**error.fields)
        again = JURISTIC if isinstance(error, NotFound) else here
        return self.pages.problem(request, text, status=_STATUS.get(error.code, 422), code=error.code, again=again)

    async def _who(self, session: AsyncSession, request: Request) -> SignInSession | None:
        return await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))

    def _is_fresh(self, who: SignInSession) -> bool:
        return APPOINTING.met_by(who.acr, who.authenticated_at, self.clock.now())

    def _proof(self, juristic: UUID | None = None) -> dict[str, Any]:
        """The way to prove anew who one is, and back to the page."""
        here = JURISTIC if juristic is None else f"{JURISTIC}/{juristic.hex}"
        return {"proof": f"/signin?{urlencode({'return': here, 'acr': APPOINTING.assurance.acr})}", "here": here}

    def _of(self, seen: Standing) -> dict[str, Any]:
        row = seen.row
        return {
            "number": row.number,
            "agency": self.titles(row.agency),
            "directs": seen.directs,
            "signs": seen.signs,
            "keeps_systems": seen.keeps_systems,
            "signatures": row.signatures,
            "as_of": None if row.looked_at is None else _day_words(row.looked_at.astimezone(BANGKOK).date()),
        }

    def _appointment(self, one: JuristicOfficer, seen: Standing) -> dict[str, Any]:
        status = status_of(self.desk.appointing, self.desk.register, one)
        is_own = one.person == seen.person
        is_other = one.proposed_by != seen.person and not is_own
        return {
            "id": one.id.hex,
            "name": self.desk.appointing.name(one),
            "powers": one.powers,
            "since": _day_words(one.starts_on),
            "until": _day_words(one.ends_on - timedelta(days=1)),
            "status": _WORDS[status],
            "is_own": is_own,
            "may_approve": status is Status.PROPOSED and seen.signs and is_other,
            "may_accept": status is Status.OFFERED and is_own,
            "may_end": status is not Status.ENDED,
        }

    def _event(self, told: Told) -> dict[str, Any]:
        at = told.event.at.astimezone(BANGKOK)
        day = _day_words(at.date())
        return {
            "iso": at.isoformat(timespec="minutes"),
            "at": Text(th=f"{day.th} {at:%H:%M} น.", en=f"{day.en} {at:%H:%M}"),
            "what": _STEPS[told.event.kind],
            "by": _ACTORS[told.actor],
            "name": told.name,
            "about": told.about,
            "note": told.event.note,
            "client": told.event.client,
        }


def _day_words(day: date) -> Text:
    return Text(th=f"{day.day}/{day.month}/{be_year(day)}", en=day.isoformat())


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise BadInput(_DAY, path=("until",)) from None


def _jwks(fields: Fields) -> dict[str, Any]:
    try:
        told = orjson.loads(fields.get("jwks", ""))
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise BadInput(_KEYS, path=("jwks",))
    return told


def _keys(fields: Fields) -> tuple[UUID, UUID]:
    return _key(fields["juristic"]), _key(fields.get("appointment", ""))


def _key(given: str) -> UUID:
    """Raises `NotFound` for what is no key at all, as for one that is nobody's."""
    try:
        return UUID(hex=given if len(given) <= 64 else "")
    except ValueError:
        raise NotFound from None
