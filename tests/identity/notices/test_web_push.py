"""Web Push, to a service and a device that read it by the RFCs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from core.clock import FixedClock
from core.crypto import KeyRing
from identity.notices.channels import Gone, Later, NotSent, Parcel, Refused
from identity.notices.errors import PushSubscriptionInvalid
from identity.notices.web_push import PADDED_TO, PushKey, WebPush, subscription
from services.plugins.runner.egress import agency_client
from services.plugins.runner.errors import AddressRefused
from tests.identity.notices.outside import Device, PushService, encoded

SERVICES = ("push.example", ".notify.example", "localhost")


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with agency_client(loopback=True) as client:
        yield client


@pytest.fixture
def push(http: httpx2.AsyncClient, keys: KeyRing, clock: FixedClock) -> WebPush:
    return WebPush(http, PushKey(keys), clock, "mailto:us@example.go.th")


def parcel(device: Device, endpoint: str, *, title: str = "มีข้อความใหม่ถึงคุณ", urgent: bool = False) -> Parcel:
    address = json.dumps({"endpoint": endpoint, "p256dh": encoded(device.public), "auth": encoded(device.auth)})
    return Parcel("0" * 31 + "7", address, title, "เปิดแอปเพื่ออ่าน", "th", urgent)


async def test_a_device_reads_what_the_push_service_cannot(
    push: WebPush, device: Device, push_service: PushService
) -> None:
    await push.send(parcel(device, push_service.endpoint))
    [(headers, body)] = push_service.pushed
    assert device.read(body) == {
        "id": "0" * 31 + "7",
        "title": "มีข้อความใหม่ถึงคุณ",
        "body": "เปิดแอปเพื่ออ่าน",
        "lang": "th",
    }
    assert "มีข้อความ".encode() not in body
    assert headers["content-encoding"] == "aes128gcm"
    assert headers["topic"] == "0" * 31 + "7"
    assert (headers["ttl"], headers["urgency"]) == ("86400", "normal")


async def test_what_is_pushed_says_nothing_by_its_length(
    push: WebPush, device: Device, push_service: PushService
) -> None:
    await push.send(parcel(device, push_service.endpoint, title="ก"))
    await push.send(parcel(device, push_service.endpoint, title="ก" * 90, urgent=True))
    one, other = (body for _, body in push_service.pushed)
    assert len(one) == len(other) > PADDED_TO
    assert push_service.pushed[1][0]["urgency"] == "high"


async def test_a_push_is_signed_for_the_one_service_by_the_key_that_browsers_are_given(
    push: WebPush, device: Device, push_service: PushService, keys: KeyRing, clock: FixedClock
) -> None:
    await push.send(parcel(device, push_service.endpoint))
    claims, key = push_service.claims()
    assert claims["aud"] == push_service.origin
    assert claims["sub"] == "mailto:us@example.go.th"
    now = clock.now().timestamp()
    assert now < claims["exp"] <= now + 86_400
    assert key == PushKey(keys).public


@pytest.mark.parametrize(
    ("status", "means"),
    [(404, Gone), (410, Gone), (400, Refused), (413, Refused), (301, Refused), (429, Later), (403, Later), (500, Later),
     (503, Later)],
)  # fmt: skip
async def test_each_answer_means_one_thing(
    push: WebPush, device: Device, push_service: PushService, status: int, means: type[NotSent]
) -> None:
    push_service.status = status
    with pytest.raises(NotSent) as failed:
        await push.send(parcel(device, push_service.endpoint))
    assert type(failed.value) is means


@pytest.mark.parametrize(
    ("said", "after"),
    [("120", timedelta(minutes=2)), ("Mon, 16 Nov 2026 03:01:00 GMT", timedelta(minutes=1)), ("soon", None),
     ("Mon, 16 Nov 2020 03:01:00 GMT", timedelta(0))],
)  # fmt: skip
async def test_a_service_that_is_busy_says_when(
    push: WebPush, device: Device, push_service: PushService, said: str, after: timedelta | None
) -> None:
    push_service.status, push_service.headers = 429, {"Retry-After": said}
    with pytest.raises(Later) as failed:
        await push.send(parcel(device, push_service.endpoint))
    assert failed.value.after == after


async def test_a_service_that_is_not_there_is_asked_later(push: WebPush, device: Device) -> None:
    with pytest.raises(Later):
        await push.send(parcel(device, "http://localhost:9/push/one"))


async def test_an_address_inside_is_never_connected_to(keys: KeyRing, clock: FixedClock, device: Device) -> None:
    async def inside(_name: str) -> list[str]:
        return ["10.0.0.7"]

    async with agency_client(loopback=False, resolve=inside) as client:
        push = WebPush(client, PushKey(keys), clock, "https://sitthi.example", refusals=(AddressRefused,))
        with pytest.raises(Refused):
            await push.send(parcel(device, "https://push.example/one"))


@pytest.mark.parametrize(
    "endpoint", ["https://push.example/a", "https://x.notify.example/a?b=c", "http://localhost:8/a"]
)
def test_services_that_we_know_are_taken(device: Device, endpoint: str) -> None:
    given = subscription(endpoint, encoded(device.public), encoded(device.auth), SERVICES)
    assert (given.p256dh, given.auth) == (device.public, device.auth)
    assert "push" not in repr(given)


@pytest.mark.parametrize(
    "endpoint",
    ["https://evil.example/a", "https://push.example.evil.example/a", "https://notify.example/a", "http://push.example/a",
     "https://push.example@10.0.0.1/a", "https://10.0.0.1/a", "https://push.example:99999/a", "https://PUSH.example/a",
     "https://push.example", "ftp://push.example/a", "https://push.example/\n", "",
     "https://push.example/" + "a" * 1_000],
)  # fmt: skip
def test_other_addresses_are_refused(device: Device, endpoint: str) -> None:
    with pytest.raises(PushSubscriptionInvalid) as refused:
        subscription(endpoint, encoded(device.public), encoded(device.auth), SERVICES)
    assert refused.value.path == ("endpoint",)


@pytest.mark.parametrize(
    ("p256dh", "auth", "at"),
    [("AA", None, "p256dh"), ("!!", None, "p256dh"), (encoded(b"\x04" + bytes(64)), None, "p256dh"),
     (None, "AA", "auth"), (None, "ก", "auth"), (None, "A" * 300, "auth")],
)  # fmt: skip
def test_keys_that_are_none_are_refused(device: Device, p256dh: str | None, auth: str | None, at: str) -> None:
    with pytest.raises(PushSubscriptionInvalid) as refused:
        subscription("https://push.example/a", p256dh or encoded(device.public), auth or encoded(device.auth), SERVICES)
    assert refused.value.path == (at,)
