"""The log's tree in public: heads, consistency and tiles, for whoever wants to keep watch over it.

Nothing here tells of anybody: a leaf is a hash with 32 random bytes in it. Tiles are named as in C2SP's tlog-tiles and
never change once they can be read, so that caches and mirrors may keep them for ever.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from core.database import Database
from core.errors import NotFound
from services.exchange.access_log.merkle import TILE_WIDTH, Tile
from services.exchange.access_log.proofs import TreeHead, TreeReader

LOG_PATH: Final = "/verify/log"
FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}
A_SECOND: Final = {"cache-control": "public, max-age=1"}
"""So often a head may be new."""
_TILE: Final = re.compile(r"(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


def log_router(database: Database) -> APIRouter:
    """`GET /verify/log/head`, `/verify/log/consistency?from=&to=`, `/verify/log/tile/<level>/<number>[.p/<width>]`."""
    router, tree = APIRouter(prefix=LOG_PATH), TreeReader(database)

    @router.get("/head")
    async def head() -> JSONResponse:
        found = await tree.head()
        if found is None:
            raise NotFound
        return JSONResponse(head_as_json(found), headers=A_SECOND)

    @router.get("/consistency")
    async def consistency(from_: Annotated[int, Query(alias="from")], to: int) -> JSONResponse:
        found = await tree.consistency(from_, to)
        told = {"from": found.first, "to": found.second, "path": [one.hex() for one in found.path]}
        return JSONResponse(told, headers=FOR_EVER)

    @router.get("/tile/{name:path}")
    async def tile(name: str) -> Response:
        asked = tile_named(name)
        if asked is None:
            raise NotFound
        hashes = await tree.tile(*asked)
        if hashes is None:
            raise NotFound
        return Response(hashes, media_type="application/octet-stream", headers=FOR_EVER)

    return router


def head_as_json(head: TreeHead) -> dict[str, object]:
    return {"size": head.size, "root": head.root.hex(), "at": head.at.isoformat(), "signed": head.signed}


def tile_named(name: str) -> tuple[Tile, int] | None:
    """The tile and its width by the name that tlog-tiles gives it, `0/x001/234.p/17`; None for any other text."""
    found = _TILE.fullmatch(name)
    if found is None:
        return None
    level, number, width = found.groups()
    if width is not None and int(width) >= TILE_WIDTH:
        return None
    tile = Tile(int(level), int(number.replace("/", "").replace("x", "")))
    return (tile, int(width) if width is not None else TILE_WIDTH) if tile_name(tile) == f"{level}/{number}" else None


def tile_name(tile: Tile) -> str:
    """`0/x001/234` for the tile 1234 of level 0."""
    digits = f"{tile.number:d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return f"{tile.level}/" + "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
