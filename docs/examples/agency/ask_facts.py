"""Asks Sitthi for facts of one person, in an agency's name.

    TOKEN=… python ask_facts.py ISSUER PURPOSE ATTRIBUTE,ATTRIBUTE… < national-id > answer.json

TOKEN is an access token as get_token.py prints it. The 13 digits come by standard input: on a command line, others on the
machine could read them, and in an address every proxy would write them down. Needs no package.
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid

issuer, purpose, attributes = sys.argv[1:]
body = {
    "requestId": str(uuid.uuid4()),  # new for each request, also when the last one failed
    "purpose": purpose,
    "attributes": attributes.split(","),
    "agent": {"kind": "SYSTEM", "id": "nightly-screening"},  # or an officer: {"kind": "OFFICER", "id": "<32 hex digits>"}
    "person": {"nationalId": sys.stdin.read().strip()},
}
request = urllib.request.Request(
    f"{issuer}/agency/v1/facts",
    json.dumps(body).encode(),
    {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"},
)
try:
    with urllib.request.urlopen(request, timeout=30) as answer:
        told = json.load(answer)
except urllib.error.HTTPError as error:
    sys.exit(f"refused: {error.status} {error.read().decode()}")
for fact in told["facts"]["facts"]:
    print(fact["attribute"], fact["state"], fact.get("value", fact.get("reason")), file=sys.stderr)
json.dump(told, sys.stdout, ensure_ascii=False, indent=2)  # keep it whole: the attestation in it is the evidence
