"""Entering clients: what a program says of itself is checked here, once, by the names of RFC 7591 §2.

Who may enter which is the callers' business: two officers of an agency for its systems (identity/proposals), the
command line for a client of the sandbox.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.errors import BadInput, NotFound
from core.jose import NotVerified
from core.text import Text
from identity.provider.client_keys import ALGORITHMS, public_key, thumbprint_of
from identity.provider.clients import CITIZEN_SCOPE, EXCHANGE_GRANT, GRAPH_AUDIENCE
from identity.provider.endings import Endings
from identity.provider.models import Client
from identity.provider.redirects import check_registrable

AGENCY_RESOURCE: Final = "/agency"
INGEST_SCOPE: Final = "agency.ingest"
AGENCY_SCOPES: Final[Mapping[str, Text]] = {
    "agency.facts": Text(
        th="ขอข้อมูลของประชาชนตามอำนาจหน้าที่", en="ask for facts of citizens, on the agency's legal basis"
    ),
    "agency.services": Text(th="ลงทะเบียนและให้บริการของหน่วยงาน", en="register and serve the agency's services"),
    INGEST_SCOPE: Text(th="ส่งข้อมูลเข้าบริการของหน่วยงาน", en="send records to the agency's services"),
}
APP_SCOPES: Final = frozenset({"openid", "profile", CITIZEN_SCOPE, "offline_access"})
MACHINE: Final = "client_credentials"
MACHINE_TOKEN_SECONDS: Final = 600
KEYS_MAX: Final = 5
NAME_LENGTH_MAX: Final = 100
ADDRESSES_MAX: Final = 10
TOKEN_SECONDS_MAX: Final = 3_600
REFRESH_SECONDS_MAX: Final = 90 * 24 * 3_600

_MEMBERS: Final = {"EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x"), "RSA": ("kty", "n", "e")}
_KID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_JWKS_BYTES_MAX: Final = 16_384


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """What a client is to be; the fields are those of :class:`identity.provider.models.Client`."""

    name: Text
    scopes: Sequence[str]
    resources: Sequence[str]
    grant_types: Sequence[str]
    auth_method: str = "none"
    jwks: Mapping[str, Any] | None = None
    redirect_uris: Sequence[str] = ()
    post_logout_redirect_uris: Sequence[str] = ()
    loopback: bool = False
    fapi: bool = False
    dpop_bound: bool = False
    token_seconds: int = 600
    refresh_seconds: int = 0
    agency: str | None = None
    juristic: UUID | None = None


def machine_client(agency: str, name: Text, jwks: Mapping[str, Any], scopes: Sequence[str]) -> ClientSpec:
    """An agency's own system, which asks in nobody's name (RFC 6749 §4.4) and proves itself with a key."""
    return ClientSpec(
        name=name,
        scopes=tuple(scopes),
        resources=(AGENCY_RESOURCE,),
        grant_types=(MACHINE,),
        auth_method="private_key_jwt",
        jwks=jwks,
        token_seconds=MACHINE_TOKEN_SECONDS,
        agency=agency,
    )


def juristic_client(juristic: UUID, name: Text, jwks: Mapping[str, Any]) -> ClientSpec:
    """A juristic person's own system. Its token says of no agency, so it opens nothing but what asks for an officer of
    the juristic person beside it."""
    return ClientSpec(
        name=name,
        scopes=(INGEST_SCOPE,),
        resources=(AGENCY_RESOURCE,),
        grant_types=(MACHINE,),
        auth_method="private_key_jwt",
        jwks=jwks,
        token_seconds=MACHINE_TOKEN_SECONDS,
        juristic=juristic,
    )


def app_client(
    name: Text,
    redirect_uris: Sequence[str],
    *,
    loopback: bool = False,
    scopes: Sequence[str] = ("openid", "profile", CITIZEN_SCOPE),
    post_logout_redirect_uris: Sequence[str] = (),
    dpop_bound: bool = False,
    refresh_seconds: int = 0,
    fapi_keys: Mapping[str, Any] | None = None,
) -> ClientSpec:
    """An app of citizens, who may use it for whom they act for, too. `loopback`: called back on this machine, any port.

    Public, with PKCE and no secret; with `fapi_keys` one that has a server and is held to FAPI 2.0.
    """
    grants = ("authorization_code", "refresh_token") if refresh_seconds else ("authorization_code",)
    return ClientSpec(
        name=name,
        scopes=tuple(scopes),
        resources=(GRAPH_AUDIENCE,),
        grant_types=(*grants, EXCHANGE_GRANT) if CITIZEN_SCOPE in scopes else grants,
        auth_method="none" if fapi_keys is None else "private_key_jwt",
        jwks=fapi_keys,
        redirect_uris=tuple(redirect_uris),
        post_logout_redirect_uris=tuple(post_logout_redirect_uris),
        loopback=loopback,
        fapi=fapi_keys is not None,
        dpop_bound=dpop_bound or fapi_keys is not None,
        refresh_seconds=refresh_seconds,
    )


def checked(spec: ClientSpec, *, development: bool = False) -> ClientSpec:
    """The same, with its keys reduced to their public members.

    `development` lets an app be called back by http on the developer's machine, which FAPI never does. Raises
    :class:`BadInput`, at the path of what is wrong.
    """
    development = development and not spec.fapi
    is_machine = tuple(spec.grant_types) == (MACHINE,)
    _check_name(spec.name)
    _check_scopes(spec.scopes, AGENCY_SCOPES if is_machine else APP_SCOPES)
    jwks = None if spec.jwks is None else public_keys(spec.jwks)
    if spec.resources != ((AGENCY_RESOURCE,) if is_machine else (GRAPH_AUDIENCE,)):
        raise _wrong("resources", _RESOURCES)
    if is_machine:
        has_one_owner = (spec.agency is None) is not (spec.juristic is None)
        if spec.auth_method != "private_key_jwt" or not has_one_owner or spec.redirect_uris or spec.loopback:
            raise _wrong("grant_types", _MACHINE_FORM)
    elif not set(spec.grant_types) <= {"authorization_code", "refresh_token", EXCHANGE_GRANT} or (
        "authorization_code" not in spec.grant_types
    ):
        raise _wrong("grant_types", _GRANTS)
    elif not spec.redirect_uris and not spec.loopback:
        raise _wrong("redirect_uris", _NO_ADDRESS)
    if (spec.auth_method == "private_key_jwt") is not (jwks is not None):
        raise _wrong("jwks", _KEYS_NEEDED)
    if spec.auth_method not in ("none", "private_key_jwt") or (spec.fapi and spec.auth_method == "none"):
        raise _wrong("token_endpoint_auth_method", _METHOD)
    if spec.fapi and (spec.loopback or not spec.dpop_bound):
        raise _wrong("fapi", _FAPI_FORM)
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        _check_addresses(name, getattr(spec, name), public=spec.auth_method == "none", development=development)
    if not 60 <= spec.token_seconds <= TOKEN_SECONDS_MAX:
        raise _wrong("token_seconds", _SECONDS)
    if not 0 <= spec.refresh_seconds <= REFRESH_SECONDS_MAX or (
        bool(spec.refresh_seconds) is not ("refresh_token" in spec.grant_types)
    ):
        raise _wrong("refresh_seconds", _SECONDS)
    return ClientSpec(**{**{name: getattr(spec, name) for name in ClientSpec.__slots__}, "jwks": jwks})


def public_keys(jwks: object) -> dict[str, Any]:
    """A client's key set (RFC 7517) as it is stored: 1 to 5 public signing keys, each with a `kid` of its own.

    EC on P-256, Ed25519, or RSA of 2,048 to 4,096 bits. Raises :class:`BadInput`, also for a key with private parts:
    that one is no secret any more, so it must not be used.
    """
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_MAX or len(json.dumps(keys)) > _JWKS_BYTES_MAX:
        raise _wrong("jwks", _KEY_SET)
    found: dict[str, dict[str, Any]] = {}
    prints = set()
    for document in keys:
        algorithm = _algorithm_of(document)
        kid = document.get("kid")
        if not isinstance(kid, str) or not _KID.fullmatch(kid) or kid in found:
            raise _wrong("jwks", _KID_NEEDED)
        members = {name: document[name] for name in _MEMBERS[document["kty"]]}
        print_ = thumbprint_of(members)
        if print_ in prints:
            raise _wrong("jwks", _KID_NEEDED)
        prints.add(print_)
        found[kid] = {**members, "kid": kid, "use": "sig", "alg": algorithm}
    return {"keys": list(found.values())}


async def register_client(
    session: AsyncSession,
    spec: ClientSpec,
    *,
    created_by: str,
    clock: Clock,
    prefix: str | None = None,
    development: bool = False,
) -> str:
    """Enters a client and answers its id, `<prefix>-<8 characters>`; the prefix is the agency's slug, or `app`.

    Raises :class:`BadInput`.
    """
    good = checked(spec, development=development)
    key = f"{prefix or good.agency or 'app'}-{_suffix()}"
    session.add(
        Client(
            id=key,
            name_th=good.name.th.strip(),
            name_en=good.name.en.strip(),
            auth_method=good.auth_method,
            jwks=dict(good.jwks) if good.jwks is not None else None,
            fapi=good.fapi,
            dpop_bound=good.dpop_bound,
            grant_types=list(good.grant_types),
            redirect_uris=list(good.redirect_uris),
            post_logout_redirect_uris=list(good.post_logout_redirect_uris),
            loopback=good.loopback,
            scopes=list(good.scopes),
            resources=list(good.resources),
            token_seconds=good.token_seconds,
            refresh_seconds=good.refresh_seconds,
            agency=good.agency,
            juristic=good.juristic,
            created_by=created_by,
            updated_at=clock.now(),
        )
    )
    await session.flush()
    return key


async def replace_keys(session: AsyncSession, client: str, jwks: object, *, agency: str | None, clock: Clock) -> None:
    """A client's key set becomes this one, whole: name the old key beside the new one until all use the new.

    Raises :class:`NotFound` for a client that is not this agency's, has no keys or was ended; :class:`BadInput`.
    """
    keys = public_keys(jwks)
    changed = await session.scalar(
        update(Client)
        .where(
            col(Client.id) == client,
            col(Client.agency) == agency if agency is not None else col(Client.agency).is_(None),
            col(Client.auth_method) == "private_key_jwt",
            col(Client.ended_at).is_(None),
        )
        .values(jwks=keys, updated_at=clock.now())
        .returning(col(Client.id))
    )
    if changed is None:
        raise NotFound


async def end_client(session: AsyncSession, client: str, *, agency: str | None, clock: Clock) -> None:
    """The client gets nothing any more, and none of its tokens works. Raises :class:`NotFound` as above."""
    row = await session.get(Client, client, with_for_update=True, populate_existing=True)
    if row is None or row.agency != agency or not await Endings(clock).end_client(session, client):
        raise NotFound


async def clients_of(session: AsyncSession, agency: str) -> Sequence[Client]:
    """An agency's clients, those that were ended too."""
    query = select(Client).where(col(Client.agency) == agency).order_by(col(Client.id))
    return (await session.scalars(query)).all()


async def all_clients(session: AsyncSession) -> Sequence[Client]:
    """Every client there is or was."""
    return (await session.scalars(select(Client).order_by(col(Client.id)))).all()


def _check_name(name: Text) -> None:
    for said in (name.th, name.en):
        if not 0 < len(said.strip()) <= NAME_LENGTH_MAX or not said.isprintable():
            raise _wrong("client_name", _NAME)


def _check_scopes(scopes: Sequence[str], allowed: Collection[str]) -> None:
    if not scopes or len(set(scopes)) != len(scopes) or not set(scopes) <= set(allowed):
        raise _wrong("scope", _SCOPES.filled(allowed=" ".join(sorted(allowed))))


def _check_addresses(name: str, addresses: Sequence[str], *, public: bool, development: bool) -> None:
    if len(addresses) > ADDRESSES_MAX or len(set(addresses)) != len(addresses):
        raise _wrong(name, _ADDRESSES)
    for address in addresses:
        check_registrable(address, public=public, development=development)


def _algorithm_of(document: object) -> str:
    """The one algorithm that this public key can verify. Raises :class:`BadInput`."""
    for algorithm in ALGORITHMS:
        try:
            public_key(document, algorithm)
        except NotVerified:
            continue
        assert isinstance(document, dict)
        if document.get("key_ops", ["verify"]) == ["verify"]:
            return algorithm
    raise _wrong("jwks", _KEY)


def _suffix() -> str:
    """No secret: an id that says nothing and is never given twice."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(8))


def _wrong(path: str, what: Text) -> BadInput:
    return BadInput(what, path=(path,))


_NAME: Final = Text(
    th="ชื่อต้องมีทั้งภาษาไทยและอังกฤษ ไม่เกิน 100 ตัวอักษร", en="a name in Thai and in English, of at most 100 characters"
)
_SCOPES: Final = Text(th="scope ที่ขอได้: {allowed}", en="scopes that may be asked for: {allowed}")
_RESOURCES: Final = Text(th="resource ไม่ถูกต้อง", en="apps are for /graphql, machine clients for /agency")
_GRANTS: Final = Text(
    th="grant type ไม่ถูกต้อง", en="authorization_code, with refresh_token or without; or client_credentials"
)
_MACHINE_FORM: Final = Text(
    th="ระบบของหน่วยงานต้องใช้ private_key_jwt และไม่มี redirect URI",
    en="a machine client is an agency's, proves itself by private_key_jwt, and is called back nowhere",
)
_NO_ADDRESS: Final = Text(th="ต้องมี redirect URI อย่างน้อยหนึ่งรายการ", en="an app needs an address to be called back at")
_ADDRESSES: Final = Text(th="ที่อยู่ซ้ำกันหรือเกิน 10 รายการ", en="at most 10 addresses, each once")
_KEYS_NEEDED: Final = Text(th="ต้องมีกุญแจสาธารณะ (JWKS)", en="private_key_jwt takes a key set, and nothing else does")
_METHOD: Final = Text(th="วิธียืนยันตัวตนของโปรแกรมไม่ถูกต้อง", en="none or private_key_jwt; FAPI asks for the latter")
_FAPI_FORM: Final = Text(
    th="FAPI ต้องผูกโทเคนด้วย DPoP และใช้ https", en="under FAPI tokens are bound by DPoP, and there is no loopback"
)
_SECONDS: Final = Text(th="อายุโทเคนไม่ถูกต้อง", en="this lifetime is not one that tokens may have")
_KEY_SET: Final = Text(th="ชุดกุญแจ (JWKS) ต้องมี 1 ถึง 5 กุญแจ", en="a key set (RFC 7517) of 1 to 5 keys")
_KEY: Final = Text(
    th="กุญแจต้องเป็นกุญแจสาธารณะสำหรับลงนาม: EC P-256, Ed25519 หรือ RSA 2048 บิตขึ้นไป ห้ามมีส่วนลับ",
    en="each key is a public one for signatures: EC on P-256, Ed25519, or RSA of 2,048 to 4,096 bits; one with its "
    "private part in it is a secret no more: make a new one",
)
_KID_NEEDED: Final = Text(th="แต่ละกุญแจต้องมี kid ไม่ซ้ำกัน", en="each key has a kid of its own, and is there once")
