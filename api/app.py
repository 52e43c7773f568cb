"""The application: the rooms behind HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from api import checks, credentials, fees, shares, standing
from api.acting import still_acting
from api.agency import agencies
from api.benefits import jobs_of_benefits
from api.conformance import public_reports
from api.cors import OpenToWebApps
from api.deprecations.stamping import tell_our_names
from api.errors import INTERNAL, BadRequest, as_json, status_of
from api.graphql import GraphRouter, challenge
from api.headers import UNLESS_SAID, SafeHeaders, always
from api.health import Readiness, health_router
from api.house import Doorway, House
from api.licence_page import licence_router
from api.limits import BodyLimit
from api.metrics import metrics_router
from api.pages.routes import Pages, pages_router
from api.plain_addresses import PlainAddresses
from api.privacy import declared_stores
from api.quick_apply import COUNTED, QuickApply
from api.rate_limits import RateLimits
from api.receiving import receiving_router
from api.registered import tell_workers
from api.services_applied import jobs_of_deliveries
from core.addresses import Addresses, networks
from core.assurance import StepUpRequired
from core.attestation.routes import attestation_router
from core.clock import Clock
from core.errors import NotFound, SitthiError
from core.graph import Context, Viewer
from core.ids import new_id
from core.jobs import Job, forget_old_keys, repeating
from core.log import configure
from core.rate_limits import RateLimited
from core.settings import Environment, Settings
from core.text import preferred_language
from identity.inbox.changes import Changes
from identity.notices.routes import notices_router
from identity.provider.clients import CITIZEN_SCOPE, GRAPH_AUDIENCE, seed_clients
from identity.provider.errors import ScopeMissing
from identity.provider.housekeeping import forget_ended
from identity.provider.presented import challenge as token_challenge
from identity.provider.signing import FOLLOW_EVERY
from services.apply.decisions.routes import decision_verification
from services.apply.delivery.unpaid import UnpaidFees
from services.apply.desk.declaring import Declarations
from services.apply.desk.graph import OFFICER
from services.apply.evidence.routes import evidence_router
from services.apply.evidence.service import EvidenceDesk
from services.apply.service import ApplyService
from services.apply.tasks import reconsider_waiting
from services.exchange.access_log.routes import log_router
from services.exchange.access_log.sequencer import SEQUENCED_EVERY
from services.exchange.agreements.routes import agreements_router
from services.exchange.consent.routes import receipt_verification
from services.exchange.consent.tasks import give_receipts
from services.exchange.corrections.tasks import FOLLOW_EVERY as FOLLOW_CORRECTIONS_EVERY
from services.exchange.corrections.tasks import Forgetting
from services.exchange.errors import SourceSilent
from services.exchange.evidence.routes import catalogue_router
from services.exchange.once_only.routes import questions_router
from services.exchange.privacy.records import records
from services.exchange.privacy.routes import my_data_router, open_router
from services.exchange.privacy.schema import export_schema
from services.exchange.rest.repository import forget_old_requests
from services.plugins.conformance.routes import conformance_router
from services.plugins.documents.orders import Orders
from services.plugins.documents.routes import documents_router
from services.plugins.documents.service import DocumentDesk
from services.plugins.notices.routes import changes_router
from services.plugins.routes import service_keys_router
from services.receive.credentials.batches import Batches
from services.receive.credentials.service import Credentials
from services.receive.disputes.desk import DisputeDesk
from services.receive.routes import verification
from services.receive.shares.checks.answering import Answering
from services.receive.shares.checks.asking import Asking as Checks
from services.receive.shares.service import Shares
from services.receive.standing.graph import OFFICER as ISSUING_OFFICER

if TYPE_CHECKING:
    from api.sandbox_feeds import SandboxFeeds

log = structlog.get_logger("api")


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> FastAPI:
    """The ASGI application. `sitthi serve` calls it in each worker; tests hand in settings and a clock."""
    doorway = Doorway()
    settings = settings or Settings()
    configure(settings)
    house = House(settings, clock, doorway)
    house.connections.named.must_hold()

    feeds = _feeds(house)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with house.db.write() as session:
            production = house.settings.environment is Environment.PRODUCTION
            await seed_clients(session, house.clock, production=production)
        await house.attestor.public()  # the first key is made before anybody waits for a signature
        await tell_our_names(house.db, house.clock, tell_workers)
        await house.stores.open(house.registry.plugins)
        await house.registered.follower.follow()  # what is published is in the graph before anybody asks for it
        reports = await feeds.start() if feeds is not None else []
        async with house.hosts.running(), house.identity.serving(), repeating([*jobs_of(house), *reports]):
            yield
        await house.acceptance.close()
        await house.rooms.get(Changes).close()
        await house.close()

    # No redirects to a path with or without its last slash: they are built from the Host header, which anyone may set.
    app = _Application(
        title="Sitthi", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan, redirect_slashes=False
    )
    app.state.house = house
    _add_routes(app, house)
    if house.settings.sandbox:
        from api.sandbox import mount  # noqa: PLC0415 - production never loads it

        mount(app, house)
    _answer_errors(app, secure=settings.secure)
    doorway.app = app
    app.add_middleware(PlainAddresses)
    app.add_middleware(BodyLimit)
    app.add_middleware(RateLimits, limiter=house.limiter, addresses=Addresses(networks(settings.trusted_proxies)))
    app.add_middleware(SafeHeaders, secure=settings.secure)
    app.add_middleware(OpenToWebApps)
    return app


class _Application(FastAPI):
    """With the way of floods around all middlewares. Whether an OpenTelemetry SDK watches this process is asked once:
    FastAPI asks with each request, and takes as long for it as the server for all of its protocol."""

    _is_watched: bool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        if self._is_watched is None:
            self._is_watched = self._native_telemetry.enabled()
        await (super().__call__ if self._is_watched else self._unwatched)(scope, receive, send)

    async def _unwatched(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Starlette.__call__(self, scope, receive, send)

    quick_apply: QuickApply | None = None
    """What the server's protocol (api/front.py) may hand applications to, past everything that is between."""

    def build_middleware_stack(self) -> ASGIApp:
        house: House = self.state.house
        quick = QuickApply(super().build_middleware_stack(), house=house, read=viewer_of(house))
        self.quick_apply = None if self._native_telemetry.enabled() else quick
        return quick


def _feeds(house: House) -> SandboxFeeds | None:
    """What the made-up world reports to our agencies; nothing in production."""
    if not house.settings.sandbox and house.settings.sandbox_url is None:
        return None
    from api.sandbox_feeds import SandboxFeeds  # noqa: PLC0415 - production never loads it

    return SandboxFeeds(house)


def _add_routes(app: FastAPI, house: House) -> None:
    app.include_router(GraphRouter(house.schemas, context_of(house), viewer_of(house), house.limits))
    app.include_router(house.identity.router())
    app.include_router(notices_router(house.db, house.noticing.notices))
    app.include_router(verification(house.db, house.attestor, house.catalogue.agency_title))
    app.include_router(attestation_router(house.attestor))
    app.include_router(fees.router(house))
    app.include_router(service_keys_router(house.service_keys))
    app.include_router(conformance_router(public_reports(house)))
    app.include_router(changes_router(house.db, house.settings.issuer))
    app.include_router(catalogue_router(house.published, house.settings.issuer))
    app.include_router(questions_router(house.db, house.clock))
    app.include_router(agreements_router(house.db, house.clock, house.catalogue))
    app.include_router(log_router(house.db))
    app.include_router(my_data_router(house.privacy.downloads, house.clock, who_asks(house)))
    app.include_router(documents_router(house.rooms.get(DocumentDesk), who_asks(house)))
    app.include_router(credentials.router(house))
    app.include_router(licence_router(house))
    if house.settings.own_provider:  # else nobody could get a token for it
        app.include_router(standing.router(house))
    app.include_router(shares.router(house))
    app.include_router(checks.router(house))
    app.include_router(evidence_router(house.rooms.get(EvidenceDesk), house.db, house.limiter, who_asks(house)))
    app.include_router(open_router(lambda: records(declared_stores(), house.catalogue), export_schema))
    app.include_router(receiving_router(house, who_asks(house)))
    app.include_router(
        receipt_verification(
            house.db, house.consents, house.consent_receipts, also=house.rooms.get(Answering).is_agreed
        )
    )
    app.include_router(decision_verification(house.db, house.attestor))
    app.include_router(agencies(house))
    app.include_router(health_router(Readiness(house.db, house.redis)))
    app.include_router(metrics_router(house.settings, lambda: house.runner.health))
    pages = Pages(house.settings, house.http)
    app.include_router(pages_router(pages, demo=house.settings.sandbox))


def jobs_of(house: House) -> list[Job]:
    """What a serving process repeats."""
    return [
        Job("follow the signing keys", FOLLOW_EVERY, house.identity.signing.follow),
        Job("give the access log's records their places", SEQUENCED_EVERY, house.sequencer.run),
        Job("renew the keys that attest", timedelta(hours=1), house.attestor.renew),
        Job("forget ended sign-ins", timedelta(hours=1), lambda: forget_ended(house.db, house.clock)),
        Job("forget old idempotency keys", timedelta(hours=1), lambda: forget_old_keys(house.db, house.clock)),
        Job("delete snapshots of bulk runs", timedelta(hours=1), house.gate.bulk.delete_due),
        Job("forget old requests of agencies", timedelta(hours=1), lambda: forget_old_requests(house.db, house.clock)),
        Job(
            "give receipts of consents that ended",
            timedelta(minutes=1),
            lambda: give_receipts(house.db, house.clock, house.consents),
        ),
        Job(
            "forget what was put right",
            FOLLOW_CORRECTIONS_EVERY,
            Forgetting(house.db, house.clock, house.gate).run,
        ),
        Job(
            "decide again what waited for an agency",
            timedelta(minutes=5),
            lambda: reconsider_waiting(house.rooms.get(ApplyService), house.db, house.clock),
        ),
        Job("decide what was accepted", timedelta(seconds=1), house.deciding.run),
        *house.life.jobs,
        *house.noticing.jobs,
        *house.populations.jobs,
        *jobs_of_deliveries(house.courier),
        *jobs_of_benefits(house),
        *house.registered.jobs,
        Job("check the words on which cases were opened", timedelta(hours=1), house.rooms.get(Declarations).look_back),
        Job("end disputes that nobody goes on with", timedelta(hours=1), house.rooms.get(DisputeDesk).lapse),
        Job("remind of fees, and end what nobody paid for", timedelta(hours=1), house.rooms.get(UnpaidFees).run),
        Job("ask the bank about bills", timedelta(minutes=1), house.fee_desk().ask),
        Job("make documents that are paid for", timedelta(seconds=5), house.rooms.get(Orders).make),
        Job("end orders that nobody paid for", timedelta(hours=1), house.rooms.get(Orders).expire),
        Job("delete issued documents that expired", timedelta(hours=1), house.rooms.get(DocumentDesk).expire),
        Job("make credentials in batches", timedelta(seconds=10), house.rooms.get(Batches).run),
        Job("delete ready credentials that nobody fetched", timedelta(hours=1), house.rooms.get(Batches).forget),
        Job("delete what no wallet can fetch any more", timedelta(minutes=10), house.rooms.get(Credentials).forget),
        Job("ask whom employers want to check", timedelta(seconds=10), house.rooms.get(Checks).ask),
        Job("forget checks that are over", timedelta(hours=1), house.rooms.get(Checks).forget),
        Job("forget shares that are over", timedelta(minutes=10), house.rooms.get(Shares).forget),
        Job("delete evidence that is not kept", timedelta(hours=1), house.rooms.get(EvidenceDesk).expire),
        Job("delete drafts that nobody saved again, and tell whose will go", timedelta(hours=1), house.drafts.expire),
        Job("prepare copies of people's data", timedelta(minutes=1), house.privacy.exporter.run),
        Job("erase what people asked to have erased", timedelta(minutes=5), house.privacy.eraser.run),
        Job("delete what was kept long enough", timedelta(hours=1), house.privacy.retention.run),
    ]


def who_asks(house: House) -> Callable[[Request], Awaitable[Viewer]]:
    """Reads who asks one of the citizen's own routes, by the token that the graph takes. Raises what that raises."""

    async def read(request: Request) -> Viewer:
        return await viewer_of(house, house.settings.issuer + request.url.path)(request.headers, request.method)

    return read


def viewer_of(house: House, url: str | None = None) -> Callable[[Mapping[str, str], str], Awaitable[Viewer]]:
    """Reads who asks the graph (or `url`) from the headers `Authorization` and `DPoP` of a request of that method.

    The token comes alone (RFC 6750) or with a proof of its key (RFC 9449 §7). Raises TokenExpired, TokenInvalid,
    ScopeMissing, DPoPProofInvalid, DPoPNonceNeeded; ServiceUnavailable while it cannot be told whether it still works.
    """
    address = url or house.settings.issuer + GRAPH_AUDIENCE

    async def read(headers: Mapping[str, str], method: str) -> Viewer:
        presented = await house.identity.presenting.of(headers, method=method, url=address)
        viewer = await house.identity.verifier.verify(presented.token, jkt=presented.jkt)
        if CITIZEN_SCOPE not in viewer.scopes:
            raise ScopeMissing
        return await still_acting(viewer, house.db, house.delegations)

    return read


def context_of(house: House) -> Callable[[HTTPConnection], Awaitable[Context]]:
    """Makes the context of a request: who asks, in which language."""
    read = viewer_of(house)

    async def context(connection: HTTPConnection) -> Context:
        headers, method = connection.headers, connection.scope.get("method", "GET")
        if connection.scope["type"] == "http" and house.officer_tokens.brings(headers):
            return await officers(connection)
        is_signed_in = bool(headers.get("authorization"))  # an empty header is none
        viewer = await read(headers, method) if is_signed_in else None
        is_counted = connection.scope["type"] != "http" or COUNTED in connection.scope  # on a socket, each operation is
        if viewer is not None and not is_counted:
            await house.limits.citizen(viewer)
        return made(connection, viewer)

    async def officers(connection: HTTPConnection) -> Context:
        """Of an officer, who is nobody's viewer: an officer's token opens nothing of a citizen's."""
        address, method = house.settings.issuer + GRAPH_AUDIENCE, connection.scope.get("method", "GET")
        token, officer = await house.officer_tokens.officer(connection.headers, method, address)
        await house.limits.citizen(token)
        context = made(connection, None)
        context.officer, context.memo[OFFICER], context.memo[ISSUING_OFFICER] = token, officer, officer
        return context

    def made(connection: HTTPConnection, viewer: Viewer | None) -> Context:
        return Context(
            db=house.db,
            clock=house.clock,
            rooms=house.rooms,
            viewer=viewer,
            language=preferred_language(connection.headers.get("accept-language")),
            request_id=new_id(),
        )

    return context


def _answer_errors(app: FastAPI, *, secure: bool) -> None:
    """Whatever goes wrong outside the graph has the same shape as an error inside it."""

    def answer(request: HTTPConnection, error: SitthiError, status: int | None = None) -> Response:
        language = preferred_language(request.headers.get("accept-language"))
        is_about_the_token = status_of(error) == 401 or isinstance(error, ScopeMissing)
        scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
        headers = token_challenge(error, with_proof=scheme == "dpop") if is_about_the_token else {}
        if isinstance(error, StepUpRequired):
            headers = {"WWW-Authenticate": challenge(scheme, error.demand)}
        if isinstance(error, RateLimited):
            headers["Retry-After"] = str(error.retry_after)
        if isinstance(error, SourceSilent) and error.until is not None:  # RFC 9110 s.10.2.3: an instant
            headers["Retry-After"] = format_datetime(error.until, usegmt=True)
        return JSONResponse(as_json(error, language), status or status_of(error), headers=headers)

    async def domain(connection: HTTPConnection, error: Exception) -> Response:
        assert isinstance(error, SitthiError)
        response = answer(connection, error)
        if isinstance(connection, WebSocket):  # a handshake with a bad token is answered as a request is
            await connection.send_denial_response(response)
        return response

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return answer(request, NotFound())
        return answer(request, BadRequest(what=str(error.detail)), error.status_code)

    async def validation(request: Request, _: Exception) -> Response:
        return answer(request, BadRequest(what="parameters"), 400)

    async def unexpected(request: Request, error: Exception) -> Response:
        # As it is declared: the address itself may be a secret.
        route = getattr(request.scope.get("route"), "path", None)
        log.error("unexpected", route=route, exc_info=error)
        message = INTERNAL.in_language(preferred_language(request.headers.get("accept-language")))
        body = {"errors": [{"message": message, "extensions": {"code": "INTERNAL"}}]}
        # The framework answers this one above all middleware, so it brings its headers itself.
        return JSONResponse(body, 500, {**UNLESS_SAID, **always(secure=secure)})

    app.add_exception_handler(SitthiError, domain)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(Exception, unexpected)
