"""Web Push (RFC 8030): encrypted for the one device (RFC 8291), signed with the server's own key (RFC 8292)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.clock import Clock
from core.crypto import KeyRing
from identity.notices.channels import Gone, Later, Parcel, Refused
from identity.notices.errors import PushSubscriptionInvalid
from identity.notices.message_encryption import encrypt

KEPT_SECONDS: Final = 86_400
"""How long a push service may keep what it cannot deliver."""
SIGNED_FOR: Final = timedelta(hours=12)
"""RFC 8292 §2 allows 24 at most."""
PADDED_TO: Final = 1_024
"""Every payload is as long as every other: the push service, which cannot read it, sees no length either."""
_ENDPOINT: Final = re.compile(
    r"(https?)://([a-z0-9.-]{1,253})(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~%:@!$&'()*+,;=/?-]*)", re.ASCII
)
_ENDPOINT_LENGTH_MAX: Final = 1_000
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser's `PushSubscription` says. Prints without it: who has it can write to the device."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    """The device's public key, an uncompressed point of P-256: 65 bytes."""
    auth: bytes = field(repr=False)
    """16 bytes."""

    @property
    def origin(self) -> str:
        match = _ENDPOINT.fullmatch(self.endpoint)
        assert match is not None, "it was judged when it was made"
        return f"{match[1]}://{match[2]}{match[3] or ''}"

    def as_json(self) -> str:
        return orjson.dumps(
            {"endpoint": self.endpoint, "p256dh": plain_base64(self.p256dh), "auth": plain_base64(self.auth)}
        ).decode()

    @classmethod
    def from_json(cls, kept: str) -> Subscription:
        given = orjson.loads(kept)
        return cls(given["endpoint"], _bytes(given["p256dh"]), _bytes(given["auth"]))


def subscription(endpoint: str, p256dh: str, auth: str, services: Sequence[str]) -> Subscription:
    """Judges what a browser gave: an address of a push service that we know, and keys that are keys.

    `services` are hosts; one that begins with a dot stands for every host below it. Only `localhost` is written to
    without TLS. Raises :class:`PushSubscriptionInvalid`.
    """
    match = _ENDPOINT.fullmatch(endpoint) if len(endpoint) <= _ENDPOINT_LENGTH_MAX else None
    if match is None or not any(_is_at(match[2], one) for one in services):
        raise PushSubscriptionInvalid(path=("endpoint",))
    if (match[1] == "http" and match[2] != "localhost") or (match[3] and int(match[3][1:]) > 65_535):
        raise PushSubscriptionInvalid(path=("endpoint",))
    try:
        key = _bytes(p256dh)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    except ValueError:
        raise PushSubscriptionInvalid(path=("p256dh",)) from None
    try:
        secret = _bytes(auth)
    except ValueError:
        secret = b""
    if len(key) != 65:
        raise PushSubscriptionInvalid(path=("p256dh",))
    if len(secret) != 16:
        raise PushSubscriptionInvalid(path=("auth",))
    return Subscription(endpoint, key, secret)


class PushKey:
    """The server's key of RFC 8292, by which push services tell our notices from others'.

    It is derived from the key of the blind indexes, which never changes: another one would make every subscription
    useless at once, and no push service says that of a key it does not know.
    """

    def __init__(self, keys: KeyRing) -> None:
        number = int.from_bytes(keys.blind_index("P-256", domain="web-push-key"), "big")
        self._private = ec.derive_private_key(number % (_P256_ORDER - 1) + 1, ec.SECP256R1())

    @property
    def public(self) -> str:
        """As a browser takes it for `applicationServerKey`: base64url of the uncompressed point."""
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return plain_base64(point)

    def authorization(self, origin: str, contact: str, now: datetime) -> str:
        """The value of `Authorization` for that push service (RFC 8292 §3)."""
        claims = {"aud": origin, "exp": int((now + SIGNED_FOR).timestamp()), "sub": contact}
        return f"vapid t={jwt.encode(claims, self._private, algorithm='ES256')}, k={self.public}"


class WebPush:
    """Implements :class:`identity.notices.channels.Channel`.

    `http` is a client that connects to addresses of the open internet alone. `refusals` are the errors
    by which it says that it does not go there, or believes nothing of what it was answered. `contact` is whom a push
    service turns to about us: an https address or `mailto:`.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        key: PushKey,
        clock: Clock,
        contact: str,
        *,
        refusals: tuple[type[Exception], ...] = (),
    ) -> None:
        self._http, self._key, self._clock, self._contact, self._refusals = http, key, clock, contact, refusals

    async def send(self, parcel: Parcel) -> None:
        to = Subscription.from_json(parcel.address)
        headers = {
            "Authorization": self._key.authorization(to.origin, self._contact, self._clock.now()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_SECONDS),
            "Urgency": "high" if parcel.urgent else "normal",
            "Topic": parcel.id,  # RFC 8030 §5.4: what comes again before it is delivered takes the place of the first
        }
        try:
            answer = await self._http.post(to.endpoint, content=sealed_for(to, parcel), headers=headers)
        except httpx2.HTTPError as error:
            raise Later(type(error).__name__) from None
        except self._refusals as error:
            raise Refused(type(error).__name__) from None
        _judge(answer, self._clock.now())


def sealed_for(to: Subscription, parcel: Parcel) -> bytes:
    """What the push service carries and cannot read (RFC 8291): JSON `{id, title, body, lang}`, then spaces."""
    plain = orjson.dumps({"id": parcel.id, "title": parcel.title, "body": parcel.body, "lang": parcel.language})
    return encrypt(plain.ljust(PADDED_TO), to.p256dh, to.auth)


def plain_base64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(given: str) -> bytes:
    """Raises ValueError."""
    if len(given) > 200 or not given.isascii():
        raise ValueError("too long")
    try:
        return base64.b64decode(given.rstrip("=") + "=" * (-len(given.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("no base64url") from None


def _judge(answer: httpx2.Response, now: datetime) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    if status in (404, 410):
        raise Gone(f"HTTP {status}")
    if status in (401, 403, 408, 425, 429) or status >= 500:  # of the first two we are the cause, not the device
        raise Later(f"HTTP {status}", _retry_after(answer.headers.get("retry-after"), now))
    raise Refused(f"HTTP {status}")


def _retry_after(said: str | None, now: datetime) -> timedelta | None:
    """RFC 9110 §10.2.3: seconds or a date; None for what is neither."""
    if said is None:
        return None
    if said.isascii() and said.isdigit() and len(said) < 7:
        return timedelta(seconds=int(said))
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta(0))


def _is_at(host: str, service: str) -> bool:
    return host.endswith(service) if service.startswith(".") else host == service
