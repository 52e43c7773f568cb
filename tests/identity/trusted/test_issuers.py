"""Tokens of another issuer: what is believed of a good one, and every way in which one is not good."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, select
from structlog.testing import capture_logs

from core.assurance import LEAST
from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable
from core.issuers import TrustedIssuer
from core.viewer import Viewer
from identity.people import PeopleRegister
from identity.people.models import Person
from identity.provider.endings import Endings
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.revocations import Revocations
from identity.trusted import TrustedIssuers
from identity.trusted.issuers import issuer_of
from identity.trusted.verifier import EveryIssuer
from tests.identity.people_of_tests import national_id
from tests.identity.trusted.foreign import AUDIENCE, ISSUER, Foreign, trusted
from tests.identity.waiting import until_answered

PID = national_id("elder").digits
SECOND = timedelta(seconds=1)


@dataclass
class Setting:
    """Foreign issuers and a room that trusts the first."""

    town: Foreign
    other: Foreign
    issuers: TrustedIssuers
    clock: FixedClock
    people: PeopleRegister
    database: Database
    revocations: Revocations
    make: Callable[..., TrustedIssuers]

    def token(self, **changed: Any) -> str:
        return self.town.token(self.clock.now(), **{"pid": PID, **changed})

    async def viewer(self, **changed: Any) -> Viewer:
        return (await self.issuers.read(self.token(**changed))).viewer

    async def refused(self, token: str | None = None, **changed: Any) -> None:
        with pytest.raises(TokenInvalid):
            await self.issuers.read(token if token is not None else self.token(**changed))
        await self.viewer()  # the room still believes a good one


@pytest.fixture
async def setting(database: Database, clock: FixedClock, keys: KeyRing) -> AsyncIterator[Setting]:
    town, other = Foreign(), Foreign(issuer="https://id.example/realms/others")
    people, revocations = PeopleRegister(keys, clock), Revocations(database, clock, poll_seconds=0.01)
    async with town.client(other) as http:

        def make(*entries: TrustedIssuer) -> TrustedIssuers:
            return TrustedIssuers(entries, db=database, people=people, clock=clock, http=http, revocations=revocations)

        async with revocations.watching():
            yield Setting(town, other, make(trusted()), clock, people, database, revocations, make)


async def test_a_good_token_is_a_person_a_client_scopes_and_a_level_of_ours(setting: Setting) -> None:
    viewer = await setting.viewer(scope="graph names other")
    async with setting.database.read() as session:
        assert viewer.person == await setting.people.find(session, national_id("elder"))
    assert viewer.client == "town/town-app"
    assert viewer.scopes == {"citizen", "profile"}
    assert viewer.acr == "ial2.3-aal2.1"
    assert viewer.expires_at == setting.clock.now() + timedelta(minutes=5)
    assert viewer.authenticated_at == setting.clock.now() - timedelta(minutes=1)
    assert viewer.family is None
    assert viewer.ended_by == (viewer.person,), "what stays open ends when the person's number is corrected"
    assert viewer.acting is None


async def test_the_same_person_is_the_same_by_ours_and_by_another_issuer(setting: Setting) -> None:
    async with setting.database.write() as session:
        known = await setting.people.resolve(session, [national_id("elder")])
    assert (await setting.viewer()).person == known[PID]
    dashed = f"{PID[0]}-{PID[1:5]}-{PID[5:10]}-{PID[10:12]}-{PID[12]}"
    assert (await setting.viewer(pid=dashed)).person == known[PID]


async def test_a_new_person_is_entered_once_by_many_at_a_time(setting: Setting) -> None:
    viewers = await asyncio.gather(*(setting.viewer(jti=str(number)) for number in range(20)))
    assert len({viewer.person for viewer in viewers}) == 1
    async with setting.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Person)) == 1


@pytest.mark.parametrize(
    ("acr", "worth"),
    [
        ("gold", "ial2.3-aal2.1"),
        ("silver", LEAST.acr),
        ("ial3-aal3", LEAST.acr),
        (None, LEAST.acr),
        (["gold"], LEAST.acr),
    ],
)
async def test_an_unknown_class_is_worth_the_least_even_when_it_looks_like_ours(
    setting: Setting, acr: Any, worth: str
) -> None:
    assert (await setting.viewer(acr=acr)).acr == worth


async def test_scopes_and_roles_that_were_never_agreed_on_give_nothing(setting: Setting) -> None:
    assert (await setting.viewer(scope="citizen officer other")).scopes == frozenset()
    assert (await setting.viewer(without=("scope",))).scopes == frozenset()


async def test_roles_in_a_nested_list_and_another_claim_for_the_client_are_found(setting: Setting) -> None:
    setting.issuers = setting.make(
        trusted(scope_claims=["scope", "/realm_access/roles"], client="azp", national_id="/identity/th~1pid")
    )
    viewer = await setting.viewer(
        scope="names", realm_access={"roles": ["graph", 7]}, azp="web", identity={"th/pid": PID}
    )
    assert viewer.scopes == {"citizen", "profile"}
    assert viewer.client == "town/web"


async def test_a_token_without_an_authentication_time_says_so(setting: Setting) -> None:
    assert (await setting.viewer(without=("auth_time",))).authenticated_at is None


async def test_an_audience_among_several_is_enough(setting: Setting) -> None:
    await setting.viewer(aud=["https://elsewhere.example", AUDIENCE])


# --- forged, foreign and spoilt -------------------------------------------------------------------------------------


async def test_a_token_signed_by_another_key_under_a_known_id_is_refused(setting: Setting) -> None:
    await setting.refused(key=ec.generate_private_key(ec.SECP256R1()))


async def test_a_token_of_another_issuer_that_names_this_one_is_refused(setting: Setting) -> None:
    """Both issuers call their key `k1`: a key counts for its own issuer alone."""
    setting.issuers = setting.make(trusted(), trusted(setting.other.issuer, name="others"))
    theirs = setting.other.token(setting.clock.now(), pid=PID)
    assert (await setting.issuers.read(theirs)).viewer.client == "others/town-app"
    await setting.refused(setting.other.token(setting.clock.now(), pid=PID, iss=ISSUER))
    await setting.refused(setting.token(iss=setting.other.issuer))


async def test_an_issuer_that_is_not_listed_is_not_asked(setting: Setting) -> None:
    await setting.refused(setting.other.token(setting.clock.now(), pid=PID))
    assert setting.other.asked == []


@pytest.mark.parametrize("iss", [f"{ISSUER}/", ISSUER.upper(), "https://id.example/realms/people?x", None, 7, [ISSUER]])
async def test_an_issuer_is_compared_letter_for_letter(setting: Setting, iss: Any) -> None:
    key = setting.town.keys["k1"]
    claims = {**jwt.decode(setting.token(), options={"verify_signature": False}), "iss": iss}
    signing_input = ".".join(_part(one) for one in ({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}, claims))
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(signing_input.encode(), key)
    await setting.refused(f"{signing_input}.{_base64url(signature)}")


async def test_a_token_without_a_signature_is_refused(setting: Setting) -> None:
    claims = jwt.decode(setting.token(), options={"verify_signature": False})
    for alg in ("none", "None", ""):
        await setting.refused(".".join([_part({"alg": alg, "kid": "k1", "typ": "at+jwt"}), _part(claims), ""]))


async def test_a_public_key_is_no_secret_to_sign_by_hmac_with(setting: Setting) -> None:
    public = setting.town.keys["k1"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(setting.token(), options={"verify_signature": False})
    signing_input = ".".join(_part(one) for one in ({"alg": "HS256", "kid": "k1", "typ": "at+jwt"}, claims))
    for secret in (pem, der, json.dumps(setting.town.jwk("k1")).encode()):
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            signing_input.encode(), secret
        )
        await setting.refused(f"{signing_input}.{_base64url(signature)}")


async def test_an_algorithm_that_was_not_allowed_is_refused(setting: Setting) -> None:
    setting.town.keys["rsa"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    setting.issuers = setting.make(trusted(algorithms=["ES256"]))
    with pytest.raises(TokenInvalid):
        await setting.viewer(kid="rsa", alg="RS256")
    setting.issuers = setting.make(trusted(algorithms=["RS256"]))
    await setting.viewer(kid="rsa", alg="RS256")
    with pytest.raises(TokenInvalid):
        await setting.viewer()


@pytest.mark.parametrize("about", [{"use": "enc"}, {"key_ops": ["sign"]}, {"use": "sig", "key_ops": ["encrypt"]}])
async def test_a_key_that_is_not_for_verifying_verifies_nothing(setting: Setting, about: dict[str, Any]) -> None:
    setting.town.about_keys = about
    with pytest.raises(TokenInvalid):
        await setting.viewer()


async def test_a_weak_key_verifies_nothing(setting: Setting) -> None:
    setting.town.keys["weak"] = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused
    with pytest.raises(TokenInvalid):
        await setting.issuers.read(_signed_by_rsa(setting.token(), setting.town.keys["weak"], "weak"))


async def test_a_key_that_a_token_brings_along_is_not_used(setting: Setting) -> None:
    mine = Foreign(keys={"k1": ec.generate_private_key(ec.SECP256R1())})
    for headers in ({"jwk": mine.jwk("k1")}, {"jku": "https://elsewhere.example/keys"}, {"x5u": "https://e.example"}):
        await setting.refused(key=mine.keys["k1"], headers=headers)


@pytest.mark.parametrize("aud", ["https://elsewhere.example", [], "", None, f"{AUDIENCE}/", {"a": AUDIENCE}])
async def test_a_token_for_another_resource_is_refused(setting: Setting, aud: Any) -> None:
    await setting.refused(aud=aud)


@pytest.mark.parametrize("typ", ["JWT", "dpop+jwt", "logout+jwt", "at+jwt2", None])
async def test_another_type_is_refused(setting: Setting, typ: str | None) -> None:
    await setting.refused(typ=typ)


async def test_the_type_may_be_written_as_a_media_type(setting: Setting) -> None:
    await setting.viewer(typ="application/at+jwt")


@pytest.mark.parametrize("extra", [{"nonce": "n"}, {"at_hash": "h"}, {"typ": "ID"}])
async def test_where_the_type_says_nothing_an_id_token_is_told_by_its_claims(
    setting: Setting, extra: dict[str, str]
) -> None:
    setting.issuers = setting.make(trusted(token_type="jwt"))
    await setting.viewer(typ="JWT")
    claims = {**jwt.decode(setting.token(), options={"verify_signature": False}), **extra}
    token = jwt.encode(claims, setting.town.keys["k1"], algorithm="ES256", headers={"kid": "k1", "typ": "JWT"})
    with pytest.raises(TokenInvalid):
        await setting.issuers.read(token)


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "iat", "exp", "client_id", "pid"])
async def test_a_token_that_lacks_a_claim_is_refused(setting: Setting, missing: str) -> None:
    await setting.refused(without=(missing,))


@pytest.mark.parametrize(
    "pid", ["", "1", "0" * 13, PID[:-1] + str((int(PID[-1]) + 1) % 10), int(PID), None, [PID], "9" + PID[1:]]
)
async def test_a_national_id_that_cannot_be_is_refused_and_not_told(setting: Setting, pid: Any) -> None:
    with capture_logs() as logged:
        await setting.refused(pid=pid)
    assert logged == [{"event": "trusted_token_lacks", "issuer": "town", "lacks": ["person"], "log_level": "warning"}]


@pytest.mark.parametrize("client_id", ["", "a\nb", "x" * 201, 7])
async def test_a_client_without_a_proper_name_is_refused(setting: Setting, client_id: Any) -> None:
    await setting.refused(client_id=client_id)


@pytest.mark.parametrize(("ahead", "good"), [(10, True), (11, False), (3_600, False)])
async def test_a_token_from_the_future_is_refused_beyond_what_clocks_differ(
    setting: Setting, ahead: int, *, good: bool
) -> None:
    for name in ("iat", "nbf", "auth_time"):
        told: dict[str, Any] = {name: timedelta(seconds=ahead), "exp": timedelta(seconds=ahead + 60)}
        if good:
            await setting.viewer(**told)
        else:
            await setting.refused(**told)


async def test_a_token_ends_on_the_second_also_when_it_is_remembered(setting: Setting) -> None:
    token = setting.token(exp=timedelta(seconds=60))
    setting.clock.advance(59 * SECOND)
    await setting.issuers.read(token)
    setting.clock.advance(SECOND)
    for _ in range(2):
        with pytest.raises(TokenExpired):
            await setting.issuers.read(token)
    with pytest.raises(TokenExpired):
        await setting.make(trusted()).read(token)


@pytest.mark.parametrize(("seconds", "good"), [(86_400, True), (86_401, False)])
async def test_a_token_that_lives_longer_than_a_day_is_refused(setting: Setting, seconds: int, *, good: bool) -> None:
    if good:
        await setting.viewer(exp=timedelta(seconds=seconds))
    else:
        await setting.refused(exp=timedelta(seconds=seconds))


@pytest.mark.parametrize("exp", ["soon", 1e300, -1, True, None, 10**30])
async def test_an_end_that_is_no_instant_is_refused(setting: Setting, exp: Any) -> None:
    with pytest.raises((TokenInvalid, TokenExpired)):
        await setting.viewer(exp=exp)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "x" * 9_000, "ยาว.ยาว.ยาว", "[" * 5_000, "a.W10.c"])
async def test_what_is_no_token_is_refused(setting: Setting, token: str) -> None:
    assert issuer_of(token) is None
    await setting.refused(token)


async def test_no_national_id_reaches_a_log_or_an_error(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as logged:
        token = setting.token(aud="elsewhere")
        with pytest.raises(TokenInvalid) as refused:
            await setting.issuers.read(token)
        await setting.viewer()
    told = f"{logged}{caplog.text}{refused.value!r}{refused.value.fields}"
    assert PID not in told
    assert token not in told


# --- bound to a key ---------------------------------------------------------------------------------------------------


async def test_a_bound_token_names_the_key_that_has_to_be_proved(setting: Setting) -> None:
    believed = await setting.issuers.read(setting.token(cnf={"jkt": "a-thumbprint"}))
    assert believed.thumbprint == "a-thumbprint"
    assert (await setting.issuers.read(setting.token())).thumbprint is None


@pytest.mark.parametrize("cnf", [{"x5t#S256": "x"}, {}, {"jkt": 7}, "jkt", None, {"jkt": "x", "x5t#S256": "x"}])
async def test_a_token_bound_by_what_we_cannot_check_is_refused(setting: Setting, cnf: Any) -> None:
    await setting.refused(cnf=cnf)


async def test_an_issuer_may_be_believed_in_bound_tokens_alone(setting: Setting) -> None:
    setting.issuers = setting.make(trusted(dpop_required=True))
    await setting.viewer(cnf={"jkt": "a-thumbprint"})
    with pytest.raises(TokenInvalid):
        await setting.viewer()


@pytest.mark.parametrize(
    ("cnf", "jkt", "good"),
    [
        (None, None, True),
        ({"jkt": "a-thumbprint"}, "a-thumbprint", True),
        ({"jkt": "a-thumbprint"}, None, False),
        ({"jkt": "a-thumbprint"}, "another", False),
        (None, "a-thumbprint", False),
    ],
)
async def test_a_bound_token_and_the_key_that_a_request_proves_belong_together(
    setting: Setting, cnf: dict[str, str] | None, jkt: str | None, *, good: bool
) -> None:
    verifier = EveryIssuer(None, setting.issuers)
    token = setting.token(**({} if cnf is None else {"cnf": cnf}))
    if good:
        await verifier.verify(token, jkt=jkt)
    else:
        with pytest.raises(TokenInvalid):
            await verifier.verify(token, jkt=jkt)


async def test_a_token_of_nobody_known_is_left_to_our_own_provider_if_it_is_there(setting: Setting) -> None:
    asked: list[tuple[str, str | None]] = []

    class Ours:
        async def verify(self, token: str, *, jkt: str | None = None) -> Viewer:
            asked.append((token, jkt))
            raise TokenExpired

        def remembered(self, token: str) -> Viewer | None:
            return None

    with pytest.raises(TokenExpired):
        await EveryIssuer(Ours(), setting.issuers).verify("of.nobody.known", jkt="k")
    with pytest.raises(TokenInvalid):
        await EveryIssuer(None, setting.issuers).verify("of.nobody.known", jkt="k")
    assert asked == [("of.nobody.known", "k")]


# --- a corrected number ---------------------------------------------------------------------------------------------


async def test_a_remembered_token_leads_to_its_own_number_once_that_was_corrected_in_an_account(
    setting: Setting,
) -> None:
    """Whoever the wrong number belongs to must not stay in somebody else's account until their token expires."""
    token, right = setting.token(), national_id("officer-one")
    account = (await setting.issuers.read(token)).viewer.person
    async with setting.database.write() as session:
        await setting.people.correct(session, account, right, by="two officers")
        await Endings(setting.clock).part_from_number(session, account)

    async def parted() -> bool:
        return (await setting.issuers.read(token)).viewer.person != account

    await until_answered(parted)
    corrected = await setting.viewer(pid=right.digits)
    assert (corrected.person, corrected.ended_by) == (account, ()), "and who comes by the right number is not put out"
    again = [(await setting.issuers.read(token)).viewer.person for _ in range(2)]
    assert again[0] == again[1]
    remembered = {one.believed.viewer.person for one in setting.issuers._remembered.values()}
    assert remembered == {again[0]}, "while a correction is fresh, whom it concerned is looked up each time"


# --- keys come and go -------------------------------------------------------------------------------------------------


async def test_a_silent_issuer_is_unavailable_and_not_a_bad_token(setting: Setting) -> None:
    setting.town.issuer = "https://moved.example"
    with pytest.raises(ServiceUnavailable):
        await setting.issuers.read(setting.town.token(setting.clock.now(), pid=PID, iss=ISSUER))


async def test_a_remembered_token_works_no_more_once_its_issuer_took_the_key_back(
    database: Database, clock: FixedClock, keys: KeyRing
) -> None:
    town, seconds = Foreign(), [0.0]
    async with town.client() as http:
        issuers = TrustedIssuers(
            [trusted()], db=database, people=PeopleRegister(keys, clock), clock=clock, http=http,
            revocations=Revocations(database, clock), monotonic=lambda: seconds[0],
        )  # fmt: skip
        token = town.token(clock.now(), pid=PID)
        await issuers.read(token)
        town.keys["k2"] = town.keys.pop("k1")
        await issuers.read(token)
        seconds[0] += 301
        await issuers.read(token)
        reading = issuers._issuers[ISSUER].keys._reading
        assert reading is not None
        await reading
        with pytest.raises(TokenInvalid):
            await issuers.read(token)
        await issuers.read(town.token(clock.now(), pid=PID, kid="k2"))


def _part(document: dict[str, Any]) -> str:
    return _base64url(json.dumps(document).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signed_by_rsa(token: str, key: Any, kid: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    signing_input = ".".join(_part(one) for one in ({"alg": "RS256", "kid": kid, "typ": "at+jwt"}, claims))
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    return f"{signing_input}.{_base64url(algorithm.sign(signing_input.encode(), key))}"
