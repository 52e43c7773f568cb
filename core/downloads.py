"""How a file is sent to the browser of whom it belongs to: never as a page of ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DOWNLOADED_AS: Final = "application/octet-stream"
"""What somebody says of the media type is told, and never believed: no browser shows a file as a page of ours."""
HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
)
