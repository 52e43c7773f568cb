"""Makes a key for an agency's system: the private half into a file of yours, the public half for Sitthi.

    python new_key.py private-key.json jwks.json

Needs the package PyJWT with cryptography. Keep the private half where the system's other secrets are; Sitthi never sees it.
"""

import json
import os
import sys
from datetime import date

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

private_file, public_file = sys.argv[1:]
key = ec.generate_private_key(ec.SECP256R1())
common = {"kid": date.today().isoformat(), "use": "sig", "alg": "ES256"}

with os.fdopen(os.open(private_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
    json.dump({**json.loads(ECAlgorithm.to_jwk(key)), **common, "key_ops": ["sign"]}, file)
public = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), **common, "key_ops": ["verify"]}
with open(public_file, "w") as file:
    json.dump({"keys": [public]}, file, indent=2)
