"""The room that receives, put together: disputes, and what else stands beside receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from api.desk_of_applications import OfficerTies
from core.rooms import Rooms
from core.text import Text
from services.plugins.contract import Paper
from services.plugins.documents.service import DocumentDesk, Printer
from services.plugins.plugin import Plugin
from services.receive.disputes.desk import DisputeDesk
from services.receive.disputes.service import DisputeService
from services.receive.papers.authority import Authority
from services.receive.papers.laying_out import Enclosed
from services.receive.papers.press import Press
from services.receive.papers.routes import papers_router
from services.receive.papers.service import Order, Papers
from services.receive.satisfaction.figures import Published
from services.receive.satisfaction.routes import satisfaction_router
from services.receive.service import Receipts
from services.receive.standing.register import PaperRegister
from services.receive.statements.routes import WhoAsks, statements_router
from services.receive.statements.service import Statements

if TYPE_CHECKING:
    from api.house import House


def furnish(house: House, rooms: Rooms) -> None:
    """Adds what the graph, the routes and the commands of this room ask for."""
    titles = house.catalogue.agency_title
    disputes = DisputeService(house.clock, house.keys, house.inbox, titles)
    rooms.add(Receipts, house.receipts)
    rooms.add(Published, Published(house.db, house.clock))
    rooms.add(DisputeService, disputes)
    ties = rooms.get(OfficerTies)
    rooms.add(DisputeDesk, DisputeDesk(house.db, house.clock, house.gate, disputes, titles, ties))
    issuer = house.settings.issuer
    rooms.add(Authority, Authority(house.db, house.keys, house.clock, titles, issuer))
    register = PaperRegister(house.db, house.clock)
    rooms.add(PaperRegister, register)
    rooms.add(Press, Press())
    papers = Papers(house.clock, rooms.get(Authority), house.attestor, titles, issuer, register, rooms.get(Press))
    rooms.add(Papers, papers)
    rooms.get(DocumentDesk).printer, rooms.get(DocumentDesk).kept = _printer(rooms.get(Papers)), register.kept
    rooms.add(Statements, Statements(house.db, house.clock, house.keys, house.attestor, house.gate, titles, issuer))


def _printer(papers: Papers) -> Printer:
    """What a plugin answers, in the words of the room that lays papers out and signs them."""

    async def printed(plugin: Plugin, template: str, paper: Paper) -> bytes:
        enclosed = [
            Enclosed(
                one.name,
                one.media_type,
                one.relationship.value,
                f"{one.title.text.th} · {one.title.text.en}",
                one.content,
            )
            for one in paper.attachments
        ]
        return await papers.made(Order(plugin.manifest.agency.slug, paper.title.text, template, paper.data, enclosed))

    return printed


def receiving_router(house: House, who_asks: WhoAsks) -> APIRouter:
    """What anybody may read, and the citizens' own statements."""

    def titles(subject: str) -> Text:
        kind, _, slug = subject.partition(":")
        programme = house.welfare.programmes.get(slug) if kind == "programme" else None
        return Text(th=slug, en=slug) if programme is None else programme.title

    router = satisfaction_router(house.rooms.get(Published), titles)
    statements = house.rooms.get(Statements)
    router.include_router(statements_router(statements, house.attestor, house.limiter, who_asks))
    agencies = house.catalogue.agency_title
    papers, authority = house.rooms.get(Papers), house.rooms.get(Authority)
    router.include_router(papers_router(papers, authority, house.attestor, agencies))
    return router
