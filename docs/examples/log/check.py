"""Checks all that a citizen fetched of their access log, and that its history is still the one they kept.

    python check.py ISSUER entries.json [KEPT-HEAD …] > head

entries.json is the answer to entries.graphql. Needs Python 3.9 or newer and the package cryptography. Prints the
newest head: keep it, and give it next time.
"""

import json
import sys
import urllib.request

from head import opened
from verify import consistent, included

issuer, entries, *kept = sys.argv[1:]


def get(path):
    with urllib.request.urlopen(issuer + path, timeout=10) as answer:
        return json.load(answer)


def same_history(old):
    first, second = opened(old, keys)[0], opened(now, keys)[0]
    if first > second:
        sys.exit(f"the log had {first} records, and now it has {second}")
    path = get(f"/verify/log/consistency?from={first}&to={second}")["path"] if first < second else []
    consistent(old, now, path, keys)


keys = get("/.well-known/attestation-keys.json")["keys"]
now = get("/verify/log/head")["signed"]
with open(entries) as file:
    nodes = json.load(file)["data"]["viewer"]["accessLog"]["nodes"]
for proof in (proof for node in nodes for proof in node["proofs"]):
    if proof["state"] == "PROVED":
        included(proof["record"], proof["inclusion"], keys)
        same_history(proof["inclusion"]["head"])
        print("proved:", proof["record"]["document"], file=sys.stderr)
    else:
        print("not yet:", proof["state"], file=sys.stderr)
for name in kept:
    with open(name) as file:
        same_history(file.read().strip())
print(now)
