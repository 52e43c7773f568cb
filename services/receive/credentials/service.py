"""Offers and what wallets make of them: OpenID4VCI 1.0 by the pre-authorized code.

The citizen asks in the app, where they are signed in; the agency is asked then, through the gate. What it answered
waits, sealed, for five minutes. The wallet brings the code from the offer and six digits that the citizen types, gets a
token, proves its keys, and has the credential. A code is used once; a token gives one credential, in up to ten copies.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.attestation.service import Attestor
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from core.errors import NotFound, ServiceUnavailable
from core.ids import new_id
from core.sealed import bound_to
from core.viewer import Viewer
from services.exchange.facts import Asker, Purpose
from services.plugins.contract import Binding, Credential, CredentialSpec
from services.receive.credentials import batch_rows, repository
from services.receive.credentials.disclosures import DEPTH_MAX, DISCLOSURES_MAX, RESERVED
from services.receive.credentials.errors import TooManyOffers, WalletRefused
from services.receive.credentials.kept_types import KeptTypes
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.models import CredentialOffer, ReadyCredential, WalletCredential
from services.receive.credentials.needs import Asking, Keepers, Offered, Offerings
from services.receive.credentials.proofs import COPIES_MAX, Nonces, proved_keys
from services.receive.credentials.sd_jwt import disclosable, issue
from services.receive.credentials.statuses import Place, StatusLists

OFFER_LIVES: Final = timedelta(minutes=5)
TOKEN_LIVES: Final = timedelta(minutes=5)
OFFERS_MAX: Final = 5
"""Of one citizen that wait for a wallet at a time."""
MISSES_MAX: Final = 5
"""Digits that were typed wrong: then the offer is over."""
DIGITS: Final = 6
DECOYS: Final = 3
CONTENT_BYTES_MAX: Final = 200_000
GRANT: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An offer as its citizen sees it."""

    id: UUID
    uri: str
    """`openid-credential-offer://…`, for a link or a QR code."""
    digits: str
    """What the wallet asks the citizen for."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    access_token: str
    seconds: int


class Credentials:
    """One per process. `api/credentials.py` sets `keepers`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        issuers: IssuerKeys,
        lists: StatusLists,
        offerings: Offerings,
        keepers: Keepers,
        nonces: Nonces,
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self.issuers, self.lists, self.offerings, self.nonces = issuers, lists, offerings, nonces
        self._keepers = keepers
        self.types = KeptTypes(db, clock, issuers)

    async def ask(self, asking: Asking, viewer: Viewer, asker: Asker, purpose: Purpose) -> Credential:
        """What the agency says, checked against its manifest. In no transaction.

        Raises :class:`TooManyOffers`, and what the agency's silence raises, also where it says what it must not.
        """
        async with self._db.read() as session:
            if await repository.waiting(session, viewer.person, self._clock.now()) >= OFFERS_MAX:
                raise TooManyOffers
        told = await self.offerings.ask(asking, viewer, asker, purpose)
        if not can_be_issued(told.claims, asking.offered.spec):
            raise ServiceUnavailable(asking.offered.agency_title)
        await self.issuers.signing(asking.offered.agency)  # whoever reads the offer finds an issuer
        return told

    async def ready(self, person: UUID, asking: Asking) -> UUID | None:
        """The credential that a batch has made for the person, if it waits, and they ask for nothing else than all.
        Raises :class:`TooManyOffers`."""
        now = self._clock.now()
        async with self._db.read() as session:
            if await repository.waiting(session, person, now) >= OFFERS_MAX:
                raise TooManyOffers
            if asking.arguments:
                return None
            return await batch_rows.ready_of(session, person, asking.offered.configuration, now)

    async def offer(self, session: AsyncSession, person: UUID, asking: Asking, told: Credential | UUID) -> OpenOffer:
        """Keeps what the agency said for a wallet, or which credential is ready. `session` is that of the mutation's
        transaction."""
        await self._keepers.must_be_there(session, person, asking.at)
        now, id_, offered = self._clock.now(), new_id(), asking.offered
        reference, code = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        kept = {"reference": reference, "code": code, "transaction_code": digits}
        content: dict[str, Any]
        if isinstance(told, UUID):
            content = {"ready": told.hex}
        else:
            content = {"claims": told.claims, "valid_until": told.valid_until}
        data_key = await self._subjects.for_sealing(session, person)
        row = CredentialOffer(
            person=person,
            id=id_,
            agency=offered.agency,
            configuration=offered.configuration,
            assurance=offered.demand.assurance.ial.value,
            reference=self._hashed("reference", reference),
            code=self._hashed("code", code),
            transaction_code=self._hashed("digits", f"{id_.hex}:{digits}"),
            secrets_sealed=data_key.seal(orjson.dumps(kept), bound_to=bound_to(CredentialOffer.secrets_sealed, id_)),
            content_sealed=data_key.seal(orjson.dumps(content), bound_to=bound_to(CredentialOffer.content_sealed, id_)),
            created_at=now,
            expires_at=now + OFFER_LIVES,
        )
        session.add(row)
        await session.flush()
        return self._open(row, data_key)

    async def own_offer(self, person: UUID, offer: UUID) -> OpenOffer | None:
        """The person's, while it can be fetched."""
        async with self._db.read() as session:
            row = await repository.own_offer(session, person, offer)
            key = await self._subjects.find(session, person)
        if row is None or key is None or row.token is not None or row.expires_at <= self._clock.now():
            return None
        return self._open(row, key)

    async def read_offer(self, agency: str, reference: str) -> dict[str, Any]:
        """The Credential Offer (OpenID4VCI §4.1.1), for whoever knows its address. Raises :class:`NotFound`."""
        async with self._db.read() as session:
            hashed = self._hashed("reference", reference)
            row = await repository.offer_by(session, col(CredentialOffer.reference), hashed)
            key = None if row is None else await self._subjects.find(session, row.person)
        is_gone = row is None or row.agency != agency or row.token is not None or row.expires_at <= self._clock.now()
        if row is None or key is None or is_gone:
            raise NotFound
        kept = orjson.loads(key.open(row.secrets_sealed, bound_to=bound_to(CredentialOffer.secrets_sealed, row.id)))
        typed = {"input_mode": "numeric", "length": DIGITS}
        return {
            "credential_issuer": self.issuers.issuer_of(agency),
            "credential_configuration_ids": [row.configuration],
            "grants": {GRANT: {"pre-authorized_code": kept["code"], "tx_code": typed}},
        }

    async def redeem(self, agency: str, code: str, digits: str) -> Token:
        """The token for a code, once (OpenID4VCI §6). Raises :class:`WalletRefused` with `invalid_grant`, the same for
        all that can be wrong, and counts digits that are."""
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        async with self._db.write() as session:
            hashed = self._hashed("code", code)
            row = await repository.offer_by(session, col(CredentialOffer.code), hashed, lock=True)
            is_open = (
                row is not None
                and row.agency == agency
                and row.token is None
                and row.expires_at > now
                and row.misses < MISSES_MAX
            )
            is_right = False
            if row is not None and is_open:
                typed = self._hashed("digits", f"{row.id.hex}:{digits}")
                is_right = secrets.compare_digest(typed, row.transaction_code)
                if is_right:
                    row.token, row.token_expires_at = self._hashed("token", token), now + TOKEN_LIVES
                else:
                    row.misses += 1
        if not is_right:
            raise WalletRefused("invalid_grant", "the code or the digits are wrong, used or over")
        return Token(token, int(TOKEN_LIVES.total_seconds()))

    async def issue(self, agency: str, token: str, asked: Mapping[str, Any]) -> list[str]:
        """The credential, a copy for each key that is proved (OpenID4VCI §8). Raises :class:`WalletRefused`."""
        hashed = self._hashed("token", token)
        async with self._db.read() as session:
            row = self._by_token(agency, await repository.offer_by(session, col(CredentialOffer.token), hashed))
        _asks_for(asked, row.configuration)
        offered = next((one for one in self.offerings.of(agency) if one.configuration == row.configuration), None)
        if offered is None:
            raise WalletRefused("credential_request_denied", "the service does not give it any more")
        await self.types.keep(offered)
        if offered.spec.binding is Binding.NONE:
            return [await self._issue_unbound(agency, hashed, offered)]
        holders, nonce = proved_keys(asked.get("proofs"), self.issuers.issuer_of(agency), self._clock.now())
        if not await self.nonces.use(nonce):
            raise WalletRefused("invalid_nonce", "the nonce is not ours, too old, or was used")
        key = await self.issuers.signing(agency)
        async with self._db.write() as session:
            found = await repository.offer_by(session, col(CredentialOffer.token), hashed, lock=True)
            row = self._by_token(agency, found)
            if row.issued + len(holders) > COPIES_MAX:
                raise WalletRefused("credential_request_denied", "all copies of it were given")
            if not await self._stands(session, row):
                raise WalletRefused("credential_request_denied", "it was taken back")
            row.issued += len(holders)
            data_key = await self._subjects.for_sealing(session, row.person)
            claims = self._claims(row, data_key, offered)
            ends = datetime.fromtimestamp(claims["exp"], UTC)
            places = await self.lists.give(session, agency, len(holders))
            session.add_all(self._kept(row, place, ends) for place in places)
        return [
            str(issue({**claims, **self._bound(agency, holder, place)}, key, decoys=DECOYS))
            for holder, place in zip(holders, places, strict=True)
        ]

    async def _issue_unbound(self, agency: str, hashed: bytes, offered: Offered) -> str:
        """One that names no key: what a batch has signed for it, or signed now. There are no copies of it."""
        key = await self.issuers.signing(agency)
        async with self._db.write() as session:
            found = await repository.offer_by(session, col(CredentialOffer.token), hashed, lock=True)
            row = self._by_token(agency, found)
            if row.issued:
                raise WalletRefused("credential_request_denied", "it was given")
            if not await self._stands(session, row):
                raise WalletRefused("credential_request_denied", "it was taken back")
            row.issued = 1
            data_key = await self._subjects.for_sealing(session, row.person)
            content = self._content(row, data_key)
            if "ready" in content:
                ready = await batch_rows.take(session, row.person, UUID(hex=content["ready"]))
                if ready is None:
                    raise WalletRefused("credential_request_denied", "it is not kept any more")
                if await repository.statuses_of(session, [ready]):
                    raise WalletRefused("credential_request_denied", "it was taken back")  # and stays as it was
                sealed = ready.credential_sealed
                # Its agency may know it by the id that it had while it waited.
                session.add(self._kept(row, Place(ready.list, ready.place), ready.expires_at, ready.id))
                return data_key.open(sealed, bound_to=bound_to(ReadyCredential.credential_sealed, ready.id)).decode()
            claims = self._claims(row, data_key, offered)
            [place] = await self.lists.give(session, agency, 1)
            session.add(self._kept(row, place, datetime.fromtimestamp(claims["exp"], UTC)))
        listed = {"idx": place.place, "uri": self.lists.uri(agency, place.list)}
        return str(issue({**claims, "status": {"status_list": listed}}, key, decoys=DECOYS))

    async def trust_list(self, attestor: Attestor) -> str:
        """Who is believed, signed, for verifiers that ask nobody."""
        agencies = await self.issuers.agencies()
        return await self.issuers.trust_list(attestor, {agency: self.offerings.title(agency) for agency in agencies})

    async def forget(self) -> None:
        """The job: offers that no wallet can fetch any more are gone, and credentials that expired, but for what a
        legal hold keeps."""
        async with self._db.write() as session:
            held = await self._keepers.held(session)
            await repository.forget(session, self._clock.now() - TOKEN_LIVES, held)

    def _open(self, row: CredentialOffer, key: DataKey) -> OpenOffer:
        kept = orjson.loads(key.open(row.secrets_sealed, bound_to=bound_to(CredentialOffer.secrets_sealed, row.id)))
        address = f"{self.issuers.issuer_of(row.agency)}/offers/{kept['reference']}"
        uri = f"openid-credential-offer://?{urlencode({'credential_offer_uri': address})}"
        return OpenOffer(row.id, uri, kept["transaction_code"], row.expires_at)

    def _by_token(self, agency: str, row: CredentialOffer | None) -> CredentialOffer:
        now = self._clock.now()
        if row is None or row.agency != agency or row.token_expires_at is None or row.token_expires_at <= now:
            raise WalletRefused("invalid_token", "the access token is unknown or over", 401)
        return row

    async def _stands(self, session: AsyncSession, row: CredentialOffer) -> bool:
        """Whether no copy that was fetched for the offer was taken back or suspended."""
        return not await repository.statuses_of(session, await repository.of_offer(session, row.person, row.id))

    def _claims(self, row: CredentialOffer, key: DataKey, offered: Offered) -> dict[str, Any]:
        """What all copies have in common. Times are whole days: copies of one moment could be told to be twins."""
        content, kept = self._content(row, key), self.types.at_hand(offered)
        today = self._clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        ends = today + timedelta(days=offered.spec.days)
        if content["valid_until"] is not None:
            ends = min(ends, datetime.fromisoformat(content["valid_until"]))
        return {
            "iss": self.issuers.issuer_of(row.agency),
            "iat": int(today.timestamp()),
            "exp": int(ends.timestamp()),
            "vct": kept.vct,
            "vct#integrity": kept.integrity,
            **disclosable(content["claims"], offered.spec.disclosable),
        }

    @staticmethod
    def _content(row: CredentialOffer, key: DataKey) -> dict[str, Any]:
        opened = key.open(row.content_sealed, bound_to=bound_to(CredentialOffer.content_sealed, row.id))
        content: dict[str, Any] = orjson.loads(opened)
        return content

    def _bound(self, agency: str, holder: dict[str, str], place: Place) -> dict[str, Any]:
        listed = {"idx": place.place, "uri": self.lists.uri(agency, place.list)}
        return {"cnf": {"jwk": holder}, "status": {"status_list": listed}}

    def _kept(self, row: CredentialOffer, place: Place, ends: datetime, id_: UUID | None = None) -> WalletCredential:
        return WalletCredential(
            person=row.person,
            id=id_ or new_id(),
            offer=row.id,
            agency=row.agency,
            configuration=row.configuration,
            list=place.list,
            place=place.place,
            issued_at=self._clock.now(),
            expires_at=ends,
        )

    def _hashed(self, what: str, secret: str) -> bytes:
        return self._keys.blind_index(secret, domain=f"credential.{what}")


def _asks_for(asked: Mapping[str, Any], configuration: str) -> None:
    if "credential_identifier" in asked:
        raise WalletRefused("unknown_credential_identifier", "none was given with the token")
    named = asked.get("credential_configuration_id")
    if not isinstance(named, str):
        raise WalletRefused("invalid_credential_request", "give a credential_configuration_id")
    if named != configuration:
        raise WalletRefused("unknown_credential_configuration", "the token is for another credential")
    if "credential_response_encryption" in asked:
        raise WalletRefused("invalid_encryption_parameters", "answers are not encrypted, but by TLS")


def can_be_issued(claims: Mapping[str, Any], spec: CredentialSpec) -> bool:
    """Whether they are claims of the manifest, none within has a name that the format needs, and no verifier refuses
    them for their size, their depth, or how many can be shown alone."""
    try:
        size = len(orjson.dumps(claims))
    except TypeError:  # an integer beyond 64 bits, half a character, too deep: no JSON that anybody reads
        return False
    if not claims.keys() <= spec.names or size > CONTENT_BYTES_MAX:
        return False
    values = _values(claims, DEPTH_MAX)
    if values is None:
        return False
    return values <= DISCLOSURES_MAX or sum(_found(claims, one) for one in spec.disclosable) <= DISCLOSURES_MAX


def _values(value: Any, depth: int) -> int | None:
    """How many there are within; None for a name that the format needs, and for one deeper than `depth`."""
    if isinstance(value, Mapping):
        if RESERVED & value.keys():
            return None
        inside: Iterable[Any] = value.values()
    elif isinstance(value, list):
        inside = value
    else:
        return 0
    if value and not depth:
        return None
    total = 0
    for one in inside:
        within = _values(one, depth - 1) if isinstance(one, Mapping | list) else 0
        if within is None:
            return None
        total += 1 + within
    return total


def _found(value: Any, pattern: Sequence[str | None]) -> int:
    """In how many places the pattern leads to something."""
    if not pattern:
        return 1
    step, rest = pattern[0], pattern[1:]
    if step is None:
        return sum(_found(one, rest) for one in value) if isinstance(value, list) else 0
    return _found(value[step], rest) if isinstance(value, Mapping) and step in value else 0
