"""The OpenAPI 3.1 description of `/agency/v1`, made from the routes and the models they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from services.exchange.rest.requests import BatchRequest, FactsRequest, Strict

VERSION: Final = "1"
_REF: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = (
    "Facts of citizens, for agencies' systems: through the gate of the exchange, under an agreement or a consent, in "
    "answers that are signed. docs/agency-facts.md explains it with examples."
)


def body_of(model: type[Strict]) -> dict[str, Any]:
    """Says of a route that it reads such a body; FastAPI cannot know, because the route reads it by itself."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def document_of(
    routes: Sequence[BaseRoute],
    issuer: str,
    *,
    title: str = "Sitthi for agencies",
    description: str = _DESCRIPTION,
    bodies: Sequence[type[Strict]] = (FactsRequest, BatchRequest),
    scope: tuple[str, str] = ("agency.facts", "ask for facts of citizens"),
    other_scopes: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """`issuer` is our own address, where the token endpoint is as well; `bodies` are what the routes read; of
    `other_scopes` a route says for itself that it needs one."""
    document = get_openapi(
        title=title,
        version=VERSION,
        openapi_version="3.1.0",
        description=description,
        routes=routes,
        servers=[{"url": issuer}],
    )
    _, read = models_json_schema([(body, "validation") for body in bodies], by_alias=True, ref_template=_REF)
    document["components"]["schemas"] |= read["$defs"]
    document["components"]["securitySchemes"] = {
        "agency": {
            "type": "oauth2",
            "description": "Client credentials with private_key_jwt, for the resource `/agency` (docs/agencies.md).",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": f"{issuer}/oauth/token",
                    "scopes": {scope[0]: scope[1], **other_scopes},
                }
            },
        }
    }
    document["security"] = [{"agency": [scope[0]]}]
    return document
