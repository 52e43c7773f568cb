"""Where a client may be called back: what may be registered, and what matches (RFC 9700 §2.1, RFC 8252 §7 and §8)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from core.errors import BadInput
from core.text import Text

LOOPBACK: Final = re.compile(
    r"http://(?:127\.0\.0\.1|\[::1\])(?P<port>:[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?", re.ASCII
)
"""A callback on this machine (RFC 8252 §7.3). The address is spelt out, for `localhost` may be resolved to another
(§8.3); any path will do, since whoever holds the port holds its paths. No user, no query, no fragment."""
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()+,;=%\[\]-]+", re.ASCII)
"""Characters of RFC 3986 without `#` and `*`: a fragment carries an answer elsewhere, a star looks like a pattern."""
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+", re.ASCII)
"""A domain name turned round, `th.go.example.app` (RFC 8252 §7.1): at least one dot, so that no scheme of others'."""
_LENGTH_MAX: Final = 500


def is_loopback(uri: str) -> bool:
    match = LOOPBACK.fullmatch(uri)
    return match is not None and (match["port"] is None or int(match["port"][1:]) <= 65_535)


def is_of_a_site(uri: str, issuer: str) -> bool:
    """Whether it is called back at a web site, of ours or by https, which nobody else can be.

    A port or a private scheme of a device is whosever program takes it first (RFC 8252 §8.6).
    """
    return uri.startswith(("https://", f"{issuer}/"))


def check_registrable(uri: str, *, public: bool, development: bool = False) -> None:
    """Whether a client may register this as a redirect address, or as one to go to after signing out.

    https for all; for public clients also a private scheme of their own domain (RFC 8252 §7.1); http to a machine of
    the developer's in development. Loopback addresses are not registered one by one: a client has `loopback`.
    Raises `BadInput`.
    """
    if len(uri) > _LENGTH_MAX or not _URI.fullmatch(uri):
        raise _refused(
            Text(
                th="ต้องเป็นที่อยู่เต็ม ไม่มีเครื่องหมาย # และ *",
                en="it must be a whole address, without a fragment and without wildcards",
            )
        )
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - it raises for a port that cannot be
    except ValueError:
        raise _refused(Text(th="อ่านที่อยู่นี้ไม่ได้", en="this address cannot be read")) from None
    if "@" in parts.netloc:
        raise _refused(Text(th="ต้องไม่มีชื่อผู้ใช้", en="it must not have a user name in it"))
    is_https = parts.scheme == "https" and bool(parts.hostname)
    is_private = public and bool(_PRIVATE_SCHEME.fullmatch(parts.scheme)) and not parts.netloc and parts.path[:1] == "/"
    is_developers = development and parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not (is_https or is_private or is_developers):
        raise _refused(
            Text(
                th="ต้องเป็น https หรือ scheme ส่วนตัวของแอป เช่น th.go.example.app:/callback",
                en="it must be https, or for an app a scheme of its own such as th.go.example.app:/callback",
            )
        )


def _refused(why: Text) -> BadInput:
    return BadInput(why, path=("redirect_uris",))
