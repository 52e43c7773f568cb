"""A wallet in one file, for trying things out: fetches a credential by an offer, shows it (OpenID4VCI 1.0, RFC 9901).

    python wallet.py fetch "openid-credential-offer://…" DIGITS key.json > credential.txt
    python wallet.py show credential.txt key.json AUDIENCE NONCE > presentation.txt

`fetch` makes the key that the credential is bound to, keeps it in key.json, and prints the credential, which discloses
everything. `show` adds a key-binding JWT: whoever asked for AUDIENCE and NONCE can tell that it is not a copy. A real
wallet leaves out the disclosures that its holder does not choose. Needs the package PyJWT with cryptography.
"""

import base64
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"


def asked(address, content=None, **headers):
    """The JSON at an address. With content, it is sent by POST: a text as a form, else as JSON."""
    if content is not None and not isinstance(content, bytes):
        headers["content-type"] = "application/json"
        content = json.dumps(content).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, content, headers)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        sys.exit(f"{address}: {refused.code} {refused.read().decode(errors='replace')}")


def metadata(issuer, which):
    """RFC 8414 §3.1: the well-known part stands between the host and the path."""
    parts = urlsplit(issuer)
    return asked(f"{parts.scheme}://{parts.netloc}/.well-known/{which}{parts.path}")


def fetch(uri, digits, key_file):
    [place] = parse_qs(urlsplit(uri).query)["credential_offer_uri"]
    offer = asked(place)
    issuer = offer["credential_issuer"]
    about, server = metadata(issuer, "openid-credential-issuer"), metadata(issuer, "oauth-authorization-server")
    form = {
        "grant_type": GRANT,
        "pre-authorized_code": offer["grants"][GRANT]["pre-authorized_code"],
        "tx_code": digits,
    }
    token = asked(server["token_endpoint"], urlencode(form).encode())
    [name] = offer["credential_configuration_ids"]
    wanted = {"credential_configuration_id": name}
    if "proof_types_supported" in about["credential_configurations_supported"][name]:
        nonce = asked(about["nonce_endpoint"], b"")["c_nonce"]
        key = ec.generate_private_key(ec.SECP256R1())
        claims = {"aud": issuer, "iat": int(time.time()), "nonce": nonce}
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        headers = {"typ": "openid4vci-proof+jwt", "jwk": {part: public[part] for part in ("kty", "crv", "x", "y")}}
        wanted["proofs"] = {"jwt": [jwt.encode(claims, key, "ES256", headers=headers)]}
        with open(os.open(key_file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as kept:
            kept.write(jwt.algorithms.ECAlgorithm.to_jwk(key))
    bearer = {"authorization": f"Bearer {token['access_token']}"}
    return asked(about["credential_endpoint"], wanted, **bearer)["credentials"][0]["credential"]


def show(credential, key, audience, nonce):
    """RFC 9901 §4.3: the proof names by its hash what stands before it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(credential.encode("ascii")).digest()).decode().rstrip("=")
    claims = {"iat": int(time.time()), "aud": audience, "nonce": nonce, "sd_hash": digest}
    return credential + jwt.encode(claims, jwt.PyJWK(json.loads(key), "ES256").key, "ES256", headers={"typ": "kb+jwt"})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fetch", uri, digits, key_file]:
            print(fetch(uri, digits, key_file))
        case ["show", credential_file, key_file, audience, nonce]:
            with open(credential_file) as credential, open(key_file) as key:
                print(show(credential.read().strip(), key.read(), audience, nonce))
        case _:
            sys.exit(__doc__)
