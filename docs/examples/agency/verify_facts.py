"""Proves, without asking anybody, that Sitthi gave this answer about a person: to a court, in ten years.

    python verify_facts.py ISSUER answer.json attestation-keys.json FIRST_KEY

`answer.json` holds the attestation (one answer of /agency/v1/facts, or of a batch). `attestation-keys.json` is any copy of
ISSUER/.well-known/attestation-keys.json that is not older than the answer. FIRST_KEY is the key that you trust: the thumbprint
(`kid`) of a key that was known to be Sitthi's before the answer was given. Every later key is attested by the one before it, so
nothing else in the copy needs to be trusted. Needs the package PyJWT with cryptography. Prints what was signed.
"""

import base64
import hashlib
import json
import sys

import jwt

FACTS, SUCCESSION = "sitthi-facts+jwt", "sitthi-key-succession+jwt"
SETTLES_SECONDS = 120  # a server that has not heard of the next key yet may sign with the former one so long
MEMBERS = ("crv", "kty", "x", "y")


def must(holds, why):  # not `assert`, which `python -O` leaves out
    if not holds:
        raise ValueError(why)


def thumbprint(key):  # RFC 7638
    canonical = json.dumps({name: key[name] for name in MEMBERS}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).decode().rstrip("=")


def verified(token, key, kind, issuer):
    """The claims, signed by this very key."""
    header = jwt.get_unverified_header(token)
    must(header["typ"] == kind and header["alg"] == "ES256" and header["kid"] == key["kid"], "of another kind or key")
    return jwt.decode(
        token, jwt.PyJWK(key, "ES256"), algorithms=["ES256"], issuer=issuer,
        options={"require": ["iss", "iat"], "verify_iat": False, "verify_exp": False, "verify_nbf": False,
                 "verify_aud": False},
    )  # fmt: skip


def line_of(keys, first, issuer):
    """The keys that the first one leads to, each with the seconds from which and until which it signed."""
    by_kid = {key["kid"]: key for key in keys if thumbprint(key) == key["kid"]}
    former = {jwt.get_unverified_header(key["succession"])["kid"]: key for key in by_kid.values() if key["succession"]}
    key, begins = by_kid[first], 0
    while key is not None:
        successor = former.get(key["kid"])
        ends = None
        if successor is not None:
            said = verified(successor["succession"], key, SUCCESSION, issuer)
            must(all(said["jwk"][name] == successor[name] for name in MEMBERS), "the successor is another key")
            ends = said["iat"]
            must(ends >= begins, "a key before its time")
        yield key, begins, ends
        key, begins = successor, ends


def main(issuer, answer_file, keys_file, first):
    with open(answer_file, encoding="utf-8") as file:
        attestation = json.load(file)["attestation"]
    with open(keys_file, encoding="utf-8") as file:
        keys = json.load(file)["keys"]
    kid = jwt.get_unverified_header(attestation)["kid"]
    for key, begins, ends in line_of(keys, first, issuer):
        if key["kid"] == kid:
            claims = verified(attestation, key, FACTS, issuer)
            must(claims["iat"] >= begins, "signed before the key's time")
            must(ends is None or claims["iat"] < ends + SETTLES_SECONDS, "signed after the key's time")
            return claims
    raise ValueError("the first key does not lead to the one that signed this")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        print(json.dumps(main(*sys.argv[1:]), ensure_ascii=False, indent=2))
    except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        sys.exit(f"NOT VERIFIED: {type(error).__name__}: {error}")
