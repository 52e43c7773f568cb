"""`/catalogue/v1`: what the exchange knows of whom it would have to ask, for everybody. Nothing in it is of a person.

Every answer carries an `ETag` (RFC 9110 §8.8.3): who asks again with `If-None-Match` is answered 304 until it changes.
"""

from __future__ import annotations

import hashlib
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
_KEPT: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "Nothing changed since that `ETag`."}}
_MISSING: Final[dict[int | str, dict[str, Any]]] = {
    **_KEPT,
    404: {"model": ErrorShape, "description": "There is none of that id."},
}
IfNoneMatch = Annotated[str | None, Header(description="The `ETag` of an earlier answer.")]
Id = Annotated[str, Path(max_length=60)]


def catalogue_router(published: PublishedCatalogue, issuer: str) -> APIRouter:
    """To be included without a prefix. `issuer` is our own address."""
    router = APIRouter(prefix=PREFIX, tags=["catalogue"])

    @router.get("/attributes", response_model=Attributes, responses=_KEPT, summary="All attributes")
    async def attributes(if_none_match: IfNoneMatch = None) -> Response:
        return _answer(Attributes(attributes=published.attributes()), if_none_match)

    @router.get("/attributes/{id}", response_model=AttributeShape, responses=_MISSING, summary="One attribute")
    async def attribute(id: Id, if_none_match: IfNoneMatch = None) -> Response:  # noqa: A002 - as the path says it
        try:
            found = published.attribute(id)
        except UnknownAttribute:  # of a path, it is the address that is not there
            raise NotFound from None
        return _answer(found, if_none_match)

    @router.get("/requirements", response_model=RequirementList, responses=_KEPT, summary="All requirements")
    async def requirements(if_none_match: IfNoneMatch = None) -> Response:
        return _answer(RequirementList(requirements=published.requirements()), if_none_match)

    @router.get("/requirements/{id}", response_model=RequirementShape, responses=_MISSING, summary="One requirement")
    async def requirement(id: Id, if_none_match: IfNoneMatch = None) -> Response:  # noqa: A002
        return _answer(published.requirement(id), if_none_match)

    @router.get("/purposes", response_model=Purposes, responses=_KEPT, summary="All purposes")
    async def purposes(if_none_match: IfNoneMatch = None) -> Response:
        return _answer(Purposes(purposes=published.purposes()), if_none_match)

    described = orjson.dumps(
        get_openapi(
            title="Sitthi: the catalogue",
            version=_VERSION,
            openapi_version="3.1.0",
            description=_TOLD,
            routes=router.routes,
            servers=[{"url": issuer}],
        )
    )

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi(if_none_match: IfNoneMatch = None) -> Response:
        return _bytes(described, if_none_match)

    return router


def _answer(shape: Shape, if_none_match: str | None) -> Response:
    return _bytes(shape.model_dump_json(by_alias=True).encode(), if_none_match)


def _bytes(body: bytes, if_none_match: str | None) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # Kept by whoever likes, and asked about each time: whether a provider answers changes within seconds.
    headers = {"etag": tag, "cache-control": "public, no-cache"}
    if if_none_match is not None and _names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _names(if_none_match: str, tag: str) -> bool:
    """Compared weakly (RFC 9110 §13.1.2)."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in named or tag in named
