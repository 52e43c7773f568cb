"""An access token for an agency's system: client credentials with private_key_jwt (RFC 6749 §4.4, RFC 7523).

    python get_token.py ISSUER CLIENT_ID private-key.json [SCOPE …]

Needs the package PyJWT with cryptography. Prints the token; it is good for ten minutes, so keep it and ask again when it
is about to expire, not for each request.
"""

import json
import sys
import time
import urllib.parse
import urllib.request
import uuid

import jwt

issuer, client_id, key_file, *scopes = sys.argv[1:]
with open(key_file) as file:
    key = json.load(file)

now = int(time.time())
assertion = jwt.encode(
    {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,  # the issuer itself, not the token endpoint
        "jti": str(uuid.uuid4()),  # each assertion is good once
        "iat": now,
        "exp": now + 60,
    },
    jwt.PyJWK(key, "ES256").key,
    algorithm="ES256",
    headers={"kid": key["kid"]},
)
fields = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": assertion,
    "resource": f"{issuer}/agency",
    **({"scope": " ".join(scopes)} if scopes else {}),
}
try:
    with urllib.request.urlopen(f"{issuer}/oauth/token", urllib.parse.urlencode(fields).encode(), timeout=10) as answer:
        print(json.load(answer)["access_token"])
except urllib.error.HTTPError as error:
    sys.exit(f"refused: {json.load(error)}")
