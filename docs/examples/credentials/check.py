"""Checks a credential of a Sitthi without a network, by a bundle that was downloaded before.

    python check.py verification-bundle.json < credential.txt

The bundle is a copy of ISSUER/.well-known/verification-bundle.json, from a source that you trust, and not over yet. Needs
the package PyJWT with cryptography. Prints what the issuer signed and the holder disclosed. Whether the person before you
is the holder it does not tell: for that, have their wallet sign a nonce of yours, and look at the key-binding JWT too.
"""

import base64
import hashlib
import json
import sys
import zlib
from datetime import datetime, timedelta, timezone

import jwt

SETTLES = timedelta(days=1, minutes=2)  # a credential's `iat` is the beginning of its day
OPEN = {"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"}  # what nobody may hide


def unpacked(text):
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(content).decode().rstrip("=") != text:
        raise ValueError("not canonical base64url")
    return content


def signed(token, typ, keys):
    """The claims of a JWS of that type by one of these keys, ES256 and nothing else."""
    header = jwt.get_unverified_header(token)
    if header.get("typ") != typ or header["alg"] != "ES256" or "crit" in header:
        raise ValueError(f"this is no {typ}")
    unpacked(token.rpartition(".")[2])
    key = keys[header["kid"]]
    options = dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud"), False)
    claims = jwt.decode(token, jwt.PyJWK(key, "ES256"), algorithms=["ES256"], options=options)
    at, ended = datetime.fromtimestamp(claims["iat"], timezone.utc), key["ended_at"]
    begins = datetime.fromisoformat(key["signs_from"]).replace(hour=0, minute=0, second=0, microsecond=0)
    if at < begins or (ended and at >= datetime.fromisoformat(ended) + SETTLES):
        raise ValueError("the key did not sign at that time")
    return claims


def revealed(payload, disclosures):
    """RFC 9901 §7.1. What no digest names is refused, and so is what two digests name: many libraries let it pass."""
    by_digest = {}
    for one in disclosures:
        digest = base64.urlsafe_b64encode(hashlib.sha256(one.encode("ascii")).digest()).decode().rstrip("=")
        if digest in by_digest:
            raise ValueError("a disclosure comes twice")
        by_digest[digest] = json.loads(unpacked(one))
    seen = set()

    def found(digest, parts):
        if not isinstance(digest, str) or digest in seen:
            raise ValueError("a digest stands in two places")
        seen.add(digest)
        told = by_digest.get(digest)
        if told is not None and (not isinstance(told, list) or len(told) != parts):
            raise ValueError("a disclosure is not in form")
        return told

    def value(given, top=False):
        if isinstance(given, list):
            made = []
            for one in given:
                if not isinstance(one, dict) or "..." not in one:
                    made.append(value(one))
                elif len(one) > 1:
                    raise ValueError("a hidden element has more in it")
                elif (told := found(one["..."], 2)) is not None:
                    made.append(value(told[1]))
            return made
        if not isinstance(given, dict):
            return given
        if "..." in given:
            raise ValueError("a claim is named `...`")
        made = {name: value(one) for name, one in given.items() if name not in ("_sd", "_sd_alg")}
        for digest in given.get("_sd", []):
            if (told := found(digest, 3)) is None:
                continue
            name = told[1]
            if name in made or name in ("_sd", "...") or (top and name in OPEN):
                raise ValueError(f"`{name}` may not be disclosed here")
            made[name] = value(told[2])
        return made

    claims = value(payload, top=True)
    if not by_digest.keys() <= seen:
        raise ValueError("something is disclosed that the issuer never signed")
    return claims


def status_of(claims, bundle, issuer, keys, now):
    place = claims["status"]["status_list"]
    told = signed(bundle["lists"][place["uri"]], "statuslist+jwt", keys)
    if told["sub"] != place["uri"] or told["iss"] != issuer or told["exp"] <= now.timestamp():
        raise ValueError("the status list is not the issuer's, or too old")
    bits, content = told["status_list"]["bits"], zlib.decompress(unpacked(told["status_list"]["lst"]))
    byte, at = divmod(place["idx"] * bits, 8)
    return content[byte] >> at & ((1 << bits) - 1)


def main(bundle_file, shown):
    now = datetime.now(timezone.utc)
    with open(bundle_file, encoding="utf-8") as file:
        document = json.load(file)
    attesting = {key["kid"]: key for key in document["keys"]}
    bundle = signed(document["bundle"], "sitthi-verification-bundle+jwt", attesting)
    if datetime.fromisoformat(bundle["until"]) <= now:
        raise ValueError("the bundle is over: download a new one")
    token, *disclosures, _ = "".join(shown.split()).split("~")  # the last part is the holder's proof, or empty
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    keys = next(
        ({key["kid"]: key for key in one["keys"]} for one in bundle["issuers"] if one["issuer"] == issuer), None
    )
    if keys is None:
        raise ValueError("the issuer is not on the list")
    payload = signed(token, "dc+sd-jwt", keys)
    if payload.get("_sd_alg", "sha-256") != "sha-256":
        raise ValueError("another hash than SHA-256")
    claims = revealed(payload, disclosures)
    if not claims["vct"].startswith(f"{issuer}/"):
        raise ValueError("its type is another issuer's")
    if claims["exp"] <= now.timestamp() or claims.get("nbf", 0) > now.timestamp():
        raise ValueError("it has expired, or is not valid yet")
    if "status" in claims and status_of(claims, bundle, issuer, keys, now) != 0:
        raise ValueError("it was taken back, or is suspended")
    return claims


if __name__ == "__main__":
    try:
        print(json.dumps(main(sys.argv[1], sys.stdin.read()), ensure_ascii=False, indent=2))
    except (ValueError, KeyError, TypeError, IndexError, zlib.error, jwt.PyJWTError) as error:
        sys.exit(f"NOT VERIFIED: {type(error).__name__}: {error}")
