"""What a citizen says of themself, read as facts. It completes what the state knows and never contradicts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from core.errors import BadInput, ServiceUnavailable
from core.text import Text
from services.apply.desk.errors import StateHolds
from services.exchange.catalogue import Attribute, Catalogue, InvalidAnswer
from services.exchange.errors import UnknownAttribute
from services.exchange.facts import Fact, FactState
from welfare.entitlements.assessment import CHILD, CITIZEN, Member
from welfare.programmes import Version

_NOT_ASKED: Final = Text(th="เรื่องนี้ไม่ได้ขอข้อมูลรายการนี้", en="this is not asked for here")
_HELD: Final = Text(
    th="รัฐมีข้อมูลรายการนี้อยู่แล้ว หากไม่ถูกต้องโปรดขอแก้ไขกับหน่วยงานเจ้าของข้อมูล",
    en="the state holds this already; if it is wrong, ask its owner to correct it",
)
_WRONG_TYPE: Final = Text(th="ค่าไม่ตรงกับชนิดของข้อมูล", en="the value is not of the attribute's type")


def with_answers(
    catalogue: Catalogue,
    version: Version,
    answers: Mapping[str, Any],
    at: datetime,
    own: Member,
    child: Member | None,
) -> tuple[Member, Member | None]:
    """The facts and the answers together. Keys are names as the rules have them, `child.` before a child's.

    Raises BadInput, with the answer's key in its path, for an answer that the version does not read, that an agency
    holds, that a fact already tells, or of a wrong type.
    """
    told: dict[str, Fact] = {}
    for name, answer in answers.items():
        where = ("answers", name)
        if name not in version.needs:
            raise BadInput(_NOT_ASKED, path=where)
        attribute = catalogue.attribute(name.removeprefix(CHILD))
        facts = child.facts if name.startswith(CHILD) and child is not None else own.facts
        held = facts.get(attribute.id)
        if attribute.steward != CITIZEN or (held is not None and held.known):
            raise BadInput(_HELD, path=where)
        told[name] = said(attribute, answer, at, path=where)
    own_facts = {name: fact for name, fact in told.items() if not name.startswith(CHILD)}
    childs = {name.removeprefix(CHILD): fact for name, fact in told.items() if name.startswith(CHILD)}
    return (
        Member(own.person, {**own.facts, **own_facts}),
        None if child is None else Member(child.person, {**child.facts, **childs}),
    )


def said(attribute: Attribute, answer: Any, at: datetime, *, path: tuple[str | int, ...]) -> Fact:
    """A fact by the citizen's own word. Raises BadInput for a value of a wrong type."""
    try:
        return Fact(attribute.id, attribute.type.accept(answer), CITIZEN, at, FactState.FRESH)
    except InvalidAnswer:
        raise BadInput(_WRONG_TYPE, path=path) from None


def askable(catalogue: Catalogue, name: str, *, path: tuple[str | int, ...]) -> Attribute:
    """Raises BadInput where the catalogue has no such attribute, or nobody may answer it."""
    try:
        return catalogue.askable(name)
    except UnknownAttribute:
        raise BadInput(Text(th="ไม่รู้จักชื่อข้อมูลนี้", en="there is no attribute of that name"), path=path) from None


def with_findings(
    catalogue: Catalogue,
    version: Version,
    findings: Mapping[str, Any],
    at: datetime,
    agency: str,
    own: Member,
    child: Member | None,
) -> tuple[Member, Member | None]:
    """The facts, and what an officer of `agency` found by evidence where nobody in the state knows it. A citizen's own
    word may be found to be wrong.

    Raises BadInput, with the finding's name in its path, for one that the version does not read or of a wrong type, and
    StateHolds for one that an agency tells; ServiceUnavailable for one that an agency may tell once it answers again.
    """
    members: dict[bool, Member | None] = {False: own, True: child}
    for name, found in findings.items():
        where = ("findings", name)
        member = members[name.startswith(CHILD)]
        if name not in version.needs or member is None:
            raise BadInput(_NOT_ASKED, path=where)
        attribute = catalogue.attribute(name.removeprefix(CHILD))
        held = member.facts.get(attribute.id)
        if held is not None and held.known and held.source != CITIZEN:
            raise StateHolds(path=where)
        if held is not None and held.is_silent:
            raise ServiceUnavailable(catalogue.agency_title(attribute.steward), path=where)
        fact = replace(said(attribute, found, at, path=where), source=agency)
        members[name.startswith(CHILD)] = Member(member.person, {**member.facts, attribute.id: fact})
    found_own = members[False]
    assert found_own is not None, "it was there"
    return found_own, members[True]
