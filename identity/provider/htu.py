"""Addresses of requests, written in one way, so that two spellings of one address are equal (RFC 3986 §6.2)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_ADDRESS: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
"""Characters of a URI (RFC 3986 §2), `%` among them."""
_PERCENT: Final = re.compile(r"%(.{0,2})", re.DOTALL)
_HEX: Final = re.compile(r"[0-9A-Fa-f]{2}", re.ASCII)
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PORTS: Final = {"http": 80, "https": 443}


def normalised(address: str) -> str:
    """Without query and fragment (RFC 9449 §4.3): lower-case scheme and host, no default port, no dot segments, and of
    percent-encodings only those that are needed, in capitals. Raises ValueError for what is not an http(s) address."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError("not an address")
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or "@" in parts.netloc or "%" in parts.netloc or not parts.hostname:
        raise ValueError("not an http address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _PORTS[scheme]) else f":{parts.port}"
    return f"{scheme}://{host}{port}{_without_dots(_decoded(parts.path))}"


def _decoded(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if not _HEX.fullmatch(match[1]):
            raise ValueError("not a percent-encoding")
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else f"%{match[1].upper()}"

    return _PERCENT.sub(one, text)


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4, of an absolute path; an empty one is `/`."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
        if is_last and segment in (".", ".."):
            kept.append("")
    return "/" + "/".join(kept)
