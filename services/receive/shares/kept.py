"""What lies sealed in a share, under its citizen's data key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson

from core.envelope import DataKey
from core.sealed import bound_to
from core.text import Text
from services.receive.shares.models import Share


@dataclass(frozen=True, slots=True)
class About:
    """What is told of a share; of one that is only prepared, its title and what it is prepared from."""

    title: Text
    configuration: str | None = None
    """Of claims: the credential that they are from, as wallets name it."""
    verifier: str = ""
    verifier_number: str | None = None
    """Of a juristic person that stands in the agency's register."""
    sharer: str | None = None
    """What the citizen calls themself."""
    shown: Sequence[tuple[str, Text]] = ()
    """Pointers and titles of the claims that are shown."""

    def sealed(self, row: Share, key: DataKey) -> bytes:
        told = {
            "title": _plain(self.title),
            "configuration": self.configuration,
            "verifier": self.verifier,
            "verifier_number": self.verifier_number,
            "sharer": self.sharer,
            "shown": [{"pointer": pointer, **_plain(title)} for pointer, title in self.shown],
        }
        return key.seal(orjson.dumps(told), bound_to=bound_to(Share.about_sealed, row.id))

    @classmethod
    def of(cls, row: Share, key: DataKey) -> Self:
        told = orjson.loads(key.open(row.about_sealed, bound_to=bound_to(Share.about_sealed, row.id)))
        shown = tuple((one["pointer"], Text(th=one["th"], en=one["en"])) for one in told["shown"])
        return cls(**{**told, "title": Text(**told["title"]), "shown": shown})


def sealed_secret(row: Share, key: DataKey, secret: str) -> bytes:
    return key.seal(secret.encode("ascii"), bound_to=bound_to(Share.secret_sealed, row.id))


def secret_of(row: Share, key: DataKey) -> str | None:
    """None of one that is over."""
    if row.secret_sealed is None:
        return None
    return key.open(row.secret_sealed, bound_to=bound_to(Share.secret_sealed, row.id)).decode("ascii")


def sealed_content(row: Share, key: DataKey, content: Mapping[str, Any]) -> bytes:
    return key.seal(orjson.dumps(content), bound_to=bound_to(Share.content_sealed, row.id))


def content_of(row: Share, key: DataKey) -> dict[str, Any] | None:
    """None of a paper, and of what is over."""
    if row.content_sealed is None:
        return None
    found: dict[str, Any] = orjson.loads(key.open(row.content_sealed, bound_to=bound_to(Share.content_sealed, row.id)))
    return found


def _plain(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
