"""We as a relying party (WebAuthn Level 3 §7): options for the browser, and what it answers, verified by py_webauthn.

The library's exceptions are translated here, all of them: it parses bytes that anybody may have sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_attestation_object,
)
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.text import Text
from identity.passkeys.challenge import CHALLENGE_SECONDS, Challenge
from identity.passkeys.errors import PasskeyNotVerified
from identity.passkeys.models import Passkey

NAME: Final = "สิทธิ Sitthi"
CREDENTIAL_ID_BYTES_MAX: Final = 1_023
"""WebAuthn §4, "credential ID"."""
SIGN_COUNT_MAX: Final = 2**31 - 1
"""What a column keeps; a counter has 32 bits, but none that counts uses comes near."""
_FORMATS: Final = (AttestationFormat.NONE, AttestationFormat.PACKED)
"""We ask for no attestation; an authenticator that attests itself may send `packed` all the same (§5.4.7)."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A new credential, as its authenticator made it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    synced: bool


@dataclass(frozen=True, slots=True)
class Asserted:
    """A credential was used, by a verified person: the signature is right. Its counter has not been looked at."""

    sign_count: int
    synced: bool
    user_handle: bytes | None


class RelyingParty:
    """The RP id is the issuer's host, and the origin the issuer, exactly."""

    def __init__(self, issuer: str) -> None:
        self._origin, self._id = issuer, urlsplit(issuer).hostname or ""

    def enrolment(
        self, challenge: Challenge, user_handle: bytes, name: Text, known: Sequence[Passkey]
    ) -> dict[str, Any]:
        """`PublicKeyCredentialCreationOptionsJSON`: a credential that is found without a name, by a verified user."""
        shown = name.th or NAME
        options = generate_registration_options(
            rp_id=self._id,
            rp_name=NAME,
            user_id=user_handle,
            user_name=shown,
            user_display_name=shown,
            challenge=challenge.bytes,
            timeout=CHALLENGE_SECONDS * 1_000,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(one) for one in known],
        )
        return options_to_json_dict(options)

    def sign_in(self, challenge: Challenge, of: Sequence[Passkey] = ()) -> dict[str, Any]:
        """`PublicKeyCredentialRequestOptionsJSON`. Without `of` the authenticator offers whom it knows."""
        options = generate_authentication_options(
            rp_id=self._id,
            challenge=challenge.bytes,
            timeout=CHALLENGE_SECONDS * 1_000,
            allow_credentials=[_descriptor(one) for one in of],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def enrolled(self, credential: Any, challenge: Challenge) -> Enrolled:
        """Of a `RegistrationResponseJSON` (§7.1). Raises :class:`PasskeyNotVerified`."""
        try:
            _refuse_frames(credential)
            _refuse_other_formats(credential)
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=challenge.bytes,
                expected_rp_id=self._id,
                expected_origin=self._origin,
                require_user_verification=True,
            )
            # A key that is none would be found out only at the first sign-in.
            decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
            given = credential["response"].get("transports") or ()
            transports = [one.value for one in AuthenticatorTransport if one.value in given]
        except Exception:  # noqa: BLE001 - whatever the library makes of hostile bytes, it is no passkey
            raise PasskeyNotVerified from None
        if len(verified.credential_id) > CREDENTIAL_ID_BYTES_MAX or verified.sign_count > SIGN_COUNT_MAX:
            raise PasskeyNotVerified
        is_synced = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
        return Enrolled(
            verified.credential_id, verified.credential_public_key, verified.sign_count, transports, is_synced
        )

    def asserted(self, credential: Any, challenge: Challenge, public_key: bytes) -> Asserted:
        """Of an `AuthenticationResponseJSON` (§7.2, without step 22). Raises :class:`PasskeyNotVerified`.

        The library would compare the counter before the signature: then anybody who knows a credential's id could have
        it taken for a clone. It is told of no counter, and whoever calls compares.
        """
        try:
            _refuse_frames(credential)
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=challenge.bytes,
                expected_rp_id=self._id,
                expected_origin=self._origin,
                credential_public_key=public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
            given = credential["response"].get("userHandle")
            handle = None if given is None else base64url_to_bytes(given)
        except Exception:  # noqa: BLE001 - as above
            raise PasskeyNotVerified from None
        if verified.new_sign_count > SIGN_COUNT_MAX:
            raise PasskeyNotVerified
        is_synced = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
        return Asserted(verified.new_sign_count, is_synced, handle)


def credential_id_of(credential: Any) -> bytes:
    """Of what a browser sent. Raises :class:`PasskeyNotVerified`."""
    given = credential.get("rawId") if isinstance(credential, Mapping) else None
    try:
        found = base64url_to_bytes(given) if isinstance(given, str) else b""
    except ValueError:
        found = b""
    if not 0 < len(found) <= CREDENTIAL_ID_BYTES_MAX:
        raise PasskeyNotVerified
    return found


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(one) for one in passkey.transports]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports or None)


def _refuse_other_formats(credential: Any) -> None:
    attestation = parse_attestation_object(base64url_to_bytes(credential["response"]["attestationObject"]))
    if attestation.fmt not in _FORMATS:
        raise PasskeyNotVerified


def _refuse_frames(credential: Any) -> None:
    """A page of ours is never in another's frame (§7.1 step 10, §7.2 step 13)."""
    told = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
    if told.get("crossOrigin", False) is not False or "topOrigin" in told:
        raise PasskeyNotVerified
