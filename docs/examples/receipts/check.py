"""Checks a receipt or a statement of Sitthi without a network: what its QR code holds, against a copy of the keys.

    python check.py ISSUER attestation-keys.json < what-the-qr-code-holds

`attestation-keys.json` is a copy of ISSUER/.well-known/attestation-keys.json that is not older than the paper, from a
source that you trust. Needs the package PyJWT with cryptography. Prints what was signed.
"""

import base64
import json
import sys
from datetime import datetime, timedelta, timezone

import jwt

KINDS = ("sitthi-receipt+jwt", "sitthi-statement+jwt")
SETTLES = timedelta(minutes=2)  # a server that has not heard of the next key yet may sign with the former one so long


def main(issuer, keys_file, scanned):
    token = scanned.strip().rpartition("#")[2]  # the address of a page may stand before it
    for part in token.split("."):  # written exactly as it was signed
        if base64.urlsafe_b64encode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))).decode().rstrip("=") != part:
            raise ValueError("not canonical base64url")
    with open(keys_file, encoding="utf-8") as file:
        keys = {key["kid"]: key for key in json.load(file)["keys"]}
    header = jwt.get_unverified_header(token)
    if header["typ"] not in KINDS or header["alg"] != "ES256":
        raise ValueError("neither a receipt nor a statement")
    key = keys[header["kid"]]
    options = {"require": ["iss", "iat"], "verify_iat": False}
    claims = jwt.decode(token, jwt.PyJWK(key, "ES256"), algorithms=["ES256"], issuer=issuer, options=options)
    at, ended = datetime.fromtimestamp(claims["iat"], timezone.utc), key["ended_at"]
    begins = datetime.fromisoformat(key["signs_from"]).replace(microsecond=0)
    if at < begins or (ended and at >= datetime.fromisoformat(ended) + SETTLES):
        raise ValueError("the key did not sign at that time")
    return claims


if __name__ == "__main__":
    try:
        print(json.dumps(main(*sys.argv[1:], sys.stdin.read()), ensure_ascii=False, indent=2))
    except (ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        sys.exit(f"NOT VERIFIED: {type(error).__name__}: {error}")
