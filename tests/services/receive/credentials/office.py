"""A made-up university office that gives credentials, and a wallet that fetches them by the protocol's own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson

from core.graph import global_id
from services.know.entries import service_id
from services.plugins.contract import Call, Credential, Document, Host, Manifest, parse_manifest
from services.plugins.plugin import Plugin, PluginGraph
from services.receive.credentials import jws
from services.receive.credentials.disclosures import packed
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.service import GRANT
from tests.support.app import Served

SLUG: Final = "degrees"
AGENCY: Final = "mhesi"
NAME: Final = "degree"
CONFIGURATION: Final = f"{SLUG}.{NAME}.1"
SERVICE: Final = str(global_id("Service", service_id(f"service:{SLUG}")))
WORDS: Final = {"th": "ทดสอบ", "en": "test"}
CLAIMS: Final[dict[str, Any]] = {
    "institution": "มหาวิทยาลัยทดสอบ",
    "courses": [{"code": "MA101", "grade": "A"}, {"code": "PH102", "grade": "B"}],
    "gpax_at_least_3_00": True,
}
DAYS: Final = 365
OFFER: Final = "offer { uri digits expiresAt }"


def manifest_of(**changed: Any) -> Manifest:
    claims = [
        {"path": ["institution"], "title": {"th": "สถาบัน", "en": "Institution"}, "disclosable": False},
        {"path": ["courses"], "title": {"th": "รายวิชา", "en": "Courses"}},
        {"path": ["courses", "*"], "title": {"th": "วิชา", "en": "Course"}},
        {"path": ["gpax_at_least_3_00"], "title": {"th": "เกรดเฉลี่ย", "en": "Average of 3.00 or more"}},
    ]
    title = {"th": "ปริญญา", "en": "Degree"}
    document: dict[str, Any] = {
        "contract": 1,
        "slug": SLUG,
        "agency": {"slug": AGENCY, "title": {"th": "กระทรวงทดสอบ", "en": "Ministry of tests"}},
        "category": "education",
        "title": title,
        "description": WORDS,
        "keywords": {"th": ["ปริญญา"], "en": ["degree"]},
        "operations": {"degreeCredential": {"kind": "issue", "time_limit_seconds": 5}},
        "credentials": {NAME: {"operation": "degreeCredential", "title": title, "days": DAYS, "claims": claims}},
        "errors": {"NO_DEGREES": {"th": "ไม่มีปริญญา", "en": "There is no degree"}},
        "hours": WORDS,
        "contact": {"email": "desk@degrees.example"},
    }
    return parse_manifest(document | changed, plugin=SLUG)


@dataclass
class Office:
    """Its system."""

    calls: list[Call] = field(default_factory=list)
    says: Credential | Document | dict[str, Any] = field(default_factory=lambda: Credential(claims=CLAIMS))
    fail: Exception | None = None

    def plugin(self, **changed: Any) -> Plugin:
        manifest = manifest_of(**changed)
        return Plugin(manifest, PluginGraph(), dict.fromkeys(manifest.operations, self.issue))

    async def issue(self, _: Host, call: Call) -> Any:
        self.calls.append(call)
        if self.fail is not None:
            raise self.fail
        return self.says


async def ask(sitthi: Served, persona: str = "graduate", **given: Any) -> dict[str, Any]:
    return await sitthi.do("offerCredential", OFFER, persona, **{"service": SERVICE, "credential": NAME, **given})


async def offered(sitthi: Served, persona: str = "graduate", **given: Any) -> dict[str, Any]:
    payload = await ask(sitthi, persona, **given)
    assert payload["problems"] == []
    offer: dict[str, Any] = payload["offer"]
    return offer


@dataclass
class Wallet:
    """Knows nothing but the offer's link, and what metadata say."""

    http: httpx2.AsyncClient
    base: str
    """What of addresses is this server's own."""
    now: datetime
    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.fresh()])

    async def offer(self, uri: str) -> dict[str, Any]:
        address = parse_qs(urlsplit(uri).query)["credential_offer_uri"][0]
        answer = await self.http.get(self._path(address))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def metadata(self, issuer: str, which: str = "openid-credential-issuer") -> dict[str, Any]:
        answer = await self.http.get(f"/.well-known/{which}{self._path(issuer)}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def token(self, offer: dict[str, Any], digits: str, **changed: str) -> httpx2.Response:
        server = await self.metadata(offer["credential_issuer"], "oauth-authorization-server")
        form = {
            "grant_type": GRANT,
            "pre-authorized_code": offer["grants"][GRANT]["pre-authorized_code"],
            "tx_code": digits,
            **changed,
        }
        return await self.http.post(self._path(server["token_endpoint"]), data=form)

    async def nonce(self, issuer: str) -> str:
        told = await self.metadata(issuer)
        answer = await self.http.post(self._path(told["nonce_endpoint"]))
        assert answer.headers["cache-control"] == "no-store"
        return str(answer.json()["c_nonce"])

    def proof(
        self, issuer: str, nonce: str | None, key: SigningKey, header: dict[str, Any] | None = None, **changed: Any
    ) -> str:
        claims = {"aud": issuer, "iat": int(self.now.timestamp()), "nonce": nonce, **changed}
        head = {"typ": "openid4vci-proof+jwt", "jwk": jws.bare_jwk(key.public_jwk()), **(header or {})}
        return _signed(head, claims, key)

    async def credential(self, issuer: str, token: str, **changed: Any) -> httpx2.Response:
        proofs = changed.pop("proofs", None)
        if proofs is None:
            nonce = await self.nonce(issuer)
            proofs = {"jwt": [self.proof(issuer, nonce, key) for key in self.keys]}
        body = {"credential_configuration_id": CONFIGURATION, "proofs": proofs, **changed}
        told = await self.metadata(issuer)
        headers = {"authorization": f"Bearer {token}"}
        return await self.http.post(self._path(told["credential_endpoint"]), json=body, headers=headers)

    async def fetch(self, offer: dict[str, str]) -> list[str]:
        """All of it: the credentials for an offer of the graph."""
        found = await self.offer(offer["uri"])
        token = await self.token(found, offer["digits"])
        assert token.status_code == 200, token.text
        answer = await self.credential(found["credential_issuer"], token.json()["access_token"])
        assert answer.status_code == 200, answer.text
        return [one["credential"] for one in answer.json()["credentials"]]

    def _path(self, address: str) -> str:
        assert address.startswith(self.base), address
        return address.removeprefix(self.base)


def _signed(header: dict[str, Any], claims: dict[str, Any], key: SigningKey) -> str:
    """Without a `kid`: a proof names its key by `jwk`."""
    return jws.sign_prepared(packed(orjson.dumps({"alg": "ES256", **header})), packed(orjson.dumps(claims)), key)


def wallet_of(sitthi: Served, *, keys: int = 1) -> Wallet:
    return Wallet(
        sitthi.http, sitthi.house.settings.issuer, sitthi.clock.now(), [SigningKey.fresh() for _ in range(keys)]
    )
