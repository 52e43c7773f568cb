"""No version is published without a report on it: what the check of the tree looks at (`sitthi rules published`).

Programmes are data in the tree, so what is published is what is merged. In `welfare/programmes/impact` lie:

- `before.txt`: the versions that were there when the rule came, by their digests
- `keys.json`: the attestation keys (RFC 7517) of the installations whose reports count
- `<digest>.jwt`: the signed report on that version
- `unmeasured.txt`: versions of programmes that cannot be looked at as a whole yet: a digest, then why; for reviewers
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import jwt

from core.attestation.service import ALGORITHM, ATTESTATION_BYTES_MAX
from welfare import programmes as programmes_room
from welfare.programmes import Programme, Version, freeze

FOLDER: Final = Path(programmes_room.__file__).parent / "impact"
TYP: Final = "sitthi-rule-impact+jwt"
REASON_WORDS_MIN: Final = 4
"""Of a line in `unmeasured.txt`: the digest and a reason."""
_WORDS: Final = ("text", "law", "source", "unverified", "until", "status", "form")


def digest_of(programme: Programme | None, version: Version) -> str:
    """SHA-256, in hexadecimal, of all by which it decides: conditions, amounts, types of facts, its first day, and its
    last where nothing follows. Its words are no part of it, nor is what follows it."""
    plain = _without_words(freeze(version))
    followed = programme is not None and any(
        other.starts == version.until + timedelta(days=1) for other in programme.versions if version.until is not None
    )
    plain["ends"] = None if version.until is None or followed else version.until.isoformat()
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _without_words(value: Any) -> Any:
    """Nor what says nothing, so that a key which comes with a later form of freezing changes no digest."""
    if isinstance(value, dict):
        plain = {key: _without_words(one) for key, one in value.items() if key not in _WORDS}
        return {
            key: one for key, one in plain.items() if one is not None and one is not False and one not in ("", [], {})
        }
    return [_without_words(one) for one in value] if isinstance(value, list) else value


def published(programmes: Iterable[Programme]) -> Iterator[tuple[str, str]]:
    """The name of every version that is to be in force some day, and its digest."""
    for programme in programmes:
        for version in programme.versions:
            yield f"{programme.slug} from {version.starts}", digest_of(programme, version)


def without_report(programmes: Iterable[Programme], folder: Path = FOLDER) -> list[str]:
    """The versions for which there is no report that counts; empty where all is in order."""
    earlier = _digests(folder / "before.txt")
    earlier |= _digests(folder / "unmeasured.txt", words_min=REASON_WORDS_MIN)
    keys = {key["kid"]: jwt.PyJWK(key) for key in json.loads((folder / "keys.json").read_text("utf-8"))["keys"]}
    return [
        f"{name} ({digest})"
        for name, digest in published(programmes)
        if digest not in earlier and not _has_report(folder / f"{digest}.jwt", digest, keys)
    ]


def _digests(file: Path, *, words_min: int = 1) -> set[str]:
    """Of each line its first word, if it has so many and is no remark."""
    lines = [line.split() for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {words[0] for words in lines if len(words) >= words_min}


def _has_report(file: Path, digest: str, keys: dict[str, jwt.PyJWK]) -> bool:
    try:
        token = file.read_text("ascii").strip()
        header = jwt.get_unverified_header(token)
        key = keys[header["kid"]]
        if len(token) > ATTESTATION_BYTES_MAX or header["typ"] != TYP:
            return False
        off = dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud"), False)
        claims = jwt.decode(token, key, algorithms=[ALGORITHM], options=off)  # type: ignore[arg-type]  # as its docs say
    except (OSError, UnicodeDecodeError, KeyError, jwt.PyJWTError):
        return False
    return claims.get("rule") == digest
