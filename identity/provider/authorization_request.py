"""An authorization request, read once for all: what is asked, by whom, and what the person must do first.

The same checks hold for one that a browser brings and one that a client pushed (RFC 9126 §2.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error

from core.assurance import Aal, Assurance, Ial
from core.clock import Clock
from identity.provider.dpop import is_thumbprint
from identity.provider.grants import CodeGrant
from identity.provider.known_clients import KnownClients
from identity.provider.models import SignInSession
from identity.provider.protocol import Parameters, Reply, SignedIn
from identity.provider.protocol import Request as OAuthRequest
from identity.provider.redirects import is_of_a_site
from identity.provider.server import Provider
from identity.provider.sessions import SignInSessions

AUTHORIZE: Final = "/oauth/authorize"
PROMPTS: Final = ("none", "login", "consent", "select_account")
STRONGEST: Final = Assurance(Ial.IAL_2_3, Aal.AAL_2_2)
"""What a sign-in of ours can be worth at most: ThaID's proofing, and a passkey. More is never asked of a person."""
ACR_VALUES: Final = ("ial2.3-aal2.2", "ial2.3-aal2.1", "ial2.3", "aal2.2", "aal2.1")
_QUERY_LENGTH_MAX: Final = 2_000
"""An authorization request travels in a cookie while its person is at ThaID; browsers keep 4,096 bytes of one. One that
was pushed travels as its `request_uri`."""
_WAY_BACK_SECONDS: Final = 60
_ACT_SECONDS: Final = 600
"""How long a sign-in counts as an act in the request it was for: no longer than a sign-in may take."""
_AGE_DIGITS_MAX: Final = 9

Pairs = Sequence[tuple[str, str]]


class Question(Enum):
    """What has to be asked of the person before there can be a code."""

    SIGN_IN = "login_required"
    """By its value a client that forbids questions (`prompt=none`) is told what would have been asked."""
    GO_ON = "consent_required"


class UnmetAuthenticationRequirements(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """The sign-in that was asked for cannot be had (OpenID Connect Core Error Code of the same name, §4)."""

    error = "unmet_authentication_requirements"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was found right."""

    oauth: OAuthRequest
    provider: Provider
    grant: CodeGrant
    here: str
    """The path of ours that asks for the same again."""
    prompts: frozenset[str]
    max_age: int | None
    levels: Sequence[Assurance]
    """Any of these will do, the client's favourite first; none asked for when empty."""
    hinted: UUID | None
    """Whom the client believes to be there (`id_token_hint`)."""

    @property
    def redirect_uri(self) -> str:
        return str(self.grant.redirect_uri)

    @property
    def sign_in_acr(self) -> str | None:
        """What the sign-in page is asked to offer."""
        within = [level for level in self.levels if STRONGEST.meets(level)]
        return within[0].acr if within else None

    def answered(self, who: SignedIn | None) -> tuple[Reply, Mapping[str, Any] | None]:
        """As :meth:`Provider.authorize`."""
        return self.provider.authorize(self.oauth, self.grant, who)

    def refused(self, error: str) -> OAuth2Error:
        """As an error that goes back to the client."""
        return OAuth2Error(error=error, redirect_uri=self.redirect_uri, state=self.oauth.payload.state)


class AuthorizationRequests:
    def __init__(self, issuer: str, clock: Clock, sessions: SignInSessions, clients: KnownClients) -> None:
        self._issuer, self._clock, self._sessions, self._clients = issuer, clock, sessions, clients

    def oauth(self, pairs: Pairs) -> OAuthRequest:
        return OAuthRequest("GET", self._issuer + AUTHORIZE, Parameters(pairs), {})

    async def read(self, oauth: OAuthRequest, here: str, *, pushed: bool, hinted: UUID | None = None) -> Asked:
        """Raises :class:`OAuth2Error`, with a redirect address once client and address were found to be right."""
        if not pushed and len(here) > _QUERY_LENGTH_MAX:
            raise InvalidRequestError("The request is too long: push it (RFC 9126).")
        given: dict[str, str] = oauth.payload.data
        provider = Provider(self._issuer, self._clock.now(), client=await self._clients.find(given.get("client_id")))
        grant = provider.consent(oauth)
        try:
            prompts, max_age, levels = _prompts(given), _max_age(given), _levels(given)
            _check_supported(given)
            if grant.client.row.fapi and not pushed:
                raise InvalidRequestError("This client pushes its requests (FAPI 2.0 Security Profile, RFC 9126).")
        except OAuth2Error as error:
            error.redirect_uri, error.state = grant.redirect_uri, oauth.payload.state
            raise
        oauth.dpop_jkt = given.get("dpop_jkt")
        return Asked(oauth, provider, grant, here, prompts, max_age, levels, hinted)

    def question(self, asked: Asked, who: SignInSession | None) -> Question | None:
        """What has to be asked of the person first: to sign in, or whether to go on as who they are.

        A program on the person's device cannot prove who it is (RFC 8252 §8.6), so it gets no code without an act of
        theirs in this very request. Nobody goes in circles: who has signed in for this very request is sent to the
        sign-in page again only where a passkey would do. Raises :class:`OAuth2Error`, also where the client forbids
        questions.
        """
        just_for_this = who is not None and self._came_for(asked, who)
        question = None
        must_prompt = bool(asked.prompts & {"login", "select_account"}) and not just_for_this
        if who is None or must_prompt or not self._meets(asked, who, on_the_way=just_for_this):
            question = Question.SIGN_IN
        elif "consent" in asked.prompts or not (just_for_this or is_of_a_site(asked.redirect_uri, self._issuer)):
            question = Question.GO_ON
        if question is Question.SIGN_IN:
            self._check_can_be_met(asked, who if just_for_this else None)
        if question is not None and "none" in asked.prompts:
            raise asked.refused(question.value)
        return question

    def _came_for(self, asked: Asked, who: SignInSession) -> bool:
        """Whether they have just signed in for this request. An unanswered one found in the history of the browser
        later is somebody's new act, and maybe somebody else's."""
        is_lately = (self._clock.now() - who.authenticated_at).total_seconds() <= _ACT_SECONDS
        return is_lately and who.for_request == self._sessions.request_hash(asked.here)

    def _check_can_be_met(self, asked: Asked, came_for_this: SignInSession | None) -> None:
        """Raises what the client is told when signing in (again) would be in vain."""
        if asked.levels and asked.sign_in_acr is None:
            raise asked.refused(UnmetAuthenticationRequirements.error)
        if came_for_this is None:
            return
        if asked.hinted not in (None, came_for_this.person):  # OpenID Connect Core §3.1.2.1
            raise asked.refused("login_required")
        by_passkey = Assurance(Assurance.of(came_for_this.acr).ial, STRONGEST.aal)
        if asked.levels and not any(by_passkey.meets(level) for level in asked.levels):
            raise asked.refused(UnmetAuthenticationRequirements.error)

    def _meets(self, asked: Asked, who: SignInSession, *, on_the_way: bool) -> bool:
        assurance = Assurance.of(who.acr)
        is_sure = not asked.levels or any(assurance.meets(level) for level in asked.levels)
        is_they = asked.hinted in (None, who.person)
        return is_sure and is_they and not self._is_too_old(who, asked.max_age, on_the_way=on_the_way)

    def _is_too_old(self, who: SignInSession, max_age: int | None, *, on_the_way: bool) -> bool:
        """Coming back from the sign-in that this request asked for takes a moment; else it would be asked for ever."""
        if max_age is None:
            return False
        age_seconds = (self._clock.now() - who.authenticated_at).total_seconds()
        return age_seconds > max(max_age, _WAY_BACK_SECONDS if on_the_way else 0)


def canonical(pairs: Pairs) -> str:
    """The path that asks for the same again."""
    return f"{AUTHORIZE}?{urlencode(list(pairs))}"


def _prompts(given: dict[str, str]) -> frozenset[str]:
    prompts = frozenset(given.get("prompt", "").split())
    if not prompts <= set(PROMPTS) or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("prompt is not one that is supported.")
    return prompts


def _max_age(given: dict[str, str]) -> int | None:
    value = given.get("max_age")
    if value is None:
        return None
    if not value.isdigit() or len(value) > _AGE_DIGITS_MAX:
        raise InvalidRequestError("max_age must be a number of seconds.")
    return int(value)


def _levels(given: dict[str, str]) -> Sequence[Assurance]:
    """Of `acr_values`: what is none of ours is passed over, as long as one is."""
    named = given.get("acr_values", "").split()
    levels = [level for level in map(Assurance.wanted, named) if level is not None]
    if named and not levels:
        raise UnmetAuthenticationRequirements("None of these acr_values is known here.")
    return levels


def _check_supported(given: dict[str, str]) -> None:
    for name in ("request", "registration"):
        if name in given:
            raise OAuth2Error(error=f"{name}_not_supported")
    if "request_uri" in given:
        raise OAuth2Error(error="request_uri_not_supported")
    if given.get("response_mode", "query") != "query":
        raise InvalidRequestError("response_mode must be query.")
    if "dpop_jkt" in given and not is_thumbprint(given["dpop_jkt"]):
        raise InvalidRequestError("dpop_jkt must be a SHA-256 thumbprint (RFC 7638).")
