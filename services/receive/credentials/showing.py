"""What somebody was shown, looked at for them: whose word it is, whether it still holds, whether its holder is there.

A presentation proves its holder for one asking: whoever verifies gets a nonce of ours, has the wallet sign it for us as
the audience, and brings both. The nonce holds for minutes and is used once, so that a copy proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.clock import Clock
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.proofs import Nonces, Spent
from services.receive.credentials.sd_jwt import SdJwt
from services.receive.credentials.status import Status
from services.receive.credentials.statuses import StatusLists
from services.receive.credentials.verifying import Asked, Verified, verify

VERIFY_PATH: Final = "/verify/credential"
"""Also, under our own address, the audience for which wallets prove their keys."""
NONCES_OF: Final = "credential-shown"
_SPENT: Final = {Spent.AGAIN: Why.REPLAYED, Spent.OVER: Why.PROOF_TIME, Spent.FOREIGN: Why.PROOF_NONCE}
_BAD: Final = {Status.INVALID: Why.REVOKED, Status.SUSPENDED: Why.SUSPENDED}


class Holder(StrEnum):
    """What is known of who showed it."""

    PROVED = "PROVED"
    """Their wallet signed for this asking."""
    NOT_PROVED = "NOT_PROVED"
    """It names a holder's key, and may be shown by anybody who has a copy."""
    NOT_BOUND = "NOT_BOUND"
    """It names no holder's key."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A credential that is good at this moment."""

    verified: Verified
    holder: Holder
    status: Status | None
    """None: its issuer did not say where it would stand."""


class Showings:
    """One per process. `issuer` is the base of public addresses, without a trailing slash."""

    def __init__(self, clock: Clock, issuers: IssuerKeys, lists: StatusLists, nonces: Nonces, issuer: str) -> None:
        self._clock, self._issuers, self._lists, self._nonces = clock, issuers, lists, nonces
        self.audience = issuer + VERIFY_PATH

    def asking(self) -> Asked:
        """For a wallet to sign, within minutes."""
        return Asked(self.audience, self._nonces.make())

    async def check(self, text: str, nonce: str | None = None) -> Checked:
        """`nonce` is of the :meth:`asking` of whoever was shown this; what bears a proof is believed with it alone.

        Without a proof the holder was not proved, and :class:`Checked` says so. Raises :class:`CredentialRefused`.
        """
        await self._issuers.follow()
        proof = SdJwt.parse(text).proof
        asked = None if proof is None else Asked(self.audience, nonce or "")
        now = self._clock.now()
        verified = of_its_own_type(verify(text, self._issuers, now, asked=asked, unproven=proof is None))
        status = await self._status(verified)
        if proof is not None and (spent := await self._nonces.spend(nonce or "")) is not Spent.FIRST:
            raise CredentialRefused(_SPENT[spent])
        return Checked(verified, holder_of(verified), status)

    async def _status(self, verified: Verified) -> Status | None:
        if verified.status is None:
            return None
        return must_be_good(await self._lists.status_of(verified.status, verified.issuer))


def of_its_own_type(verified: Verified) -> Verified:
    """Raises :class:`CredentialRefused` for a type that is another issuer's to define: an agency's key does not make
    what only another may say."""
    if not verified.type.startswith(f"{verified.issuer}/"):
        raise CredentialRefused(Why.TYPE)
    return verified


def must_be_good(status: Status) -> Status:
    """Raises :class:`CredentialRefused` with REVOKED or SUSPENDED."""
    if status in _BAD:
        raise CredentialRefused(_BAD[status])
    return status


def holder_of(verified: Verified) -> Holder:
    if verified.holder is not None:
        return Holder.PROVED
    return Holder.NOT_PROVED if "cnf" in verified.claims else Holder.NOT_BOUND
