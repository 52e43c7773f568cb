"""What a browser is called in the list of sessions: its kind and its system, never the whole User-Agent."""

from __future__ import annotations

import re
from typing import Final

from core.text import Text

_UNKNOWN: Final = "?"
"""As it is kept of a browser that does not say; :func:`shown` has the words for it."""
_UNKNOWN_SHOWN: Final = Text(th="ไม่ทราบชนิดของอุปกรณ์", en="device of unknown kind")
# The order matters: each of these names itself after the ones below it, too.
_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Line", re.compile(r"\bLine/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Headless)?Chrom(?:e|ium)/|\bCriOS/")),
    ("Safari", re.compile(r"\bSafari/")),
)
_SYSTEMS: Final = (
    ("Android", re.compile(r"\bAndroid\b")),
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("Linux", re.compile(r"\bLinux\b|\bX11\b")),
)


def device_of(user_agent: str | None) -> str:
    """`Chrome · Android`; `?` where the browser does not say."""
    said = (user_agent or "")[:1_000]
    browser = next((name for name, told in _BROWSERS if told.search(said)), None)
    system = next((name for name, told in _SYSTEMS if told.search(said)), None)
    return " · ".join(part for part in (browser, system) if part) or _UNKNOWN


def shown(device: str) -> Text:
    """What :func:`device_of` answered, as a person reads it."""
    return _UNKNOWN_SHOWN if device == _UNKNOWN else Text(th=device, en=device)
