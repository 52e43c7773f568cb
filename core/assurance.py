"""How sure we are who somebody is, and that it is they: assurance levels, and what an operation may demand of them.

Thailand's digital-ID standards (ETDA 18-2561 and later, after NIST SP 800-63-3) have two scales. IAL is about the
person: how well identity was proofed, once. AAL is about this sign-in: how well it was shown that it is they.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property, lru_cache
from typing import Final, Self

from core.errors import SitthiError
from core.text import Text


class _Level(Enum):
    @cached_property
    def _rank(self) -> int:
        return list(type(self)).index(self)

    def meets(self, wanted: Self) -> bool:
        return self._rank >= wanted._rank

    def or_higher(self, other: Self) -> Self:
        return self if self.meets(other) else other


class Ial(_Level):
    """Identity assurance, weakest first: 1.3 is a card, 2.2 a face, 2.3 ThaID or in person."""

    IAL_1_1 = "1.1"
    IAL_1_2 = "1.2"
    IAL_1_3 = "1.3"
    IAL_2_1 = "2.1"
    IAL_2_2 = "2.2"
    IAL_2_3 = "2.3"
    IAL_3 = "3"


class Aal(_Level):
    """Authenticator assurance, weakest first: 1 is one factor, 2.1 two factors, 2.2 two of which one is a key that
    cannot be phished, 3 one in certified hardware."""

    AAL_1 = "1"
    AAL_2_1 = "2.1"
    AAL_2_2 = "2.2"
    AAL_3 = "3"


@dataclass(frozen=True, slots=True)
class Assurance:
    """Both levels. As an authentication context class (`acr`) it is written `ial2.3-aal2.1`."""

    ial: Ial
    aal: Aal

    @property
    def acr(self) -> str:
        return f"ial{self.ial.value}-aal{self.aal.value}"

    def meets(self, wanted: Assurance) -> bool:
        return self.ial.meets(wanted.ial) and self.aal.meets(wanted.aal)

    @classmethod
    def of(cls, acr: str) -> Assurance:
        """Of a token's `acr`; the least of both for one that is not ours."""
        return _parsed(acr) or LEAST

    @classmethod
    def wanted(cls, acr: str) -> Assurance | None:
        """Of an `acr_values` entry: `ial2.3-aal2.2`, or one scale alone, `aal2.2`; None for what is none of ours."""
        return _parsed(acr)


LEAST: Final = Assurance(Ial.IAL_1_1, Aal.AAL_1)
OF_THAID: Final = Assurance(Ial.IAL_2_3, Aal.AAL_2_1)
"""What a sign-in at ThaID is worth: its app asks for the PIN of an enrolled device (the AAL is unverified)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What an operation asks of the sign-in behind a request: levels, and how long ago it may have been."""

    assurance: Assurance
    age_seconds_max: int | None = None
    """None for any age."""

    def met_by(self, acr: str, authenticated_at: datetime | None, now: datetime) -> bool:
        """`authenticated_at` is None where the issuer does not say; then no age that is asked for is met."""
        return self._is_fresh(authenticated_at, now) and Assurance.of(acr).meets(self.assurance)

    def joined(self, other: Demand) -> Demand:
        """What meets both."""
        ours, theirs = self.assurance, other.assurance
        ages = [age for age in (self.age_seconds_max, other.age_seconds_max) if age is not None]
        both = Assurance(ours.ial.or_higher(theirs.ial), ours.aal.or_higher(theirs.aal))
        return Demand(both, min(ages, default=None))

    @property
    def challenge(self) -> str:
        """Parameters of a `WWW-Authenticate` challenge (RFC 9470 §3), without the scheme."""
        age = "" if self.age_seconds_max is None else f', max_age="{self.age_seconds_max}"'
        return f'error="insufficient_user_authentication", acr_values="{self.assurance.acr}"{age}'

    def _is_fresh(self, authenticated_at: datetime | None, now: datetime) -> bool:
        if self.age_seconds_max is None:
            return True
        return authenticated_at is not None and now - authenticated_at <= timedelta(seconds=self.age_seconds_max)


class StepUpRequired(SitthiError):
    """The sign-in is good, but too weak or too long ago for this (RFC 9470, insufficient_user_authentication).

    `fields` hold `acr_values` and `max_age` (seconds or None), with which a client asks `/oauth/authorize` again.
    """

    code = "STEP_UP_REQUIRED"
    text = Text(
        th="รายการนี้ต้องยืนยันตัวตนอีกครั้งด้วยวิธีที่ปลอดภัยกว่า",
        en="This needs you to prove again who you are, in a safer way.",
    )

    def __init__(self, demand: Demand, *, path: tuple[str | int, ...] = ()) -> None:
        self.demand = demand
        super().__init__(acr_values=demand.assurance.acr, max_age=demand.age_seconds_max, path=path)


@lru_cache(maxsize=64)
def _parsed(acr: str) -> Assurance | None:
    ial, aal = LEAST.ial, LEAST.aal
    try:
        parts = acr.split("-")
        for part in parts:
            if part.startswith("ial"):
                ial = Ial(part.removeprefix("ial"))
            else:
                aal = Aal(part.removeprefix("aal"))
    except ValueError:
        return None
    is_ours = [part[:3] for part in parts] in (["ial", "aal"], ["ial"], ["aal"])
    return Assurance(ial, aal) if is_ours else None
