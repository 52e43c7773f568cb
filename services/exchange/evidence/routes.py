"""`/catalogue/v1`: what the exchange knows of whom it would have to ask, for everybody. Nothing in it is of a person.

Every answer carries an `ETag` (RFC 9110 §8.8.3): who asks again with `If-None-Match` is answered 304 until it changes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Path
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response

from core.errors import NotFound
from services.exchange.errors import UnknownAttribute
from services.exchange.evidence.published import PublishedCatalogue
from services.exchange.evidence.shapes import (
    Attributes,
    AttributeShape,
    ErrorShape,
    Purposes,
    RequirementList,
    RequirementShape,
    Shape,
)

PREFIX: Final = "/catalogue/v1"
_VERSION: Final = "1"
_TOLD: Final = (
    "The attributes that the state holds, the requirements that they prove, who holds them and for which purposes they "
    "may be asked for. Public, without a token; nothing in it is of a person. docs/catalogue.md is made of the same."
)
_NOT_CHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "Nothing changed since that `ETag`."}}
_MISSING: Final[dict[int | str, dict[str, Any]]] = {
    **_NOT_CHANGED,
    404: {"model": ErrorShape, "description": "There is none of that id."},
}
IfNoneMatch = Annotated[str | None, Header(description="The `ETag` of an earlier answer.")]
Id = Annotated[str, Path(max_length=60)]
KEPT_SECONDS: Final = 1.0
"""For so long an answer is everybody's: making one takes milliseconds, and anybody may ask."""


def catalogue_router(
    published: PublishedCatalogue, issuer: str, seconds: Callable[[], float] = time.monotonic
) -> APIRouter:
    """To be included without a prefix. `issuer` is our own address, `seconds` a clock that only moves forward."""
    router, kept = APIRouter(prefix=PREFIX, tags=["catalogue"]), _Kept(seconds)

    def every_requirement() -> Shape:
        return RequirementList(requirements=published.requirements())

    @router.get("/attributes", response_model=Attributes, responses=_NOT_CHANGED, summary="All attributes")
    async def attributes(if_none_match: IfNoneMatch = None) -> Response:
        return kept.answer("attributes", lambda: Attributes(attributes=published.attributes()), if_none_match)

    @router.get("/attributes/{id}", response_model=AttributeShape, responses=_MISSING, summary="One attribute")
    async def attribute(id: Id, if_none_match: IfNoneMatch = None) -> Response:  # noqa: A002 - as the path says it
        try:
            return kept.answer(f"attributes/{id}", lambda: published.attribute(id), if_none_match)
        except UnknownAttribute:  # of a path, it is the address that is not there
            raise NotFound from None

    @router.get("/requirements", response_model=RequirementList, responses=_NOT_CHANGED, summary="All requirements")
    async def requirements(if_none_match: IfNoneMatch = None) -> Response:
        return kept.answer("requirements", every_requirement, if_none_match)

    @router.get("/requirements/{id}", response_model=RequirementShape, responses=_MISSING, summary="One requirement")
    async def requirement(id: Id, if_none_match: IfNoneMatch = None) -> Response:  # noqa: A002 - the name in the path
        return kept.answer(f"requirements/{id}", lambda: published.requirement(id), if_none_match)

    @router.get("/purposes", response_model=Purposes, responses=_NOT_CHANGED, summary="All purposes")
    async def purposes(if_none_match: IfNoneMatch = None) -> Response:
        return kept.answer("purposes", lambda: Purposes(purposes=published.purposes()), if_none_match)

    @cache  # made for whoever asks first: it takes longer than all the rest of the start
    def described() -> _Body:
        return _Body(orjson.dumps(_description(router, issuer)))

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi(if_none_match: IfNoneMatch = None) -> Response:
        return described().answer(if_none_match)

    return router


def _description(router: APIRouter, issuer: str) -> dict[str, Any]:
    return get_openapi(
        title="Sitthi: the catalogue",
        version=_VERSION,
        openapi_version="3.1.0",
        description=_TOLD,
        routes=router.routes,
        servers=[{"url": issuer}],
    )


class _Body:
    """What is answered, with its tag."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    def answer(self, if_none_match: str | None) -> Response:
        # Kept by whoever likes, and asked about each time: whether a provider answers changes within seconds.
        headers = {"etag": self._tag, "cache-control": "public, no-cache"}
        if if_none_match is not None and _names(if_none_match, self._tag):
            return Response(status_code=304, headers=headers)
        return Response(self._body, media_type="application/json", headers=headers)


class _Kept:
    """The answers of the last moment, by what they are about; there are as many as things that exist."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._bodies: dict[str, tuple[float, _Body]] = {}

    def answer(self, about: str, made: Callable[[], Shape], if_none_match: str | None) -> Response:
        now = self._seconds()
        at, body = self._bodies.get(about, (float("-inf"), None))
        if body is None or now - at >= KEPT_SECONDS:
            body = _Body(made().model_dump_json(by_alias=True).encode())
            self._bodies[about] = now, body
        return body.answer(if_none_match)


def _names(if_none_match: str, tag: str) -> bool:
    """Compared weakly (RFC 9110 §13.1.2)."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in named or tag in named
